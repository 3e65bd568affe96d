namespace FleetRouter.Simulation.Fleet;

/// <summary>How unevenly prefill work lies on the engines: the coefficient of variation of the prompt tokens still to be
/// computed on each, averaged over samples of the run; the balance measure of DualMap (arXiv 2602.06502).</summary>
internal sealed class LoadSpread
{
    private double _sum;
    private int _samples;

    public double Mean => _samples == 0 ? 0 : _sum / _samples;

    /// <summary>Samples this moment; one without any work tells nothing.</summary>
    public void Sample(SimulatedEngine[] engines)
    {
        double total = 0, squares = 0;
        foreach (SimulatedEngine engine in engines)
        {
            double pending = engine.Model.PendingPrefillTokens;
            total += pending;
            squares += pending * pending;
        }
        if (total == 0)
            return;
        double mean = total / engines.Length;
        _sum += Math.Sqrt(Math.Max(0, squares / engines.Length - mean * mean)) / mean;
        _samples++;
    }
}
