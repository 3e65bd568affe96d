namespace FleetRouter.Simulation.Traces;

/// <summary>Finds named columns by a CSV's header. A name that ends in '?' may be absent; the rest must be there.</summary>
internal sealed class CsvColumns
{
    private readonly string[] _header;
    private readonly int[] _at;

    public CsvColumns(TraceLine header, params string[] names)
    {
        _header = [.. Split(header.Text).Select(cell => cell.TrimStart('\uFEFF'))];
        _at = new int[names.Length];
        for (var i = 0; i < names.Length; i++)
        {
            var name = names[i].TrimEnd('?');
            _at[i] = Array.FindIndex(_header, cell => cell.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (_at[i] < 0 && name == names[i])
                throw header.Wrong($"the header lacks column '{name}' (it has: {TraceLine.Shorten(string.Join(", ", _header))})");
        }
    }

    /// <summary>The named cells of a row in the order of the names; null where the file lacks an optional column.</summary>
    public string?[] Cells(TraceLine row)
    {
        var cells = Split(row.Text);
        if (cells.Length != _header.Length) throw row.Wrong($"has {cells.Length} columns where the header has {_header.Length}");
        return [.. _at.Select(at => at < 0 ? null : cells[at])];
    }

    // The traces hold numbers, dates and model names: none quotes a comma.
    private static string[] Split(string text) => [.. text.Split(',').Select(cell => cell.Trim().Trim('"'))];
}
