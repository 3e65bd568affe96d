using System.Text;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.FrontDoor;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Tests.FrontDoor;

/// <summary>Priority under the names clients have in hand.</summary>
public sealed class PrioritiesTests
{
    [Theory]
    [InlineData("""{"model":"m","prompt":"a"}""", 0)]
    [InlineData("""{"model":"m","prompt":"a","priority":0}""", 0)]
    [InlineData("""{"model":"m","prompt":"a","priority":-3}""", 3)]
    [InlineData("""{"model":"m","prompt":"a","priority":7}""", 0)]
    [InlineData("""{"model":"m","prompt":"a","priority":-2147483648}""", 100)]
    [InlineData("""{"model":"m","prompt":"a","priority":"high"}""", 0)]
    [InlineData("""{"model":"m","prompt":"a","priority":-1.5}""", 0)]
    [InlineData("""{"model":"m","prompt":"a","service_tier":"priority"}""", 1)]
    [InlineData("""{"model":"m","prompt":"a","service_tier":"flex"}""", 0)]
    [InlineData("""{"model":"m","prompt":"a","service_tier":null,"priority":-2}""", 2)]
    public void The_body_says_it_as_vllm_or_as_openai_has_it(string body, int priority) =>
        Assert.Equal(priority, RequestReader.Read(Encoding.UTF8.GetBytes(body), ApiKind.Completion, out _)?.Priority);

    [Theory]
    [InlineData("1", 1)]
    [InlineData("high", 1)]
    [InlineData("High", 1)]
    [InlineData("0", 0)]
    [InlineData("-4", 0)]
    [InlineData("1000000", 100)]
    [InlineData("99999999999999999999", 0)]
    [InlineData("urgent", 0)]
    public void A_header_says_it_as_smg_has_it(string value, int priority)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers["x-smg-priority"] = value;
        Assert.Equal(priority, ClientHeaders.Priority(context.Request));
        Assert.Contains("x-smg-priority", ClientHeaders.Control);
    }

    [Fact]
    public void Without_either_it_is_normal() => Assert.Equal(0, ClientHeaders.Priority(new DefaultHttpContext().Request));
}
