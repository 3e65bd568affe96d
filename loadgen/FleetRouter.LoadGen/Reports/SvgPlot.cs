using System.Globalization;
using System.Net;
using System.Text;

namespace FleetRouter.LoadGen.Reports;

/// <summary>A line of a plot. Its colour is the style sheet's for its index.</summary>
internal sealed record PlotSeries(string Name, int Colour, IReadOnlyList<CurvePoint> Points, bool Dashed = false);

/// <summary>Bars of a plot: one value for each of the plot's labels.</summary>
internal sealed record PlotBars(string Name, int Colour, IReadOnlyList<double> Values);

/// <summary>Plots as inline SVG, coloured by the page's style sheet so that they follow its light or dark theme.</summary>
internal static class SvgPlot
{
    private const double Width = 520, Height = 250, Left = 56, Right = 12, Top = 10, Bottom = 42;
    private const double InnerWidth = Width - Left - Right, InnerHeight = Height - Top - Bottom;

    public static string Lines(string title, string xLabel, string yLabel, IReadOnlyList<PlotSeries> series, bool logarithmicX = false, double? yTop = null, double? markX = null)
    {
        var x = logarithmicX
            ? PlotAxis.Logarithmic(series.SelectMany(line => line.Points.Select(point => point.X)).Concat(markX is { } mark ? [mark] : []))
            : PlotAxis.Linear(series.SelectMany(line => line.Points.Select(point => point.X)));
        var y = PlotAxis.Linear(series.SelectMany(line => line.Points.Select(point => point.Y)), yTop);
        var svg = Begin(title, xLabel, yLabel, y);
        foreach (var tick in x.Ticks)
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{X(x, tick):0.#}\" y1=\"{Top}\" x2=\"{X(x, tick):0.#}\" y2=\"{Top + InnerHeight}\"/><text class=\"tick\" text-anchor=\"middle\" x=\"{X(x, tick):0.#}\" y=\"{Top + InnerHeight + 15}\">{PlotAxis.Label(tick)}</text>");
        if (markX is { } at)
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"mark\" x1=\"{X(x, at):0.#}\" y1=\"{Top}\" x2=\"{X(x, at):0.#}\" y2=\"{Top + InnerHeight}\"><title>SLO</title></line>");
        foreach (var line in series.Where(line => line.Points.Count > 0))
        {
            svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"line s{line.Colour}{(line.Dashed ? " dashed" : "")}\" points=\"");
            foreach (var point in line.Points)
                svg.Append(CultureInfo.InvariantCulture, $"{X(x, point.X):0.#},{Y(y, point.Y):0.#} ");
            svg.Append(CultureInfo.InvariantCulture, $"\"><title>{Text(line.Name)}</title></polyline>");
        }
        return End(svg, series.Select(line => (line.Name, line.Colour, line.Dashed)));
    }

    public static string Bars(string title, string yLabel, IReadOnlyList<string> labels, IReadOnlyList<PlotBars> groups)
    {
        var y = PlotAxis.Linear(groups.SelectMany(group => group.Values));
        var svg = Begin(title, "", yLabel, y);
        var slot = InnerWidth / Math.Max(1, labels.Count);
        var bar = slot * 0.8 / Math.Max(1, groups.Count);
        for (var i = 0; i < labels.Count; i++)
        {
            for (var g = 0; g < groups.Count; g++)
            {
                var top = Y(y, groups[g].Values[i]);
                svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"bar b{groups[g].Colour}\" x=\"{Left + slot * i + slot * 0.1 + bar * g:0.#}\" y=\"{top:0.#}\" width=\"{bar:0.##}\" height=\"{Top + InnerHeight - top:0.#}\"><title>{Text(labels[i])}, {Text(groups[g].Name)}: {PlotAxis.Label(groups[g].Values[i])}</title></rect>");
            }
            if (labels.Count <= 16)
                svg.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" text-anchor=\"middle\" x=\"{Left + slot * (i + 0.5):0.#}\" y=\"{Top + InnerHeight + 15}\">{Text(labels[i])}</text>");
        }
        return End(svg, groups.Select(group => (group.Name, group.Colour, false)));
    }

    /// <summary>One bar a row, from left to right, with its name before and its value behind it.</summary>
    public static string Rows(string title, IReadOnlyList<(string Name, int Colour, double Value, string Label)> rows)
    {
        const double row = 20, names = 170, values = 60;
        var height = row * Math.Max(1, rows.Count) + 4;
        var most = rows.Select(bar => bar.Value).DefaultIfEmpty(0).Max();
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<figure><figcaption>{Text(title)}</figcaption><svg viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-label=\"{Text(title)}\">");
        for (var i = 0; i < rows.Count; i++)
        {
            var length = most > 0 ? (Width - names - values) * rows[i].Value / most : 0;
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" text-anchor=\"end\" x=\"{names - 6}\" y=\"{row * i + 15}\">{Text(rows[i].Name)}</text><rect class=\"bar b{rows[i].Colour}\" x=\"{names}\" y=\"{row * i + 4}\" width=\"{length:0.#}\" height=\"{row - 6}\"/><text class=\"tick\" x=\"{names + length + 6:0.#}\" y=\"{row * i + 15}\">{Text(rows[i].Label)}</text>");
        }
        return svg.Append("</svg></figure>").ToString();
    }

    private static StringBuilder Begin(string title, string xLabel, string yLabel, PlotAxis y)
    {
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<figure><figcaption>{Text(title)}</figcaption><svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{Text(title)}\">");
        foreach (var tick in y.Ticks)
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{Left}\" y1=\"{Y(y, tick):0.#}\" x2=\"{Left + InnerWidth}\" y2=\"{Y(y, tick):0.#}\"/><text class=\"tick\" text-anchor=\"end\" x=\"{Left - 6}\" y=\"{Y(y, tick) + 4:0.#}\">{PlotAxis.Label(tick)}</text>");
        svg.Append(CultureInfo.InvariantCulture, $"<text class=\"axis\" text-anchor=\"middle\" x=\"{Left + InnerWidth / 2}\" y=\"{Height - 6}\">{Text(xLabel)}</text>");
        svg.Append(CultureInfo.InvariantCulture, $"<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(12 {Top + InnerHeight / 2}) rotate(-90)\">{Text(yLabel)}</text>");
        return svg;
    }

    private static string End(StringBuilder svg, IEnumerable<(string Name, int Colour, bool Dashed)> legend)
    {
        svg.Append("</svg><p class=\"legend\">");
        foreach (var (name, colour, dashed) in legend)
            svg.Append(CultureInfo.InvariantCulture, $"<span><i class=\"b{colour}{(dashed ? " dashed" : "")}\"></i>{Text(name)}</span>");
        return svg.Append("</p></figure>").ToString();
    }

    private static double X(PlotAxis axis, double value) => Left + InnerWidth * axis.Place(value);

    private static double Y(PlotAxis axis, double value) => Top + InnerHeight * (1 - axis.Place(value));

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
