using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Prefixes;

public sealed class PrefixHotnessTests
{
    private const int Instances = 8;   // so a prefix is hot above a share of 2/8

    [Fact]
    public void A_cold_prompt_is_placed_by_its_first_four_blocks()
    {
        PromptChain prompt = Prompts.Of((1, 40));
        PrefixKey key = new PrefixHotness().KeyFor(prompt.Hashes, prompt.TailHash, Instances);
        Assert.Equal((prompt.Hashes[3], 4), (key.Hash, key.Depth));
    }

    [Fact]
    public void A_prompt_shorter_than_four_blocks_is_placed_by_all_of_its_text()
    {
        var hotness = new PrefixHotness();
        Assert.Equal((0xABCDUL, 0), Key(hotness.KeyFor([], 0xABCD, Instances)));
        // Three shared blocks are too little cache to send every short question after them to one pair.
        Assert.Equal((0x1234UL, 0), Key(hotness.KeyFor(Prompts.Of((1, 3)).Hashes, 0x1234, Instances)));
    }

    [Fact]
    public void A_system_prompt_all_share_is_lengthened_until_the_prompts_part()
    {
        var hotness = new PrefixHotness();
        PrefixKey key = default;
        for (ulong user = 1; user <= 1_000; user++)
            key = hotness.KeyFor(SystemAnd(user).Hashes, 0, Instances);
        // 20 shared blocks: depths 4, 8 and 16 are everyone's; 32 is the user's own.
        Assert.Equal((SystemAnd(1_000).Hashes[31], 32), Key(key));
        Assert.InRange(key.Share, 0.0009, 0.0011);
    }

    [Fact]
    public void Short_questions_under_a_system_prompt_all_share_are_placed_by_all_of_their_text()
    {
        var hotness = new PrefixHotness();
        PromptChain system = Prompts.Of((1, 20));
        PrefixKey key = default;
        for (ulong question = 0; question < 500; question++)
            key = hotness.KeyFor(system.Hashes, tailHash: 1_000 + question, Instances);
        Assert.Equal((1_499UL, 16), Key(key));   // the depth still says how far it is hot
        Assert.Equal(1, key.Share);
    }

    [Fact]
    public void A_prefix_shared_by_no_more_than_two_nths_stays_short()
    {
        var hotness = new PrefixHotness();
        PrefixKey key = default;
        for (ulong i = 0; i < 1_000; i++)
            key = hotness.KeyFor((i % 4 == 3 ? SystemAnd(i) : Prompts.Of((1_000 + i, 30))).Hashes, 0, Instances);
        Assert.Equal((4, 0.25), (key.Depth, key.Share));
    }

    [Fact]
    public void The_window_forgets()
    {
        var hotness = new PrefixHotness();
        for (ulong user = 0; user < 1_000; user++)
            hotness.KeyFor(SystemAnd(user).Hashes, 0, Instances);
        for (ulong other = 0; other < PrefixHotness.Window; other++)
            hotness.KeyFor(Prompts.Of((5_000 + other, 30)).Hashes, 0, Instances);
        PrefixKey key = hotness.KeyFor(SystemAnd(1).Hashes, 0, Instances);
        Assert.Equal((4, 1.0 / PrefixHotness.Window), (key.Depth, key.Share));
    }

    [Fact]
    public void The_first_requests_of_a_pool_do_not_pass_for_a_hot_prefix()
    {
        var hotness = new PrefixHotness();
        for (ulong turn = 1; turn <= 20; turn++)
            Assert.Equal(4, hotness.KeyFor(Prompts.Of((1, (int)turn * 5)).Hashes, 0, Instances).Depth);
    }

    [Fact]
    public void Two_instances_have_no_hot_prefix()
    {
        var hotness = new PrefixHotness();
        for (ulong user = 0; user < 1_000; user++)
            Assert.Equal(4, hotness.KeyFor(SystemAnd(user).Hashes, 0, 2).Depth);
    }

    private static PromptChain SystemAnd(ulong user) => Prompts.Of((1, 20), (100 + user, 30));

    private static (ulong, int) Key(PrefixKey key) => (key.Hash, key.Depth);
}
