namespace FleetRouter.Repository.Tests;

public sealed class DocumentationTests
{
    [Fact]
    public void There_is_a_readme() => Assert.True(Checkout.Exists("README.md"), "README.md is missing: it is the first page a stranger reads");

    [Fact]
    public void Everything_that_readme_and_docs_name_exists() => Expect.None(
        Documentation.Pages.Where(Checkout.Exists).SelectMany(page => new Documentation(page, Checkout.Text(page)).Missing()));

    [Theory]
    [InlineData("see `src/FleetRouter.Nowhere/Thing.cs`", "no such file or folder")]
    [InlineData("run `./flee demo`", "no such file or folder")]
    [InlineData("run `./fleet dance`", "no such verb")]
    [InlineData("```\n./fleet dance\n```", "no such verb")]
    [InlineData("see [this](nowhere.md)", "leads nowhere")]
    [InlineData("see [this](#no-heading)", "leads nowhere")]
    [InlineData("`Nowhere.csproj`", "no such file")]
    [InlineData("`RouterThatIsNot` decides", "no such type")]
    [InlineData("`EngineReport.Nonsense`", "has no Nonsense")]
    [InlineData("`FleetRouter.Nowhere`", "no such project")]
    [InlineData("`src/*/Nothing*.cs`", "no such file or folder")]
    public void A_name_without_a_thing_is_found(string text, string expected) =>
        Assert.Contains(expected, Assert.Single(new Documentation("docs/page.md", text).Missing()));

    [Theory]
    [InlineData("`src/FleetRouter.Domain/Fleet/EngineReport.cs`, `src/*/*.csproj`, `./fleet test`, `FleetRouter.sln`")]
    [InlineData("`EngineReport`, `EngineReport.Running`, `IEngineProbe.ProbeAsync(address)`, `FleetRouter.Domain`, `MeterListener`")]
    [InlineData("`GET /v1/models`, `application/json`, `Retry-After`, `vllm:num_requests_running`, `pools[0].name`, `KEY`, `text/plain; version=0.0.4`")]
    [InlineData("# A heading, here\n\n[up](#a-heading-here) [out](https://example.org/x) [back](../FleetRouter.sln)")]
    [InlineData("```csharp\nvar x = `RouterThatIsNot`;\n```\n")]
    public void What_exists_or_is_not_ours_passes(string text) =>
        Expect.None(new Documentation("docs/page.md", text).Missing());
}
