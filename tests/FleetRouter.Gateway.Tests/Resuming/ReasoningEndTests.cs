using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>Where the reasoning ends in what a plain completion makes.</summary>
public sealed class ReasoningEndTests
{
    private const int Id = 9;
    private readonly ReasoningEnd _end = new(ReasoningMarks.Known[0], Id);

    [Theory]
    [InlineData("9", "</think>", "", "")]
    [InlineData("3,9,4", "so.</think>Yes", "so.", "Yes")]
    [InlineData("3, 9", "so.</think>", "so.", "")]
    [InlineData("9", "", "", "")]
    public void It_ends_at_its_token_whether_that_is_shown_or_not(string ids, string text, string reasoning, string answer)
    {
        Assert.True(_end.Made("1"u8, "I </think> see"));
        Assert.Equal(("I </think> see", ""), _end.Part("I </think> see"));   // without its token it is but text
        Assert.True(_end.Made(System.Text.Encoding.ASCII.GetBytes(ids), text));
        Assert.Equal((reasoning, answer), _end.Part(text));
        Assert.True(_end.Made("5"u8, "!"));
        Assert.Equal(("", "!"), _end.Part("!"));
    }

    [Fact]
    public void Where_its_text_is_hidden_among_other_tokens_nobody_can_tell() => Assert.False(_end.Made("3,9,4"u8, "so.Yes"));

    [Fact]
    public void Text_held_back_is_parted_when_it_is_shown()
    {
        _end.Begin("1,2"u8, "al");
        Assert.True(_end.Made("9"u8, "</think>"));
        Assert.Equal(("a", ""), _end.Part("a"));
        Assert.True(_end.Made("4"u8, "Yes"));
        Assert.Equal(("l", ""), _end.Part("l</thi"));
        Assert.Equal(("", "Y"), _end.Part("nk>Y"));
    }

    [Theory]
    [InlineData("1,9", "", "", "Yes")]
    [InlineData("1,9,4", "l</think>", "l", "Yes")]
    [InlineData("1,4", "", "Yes", "")]
    public void It_may_have_ended_before_the_seam(string ids, string unshown, string reasoning, string answer)
    {
        _end.Begin(System.Text.Encoding.ASCII.GetBytes(ids), unshown);
        Assert.True(_end.Made("5"u8, "Yes"));
        Assert.Equal((reasoning, answer), _end.Part(unshown + "Yes"));
    }

    [Fact]
    public void The_marks_around_reasoning_are_no_part_of_it()
    {
        Assert.Equal("Hm", ReasoningMarks.Known[0].Inside("<think>Hm"));
        Assert.Equal("Hm", ReasoningMarks.Known[0].Inside("Hm"));
        Assert.Equal("Yes", ReasoningMarks.BehindAny("[THINK]Hm[/THINK]Yes"));
        Assert.Null(ReasoningMarks.BehindAny("Yes"));
    }
}
