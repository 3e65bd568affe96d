using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting.Journal;

/// <summary>Events and decisions as JSON, exact: what is read back equals what was written, times to the tick and numbers to
/// the bit. A field added to an event or a decision is written and read without being named here.</summary>
/// <remarks>Times and spans are seconds, hashes hexadecimal, block hashes base64 of their bytes (little-endian), enumerations
/// kebab-case; an event's or effect's kind stands first as <c>kind</c>. What is null is left out.</remarks>
public static class JournalJson
{
    /// <summary>One line per value.</summary>
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { NameKinds, RequireWhatIsNeverNull } },
        Converters =
        {
            new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false), new SecondsConverter(), new HexConverter(), new HashesConverter(),
        },
    };

    private static void NameKinds(JsonTypeInfo type)
    {
        if (type.Type != typeof(PoolEvent) && type.Type != typeof(PoolEffect))
            return;
        type.PolymorphismOptions = new JsonPolymorphismOptions { TypeDiscriminatorPropertyName = "kind" };
        foreach (Type kind in type.Type.Assembly.GetTypes().Where(t => t.IsSubclassOf(type.Type)).OrderBy(t => t.Name, StringComparer.Ordinal))
            type.PolymorphismOptions.DerivedTypes.Add(new JsonDerivedType(kind, JsonNamingPolicy.KebabCaseLower.ConvertName(kind.Name)));
    }

    /// <summary>A value that may be null may be left out; no other may, unless its type gives it a default.</summary>
    private static void RequireWhatIsNeverNull(JsonTypeInfo type)
    {
        foreach (JsonPropertyInfo property in type.Properties)
            if (property.IsRequired && (property.IsSetNullable || Nullable.GetUnderlyingType(property.PropertyType) is not null))
                property.IsRequired = false;
    }

    /// <summary>Spans of time as seconds, seven decimals deep where they need them.</summary>
    private sealed class SecondsConverter : JsonConverter<TimeSpan>
    {
        public override TimeSpan Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            reader.TryGetDecimal(out decimal seconds) && Math.Abs(seconds) < long.MaxValue / TimeSpan.TicksPerSecond
                ? TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond))
                : throw new JsonException("no number of seconds");

        public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.Ticks / (decimal)TimeSpan.TicksPerSecond);
    }

    /// <summary>Hashes as hexadecimal text, since JavaScript's numbers cannot hold them.</summary>
    private sealed class HexConverter : JsonConverter<ulong>
    {
        public override ulong Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            ulong.TryParse(reader.GetString(), System.Globalization.NumberStyles.AllowHexSpecifier, null, out ulong hash)
                ? hash
                : throw new JsonException("no hexadecimal number");

        public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options)
        {
            Span<char> digits = stackalloc char[16];
            value.TryFormat(digits, out _, "x16");
            writer.WriteStringValue(digits);
        }
    }

    /// <summary>A prompt's block hashes in one piece.</summary>
    private sealed class HashesConverter : JsonConverter<ulong[]>
    {
        public override ulong[] Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
        {
            byte[] bytes = reader.GetBytesFromBase64();
            if (bytes.Length % sizeof(ulong) != 0)
                throw new JsonException("block hashes that are no whole number of hashes");
            ulong[] hashes = MemoryMarshal.Cast<byte, ulong>(bytes).ToArray();
            Order(hashes);
            return hashes;
        }

        public override void Write(Utf8JsonWriter writer, ulong[] value, JsonSerializerOptions options)
        {
            if (!BitConverter.IsLittleEndian)
                Order(value = [.. value]);
            writer.WriteBase64StringValue(MemoryMarshal.AsBytes(value.AsSpan()));
        }

        private static void Order(ulong[] hashes)
        {
            if (!BitConverter.IsLittleEndian)
                System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(hashes, hashes);
        }
    }
}
