using System.Text.Json;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Comparison;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The comparisons of many cells in one file, written after each, so that a long matrix can be run in pieces.</summary>
internal sealed class MatrixFile
{
    private readonly string _path;
    private readonly List<ComparisonReport> _cells;

    private MatrixFile(string path, List<ComparisonReport> cells) => (_path, _cells) = (path, cells);

    /// <exception cref="UsageException">The file cannot be read or written, or is no such file.</exception>
    public static MatrixFile Open(string path)
    {
        ReportFile.Try(path);
        string text = File.ReadAllText(path);
        try
        {
            return new MatrixFile(path, text.Length == 0 ? [] : [.. JsonReport.Read<Contents>(text).Cells]);
        }
        catch (JsonException wrong)
        {
            throw new UsageException($"{path}: holds no matrix of comparisons ({wrong.Message.Split('.')[0]}); name another file with --json");
        }
    }

    public MatrixSummary Summary => MatrixSummary.Of(_cells);

    /// <summary>Whether the cell's comparison is there already.</summary>
    public bool Has(CellPlan plan) => _cells.Any(cell =>
        cell.Trace == Path.GetFileName(plan.TracePath) && cell.Profile == plan.Profile.Name && cell.Instances == plan.Instances
        && cell.KvRatio == plan.KvRatio && cell.Requests == plan.Requests && cell.Seed == plan.Seed && cell.DefaultPolicy == Family.Default
        && cell.Slo == PlannedCell.FiguresOf(plan.Slo));

    public void Add(ComparisonReport cell)
    {
        _cells.Add(cell);
        // A stop while writing must not cost the cells of hours.
        string next = _path + ".next";
        ReportFile.Write(next, () => JsonReport.Text(new Contents(Summary, _cells)));
        File.Move(next, _path, overwrite: true);
    }

    private sealed record Contents(MatrixSummary Summary, IReadOnlyList<ComparisonReport> Cells);
}
