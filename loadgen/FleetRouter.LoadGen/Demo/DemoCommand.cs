using System.CommandLine;
namespace FleetRouter.LoadGen.Demo;
internal static class DemoCommand { public static Command Create() => new("demo"); }
