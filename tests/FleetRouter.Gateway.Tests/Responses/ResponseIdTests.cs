using FleetRouter.Hosting.Conversations;

namespace FleetRouter.Gateway.Tests.Responses;

public sealed class ResponseIdTests
{
    [Fact]
    public void Turns_that_go_on_from_one_another_name_one_conversation_and_no_two_turns_are_alike()
    {
        string first = ResponseId.New(null), second = ResponseId.New(first), branch = ResponseId.New(first), third = ResponseId.New(second), other = ResponseId.New(null);
        string[] all = [first, second, branch, third, other];
        Assert.All(all, id => Assert.Matches("^resp_[0-9a-f]{48}$", id));
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.Single(all[..4].Select(ResponseId.ConversationOf).Distinct());
        Assert.NotEqual(ResponseId.ConversationOf(first), ResponseId.ConversationOf(other));
        Assert.Equal(first[5..29], ResponseId.ConversationOf(first));
    }

    [Theory]
    [InlineData("")]
    [InlineData("resp_1")]
    [InlineData("RESP_000000000000000000000000000000000000000000000000")]
    [InlineData("resp_00000000000000000000000000000000000000000000000A")]
    [InlineData("resp_0000000000000000000000000000000000000000000000000")]
    [InlineData("resp_/00000000000000000000000000000000000000000000000")]
    public void What_another_made_names_no_conversation_and_begins_one_when_it_is_gone_on_from(string id)
    {
        Assert.Null(ResponseId.ConversationOf(id));
        Assert.NotNull(ResponseId.ConversationOf(ResponseId.New(id)));
    }
}
