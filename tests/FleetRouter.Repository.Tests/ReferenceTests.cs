namespace FleetRouter.Repository.Tests;

/// <summary>The arrows between projects, as the architecture draws them.</summary>
public sealed class ReferenceTests
{
    private static readonly string[] Adapters = ["FleetRouter.Engines", "FleetRouter.Storage", "FleetRouter.Classification"];

    private static readonly Dictionary<string, string[]> MayReferTo = new()
    {
        ["FleetRouter.Domain"] = [],
        ["FleetRouter.Simulation"] = ["FleetRouter.Domain"],
        ["FleetRouter.Hosting"] = ["FleetRouter.Domain"],
        ["FleetRouter.Engines"] = ["FleetRouter.Domain", "FleetRouter.Hosting"],
        ["FleetRouter.Storage"] = ["FleetRouter.Domain", "FleetRouter.Hosting"],
        ["FleetRouter.Classification"] = ["FleetRouter.Domain", "FleetRouter.Hosting"],
        ["FleetRouter.Orleans"] = ["FleetRouter.Domain", "FleetRouter.Hosting"],
        ["FleetRouter.Gateway"] = ["FleetRouter.Domain", "FleetRouter.Hosting", "FleetRouter.Orleans", .. Adapters],
        ["FleetRouter.EngineSim"] = ["FleetRouter.Domain", "FleetRouter.Simulation"],
        ["FleetRouter.LoadGen"] = ["FleetRouter.Domain", "FleetRouter.Simulation"],
    };

    /// <summary>The one that measures the gateway against YARP alone.</summary>
    private const string Yardstick = "FleetRouter.Benchmarks";

    /// <summary>Packages with one home each, whoever wants them.</summary>
    private static readonly (string Prefix, string Home)[] Homes =
    [
        ("Yarp.", "FleetRouter.Gateway"), ("Npgsql", "FleetRouter.Storage"), ("Microsoft.ML.OnnxRuntime", "FleetRouter.Classification"),
        ("Microsoft.Orleans", "FleetRouter.Orleans"),
    ];

    [Fact]
    public void The_projects_are_found() => Assert.Contains(Project.All, project => project.Name == "FleetRouter.Domain");

    [Fact]
    public void Every_project_refers_only_to_what_the_architecture_allows() => Expect.None(Project.All.SelectMany(Violations));

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = Checkout.Text("FleetRouter.sln").Replace('\\', '/');
        Expect.None(Project.All.Where(project => !solution.Contains($"\"{project.File}\"", StringComparison.Ordinal)).Select(project => $"{project.File} is not in FleetRouter.sln"));
    }

    [Theory]
    [InlineData("src/FleetRouter.Domain", "<ProjectReference Include=\"../FleetRouter.Hosting/FleetRouter.Hosting.csproj\" />", "may not refer to FleetRouter.Hosting")]
    [InlineData("src/FleetRouter.Domain", "<PackageReference Include=\"Polly.Core\" />", "may not use a package: Polly.Core")]
    [InlineData("src/FleetRouter.Domain", "<FrameworkReference Include=\"Microsoft.AspNetCore.App\" />", "may not use a framework: Microsoft.AspNetCore.App")]
    [InlineData("src/FleetRouter.Engines", "<ProjectReference Include=\"..\\FleetRouter.Storage\\FleetRouter.Storage.csproj\" />", "may not refer to FleetRouter.Storage")]
    [InlineData("src/FleetRouter.Hosting", "<PackageReference Include=\"Npgsql\" />", "only FleetRouter.Storage may use Npgsql")]
    [InlineData("loadgen/FleetRouter.LoadGen", "<PackageReference Include=\"Yarp.ReverseProxy\" />", "only FleetRouter.Gateway may use Yarp.ReverseProxy")]
    [InlineData("tests/FleetRouter.Gateway.Tests", "<PackageReference Include=\"Yarp.ReverseProxy\" />", "only FleetRouter.Gateway may use Yarp.ReverseProxy")]
    [InlineData("loadgen/FleetRouter.LoadGen", "<ProjectReference Include=\"../../tests/FleetRouter.Benchmarks/FleetRouter.Benchmarks.csproj\" />", "may not refer to FleetRouter.Benchmarks")]
    [InlineData("src/FleetRouter.Extras", "", "is not in the architecture")]
    public void A_wrong_arrow_is_found(string folder, string item, string expected)
    {
        string file = $"{folder}/{Path.GetFileName(folder)}.csproj";
        var project = Project.Read(file, $"<Project Sdk=\"Microsoft.NET.Sdk\"><ItemGroup>{item}</ItemGroup></Project>");
        Assert.Contains(expected, Assert.Single(Violations(project)));
    }

    private static IEnumerable<string> Violations(Project project)
    {
        foreach (var package in project.Packages)
        {
            var (prefix, home) = Homes.FirstOrDefault(entry => package.Name.StartsWith(entry.Prefix, StringComparison.Ordinal));
            if (prefix is not null && home != project.Name && !(prefix == "Yarp." && project.Name == Yardstick))
                yield return $"{project.File}: only {home} may use {package.Name}";
        }
        if (!project.IsProduct) yield break;
        if (!MayReferTo.TryGetValue(project.Name, out var allowed))
        {
            yield return $"{project.File} is not in the architecture; say here what it may refer to";
            yield break;
        }
        foreach (string reference in project.References.Except(allowed))
            yield return $"{project.File} may not refer to {reference}";
        if (project.Name != "FleetRouter.Domain") yield break;
        foreach (var package in project.Packages)
            if (!(package.Private && package.Name.EndsWith("Analyzers", StringComparison.Ordinal)))
                yield return $"{project.File} may not use a package: {package.Name}";
        foreach (string framework in project.Frameworks) yield return $"{project.File} may not use a framework: {framework}";
        if (project.Sdk != "Microsoft.NET.Sdk") yield return $"{project.File} may not use {project.Sdk}";
    }
}
