using System.Text;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Prefixes;

/// <summary>Expected values: the reference implementation's self test and its command line tool (Debian xxhash 0.8.1).</summary>
public sealed class XxHash64Tests
{
    private const ulong Prime32 = 2_654_435_761;

    [Theory]
    [InlineData("", 0xEF46DB3751D8E999)]
    [InlineData("a", 0xD24EC4F1A98C6E5B)]
    [InlineData("abc", 0x44BC2CF5AD770999)]
    [InlineData("message digest", 0x066ED728FCEEB3BE)]
    [InlineData("abcdefghijklmnopqrstuvwxyz", 0xCFE1F278FA89835C)]
    [InlineData("Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1)]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789", 0x4916A0F3F0E1C781)]
    public void Texts_hash_as_the_reference_does(string text, ulong expected) =>
        Assert.Equal(expected, XxHash64.Of(Encoding.ASCII.GetBytes(text)));

    [Theory]
    [InlineData(0, 0xEF46DB3751D8E999, 0xAC75FDA2929B17EF)]
    [InlineData(1, 0xE934A84ADB052768, 0x5014607643A9B4C3)]
    [InlineData(4, 0x9136A0DCA57457EE, 0xCAAB286BD8E9FDB5)]
    [InlineData(14, 0x8282DCC4994E35C8, 0xC3BD6BF63DEB6DF0)]
    [InlineData(31, 0x299B39A290E6D783, 0xDA673D5FEB5C1D79)]
    [InlineData(32, 0x18B216492BB44B70, 0xB3F33BDF93ADE409)]
    [InlineData(33, 0x55C8DC3E578F5B59, 0xE92C292F64BC3071)]
    [InlineData(63, 0xA9EFBE0FA0F3F4E7, 0x6C911FADB05B6FC2)]
    [InlineData(222, 0xB641AE8CB691C174, 0x20CB8AB7AE10C14A)]
    [InlineData(256, 0x5E3F5BF94D574981, 0x34733CBD9CC1B0D5)]
    [InlineData(2367, 0xA82418DDEC0EA581, 0xA36A93C18052673A)]
    public void The_self_test_buffer_hashes_as_the_reference_does_without_and_with_a_seed(int length, ulong plain, ulong seeded)
    {
        byte[] buffer = new byte[length];
        ulong generator = Prime32;
        for (int i = 0; i < length; i++, generator *= 11_400_714_785_074_694_797)
            buffer[i] = (byte)(generator >> 56);
        Assert.Equal(plain, XxHash64.Of(buffer));
        Assert.Equal(seeded, XxHash64.Of(buffer, Prime32));
    }

    [Fact]
    public void A_name_hashes_as_its_utf_16_code_units() => Assert.Equal(0xF090FF3CDE56E7D4, XxHash64.Of("gpu-7"));

    [Theory]
    [InlineData(0, 1, 0xE220A8397B1DCDAF)]
    [InlineData(0, 2, 0x6E789E6AA1B965F4)]
    [InlineData(1_234_567, 1, 0x599ED017FB08FC85)]
    public void Mix_gives_the_published_split_mix_sequence(ulong a, ulong b, ulong expected) => Assert.Equal(expected, XxHash64.Mix(a, b));
}
