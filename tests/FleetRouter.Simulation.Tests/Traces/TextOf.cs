using System.Text;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.Simulation.Tests.Traces;

internal static class TextOf
{
    public static string Blocks(PromptText text, ulong seed = 1)
    {
        var blocks = Assert.IsType<BlockText>(text);
        var bytes = new byte[blocks.Bytes];
        Assert.Equal(bytes.Length, blocks.Write(seed, bytes));
        return Encoding.ASCII.GetString(bytes);
    }

    public static string Prompt(TraceRequest request, ulong seed = 1) => string.Concat(request.Prompt.Select(message => Blocks(message.Text, seed)));

    public static int SharedPrefix(string left, string right)
    {
        var length = 0;
        while (length < left.Length && length < right.Length && left[length] == right[length]) length++;
        return length;
    }
}
