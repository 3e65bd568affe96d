namespace FleetRouter.LoadGen.Reports;
internal static class HtmlReport { public static string Text(string title, IReadOnlyList<(string Name, ReplayReport Report)> reports) => title + reports.Count; }
