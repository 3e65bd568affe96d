using System.Xml.Linq;

namespace FleetRouter.Repository.Tests;

/// <summary>One project file, as much of it as the rules ask for.</summary>
internal sealed record Project(string File, string Name, IReadOnlyList<string> References, IReadOnlyList<Package> Packages, IReadOnlyList<string> Frameworks, string Sdk)
{
    /// <summary>Every project of the repository.</summary>
    public static IReadOnlyList<Project> All { get; } =
        [.. Checkout.Files.Where(file => file.EndsWith(".csproj", StringComparison.Ordinal)).Select(file => Read(file, Checkout.Text(file)))];

    public bool IsProduct => Checkout.IsProduct(File);

    public static Project Read(string file, string text)
    {
        var root = XDocument.Parse(text).Root!;
        IReadOnlyList<string> Names(string element) => [.. root.Descendants(element).Select(item => (string)item.Attribute("Include")!)];
        return new Project(file, Path.GetFileNameWithoutExtension(file),
            [.. Names("ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/')))],
            [.. root.Descendants("PackageReference").Select(item => new Package((string)item.Attribute("Include")!,
                string.Equals((string?)item.Attribute("PrivateAssets"), "all", StringComparison.OrdinalIgnoreCase)))],
            Names("FrameworkReference"), (string?)root.Attribute("Sdk") ?? "");
    }
}

/// <summary>A package a project asks for; <paramref name="Private"/> where it ends with the compilation.</summary>
internal sealed record Package(string Name, bool Private);
