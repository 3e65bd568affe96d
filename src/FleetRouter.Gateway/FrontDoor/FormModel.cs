using System.Text;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Finds the field <c>model</c> in a multipart form, as the audio calls send it; nothing else of the form is read.</summary>
internal static class FormModel
{
    private const int LongestName = 512;

    public static string? Read(ReadOnlySpan<byte> form)
    {
        int at = form.IndexOf("name=\"model\""u8);
        if (at < 0)
            return null;
        ReadOnlySpan<byte> rest = form[at..];
        int begin = rest.IndexOf("\r\n\r\n"u8);
        if (begin < 0)
            return null;
        rest = rest[(begin + 4)..];
        int end = rest.IndexOf("\r\n"u8);
        return end is > 0 and <= LongestName ? Encoding.UTF8.GetString(rest[..end]) : null;
    }
}
