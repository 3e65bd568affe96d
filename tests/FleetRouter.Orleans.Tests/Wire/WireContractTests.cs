using System.Reflection;
using FleetRouter.Orleans.Pools;

namespace FleetRouter.Orleans.Tests.Wire;

/// <summary>What silos tell each other is held in a file that is reviewed: while a cluster is upgraded two builds talk.</summary>
public sealed class WireContractTests
{
    internal const string Contract = "src/FleetRouter.Orleans/Wire/contract.txt";

    [Fact]
    public void The_contract_is_as_it_was_agreed()
    {
        string path = Path.Combine(CheckoutFolder.Root, Contract);
        string[] found = [.. Lines()];
        if (Environment.GetEnvironmentVariable("FLEETROUTER_WRITE_CONTRACT") is not null)
            File.WriteAllLines(path, found);
        string[] agreed = [.. File.ReadAllLines(path)];
        string[] gone = [.. agreed.Except(found)], added = [.. found.Except(agreed)];
        Assert.True(gone.Length == 0, $"the build before speaks what this one does not: {string.Join("; ", gone)}. Leave it in, or say in {Contract} why it may go");
        Assert.True(added.Length == 0, $"{Contract} lacks: {string.Join("; ", added)}. Review it, then write it with FLEETROUTER_WRITE_CONTRACT=1");
    }

    /// <summary>Every message with its fields' numbers, every grain with its calls.</summary>
    private static IEnumerable<string> Lines()
    {
        Type[] types = [.. typeof(IPoolGrain).Assembly.GetTypes().Where(t => AliasOf(t) is not null)
            .OrderBy(AliasOf, StringComparer.Ordinal)];
        foreach (Type type in types)
        {
            if (type.IsInterface)
                foreach (MethodInfo call in type.GetMethods().OrderBy(m => m.Name, StringComparer.Ordinal))
                    yield return $"{AliasOf(type)} {call.GetCustomAttribute<AliasAttribute>()?.Alias ?? "UNNAMED " + call.Name}"
                        + $"({string.Join(", ", call.GetParameters().Select(p => NameOf(p.ParameterType)))}) {NameOf(call.ReturnType)}";
            else
            {
                yield return $"{AliasOf(type)}{(type.BaseType is { } parent && AliasOf(parent) is { } of ? " is " + of : "")}";
                foreach ((PropertyInfo field, uint id) in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
                    .Select(p => (p, p.GetCustomAttribute<IdAttribute>()?.Id)).Where(p => p.Id is not null).Select(p => (p.p, p.Id!.Value)).OrderBy(p => p.Value))
                    yield return $"{AliasOf(type)} {id} {NameOf(field.PropertyType)} {field.Name}";
            }
        }
    }

    private static string? AliasOf(Type type) => type.GetCustomAttribute<AliasAttribute>(false)?.Alias;

    private static string NameOf(Type type) => AliasOf(type) ?? (type switch
    {
        _ when Nullable.GetUnderlyingType(type) is { } inner => NameOf(inner) + "?",
        { IsArray: true } => NameOf(type.GetElementType()!) + "[]",
        { IsGenericType: true } => $"{type.Name[..type.Name.IndexOf('`')]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>",
        _ => type.Name,
    });
}
