using System.Buffers;
using System.Runtime.InteropServices;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.WireProtocol;

namespace FleetRouter.Orleans.Wire;

/// <summary>Hashes of a prompt's blocks, the bulk of every question: as they lie in memory, eight bytes each, the least first.</summary>
[Immutable, Alias("fleetrouter.blocks")]
internal readonly record struct BlocksOnWire(ulong[]? Hashes);

/// <summary>Writes them at once: Orleans' own codec gives each element of an array a header.</summary>
[RegisterSerializer]
internal sealed class BlocksCodec : IFieldCodec<BlocksOnWire>
{
    public void WriteField<TBufferWriter>(ref Writer<TBufferWriter> writer, uint fieldIdDelta, Type? expectedType, BlocksOnWire value) where TBufferWriter : IBufferWriter<byte>
    {
        ReferenceCodec.MarkValueField(writer.Session);
        writer.WriteFieldHeader(fieldIdDelta, expectedType, typeof(BlocksOnWire), WireType.LengthPrefixed);
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(value.Hashes.AsSpan());
        writer.WriteVarUInt32((uint)bytes.Length);
        writer.Write(bytes);
    }

    public BlocksOnWire ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        ReferenceCodec.MarkValueField(reader.Session);
        field.EnsureWireType(WireType.LengthPrefixed);
        uint length = reader.ReadVarUInt32();
        reader.EnsureAvailable(length);
        if (length % sizeof(ulong) != 0)
            throw new InvalidDataException($"{length} bytes are no whole number of block hashes");
        var hashes = new ulong[length / sizeof(ulong)];
        reader.ReadBytes(MemoryMarshal.AsBytes(hashes.AsSpan()));
        return new BlocksOnWire(hashes);
    }
}
