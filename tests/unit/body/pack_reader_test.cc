#include "proxy/body/pack_reader.h"

#include <gtest/gtest.h>

#include "proxy/body/decode_space.h"
#include "proxy/contract/hex_digit.h"
#include "tests/unit/guard/view_texts.h"

namespace bottle {
namespace {

// Three commits of one file: the newest blob is whole, the others are deltas of it. git
// pack-objects made it, with offsets and with names of the bases.
constexpr ByteView kOffsetPack =
    "5041434b00000002000000099c0a789c7dce310ec3200c40d19d53b057aa2006634b55d5ab186c940e492a44ef5f4e"
    "d03fbfe1cf61e699a16665a1d43176a6cd804349da251283d5a058b70ae83e32ec9c1e33a099600ea042a558202643"
    "20a5d65349a85ab71cc8c977eed7f0a77fc8abdedbd3c7c2994b5ec4dfc2cab5eb38de73da5fe4e6be36dd0f44912e"
    "c39a0a789c7dca410e02210c00c03bafe06e62a04b0b4d8cf12bd096e8611743d8f87d7d81739e35cd3c53d36e1609"
    "3147622296501af6840a00618b66967b01f7aed38ee585fb16580ab4028555140349234e11c86a466501425557cff5"
    "1cd31ffe561fed2a771f332367cc89fc25fc3819fbfe5acbfe26b73ec37d01ef502e2b9a07789c7dca310e80200c40"
    "d19d5374373108d44a628c5729b544072431787f39817f78d36f8f2aa8e4292b1f3e087372917c24457758c1acd8b1"
    "3e2c737686df76d6076e58794fa36c3051c448486186c1f68cd452aed6f47732f556f30191ae2167ad01789c333430"
    "30333151486370dbcf2db9a0d3d9e5b9fbb4db65d34dd598bab9f30181b2099db59b01789c8dd53972c3300c40d15e"
    "a7e0114402d452a44a5c65c62e923e23cbda2c5ab22d7a3d7d960be4b7985fe10d89304c8d49cddc9acab443684cec"
    "ab68eabe9aba66f9998521c6d024e137b32c732c139629cb3ccb3296e52c2b5856c2f55206e8602184851216525868"
    "612186851a167258e8e1a087a3ef027a38e8e1a087831e0e7a38e8e1a087831e023d047a08fda8a087400f811e023d"
    "047a08f410e8a1d043a187420fa597037a28f450e8a1d043a187420f0f3d3cf4f0d0c3430f4f4f39f4f0d0c3430f0f"
    "3dfcff1e9f9bf7d5fa25cee357b5ad774ddbf5c37e0c87693e9ece4bbc5c6ff7c733b54ed4677951261fabd7cdfaed"
    "af2f8b3cf32acea6cfc7fd76bdc4e57c3aced3218cfba1efda66576fabe41bc740442bad01789c3334303033315148"
    "63703911c99830817fc5fe9b0db16ac93deec191a61f0084200a65678144789cdb2adc2abca19513000b74029fad01"
    "789c3334303033315148631008e332dac85c11f12e7c6ba342f429f67eb5dc0e0073e7094d67817d789cdb2a7c4d68"
    "431827000ca702c06e3ce0bfebbeb3d1ed5f6ccc9164539c32166dd3";
constexpr ByteView kNamedPack =
    "5041434b00000002000000099c0a789c7dce310ec3200c40d19d53b057aa2006634b55d5ab186c940e492a44ef5f4e"
    "d03fbfe1cf61e699a16665a1d43176a6cd804349da251283d5a058b70ae83e32ec9c1e33a099600ea042a558202643"
    "20a5d65349a85ab71cc8c977eed7f0a77fc8abdedbd3c7c2994b5ec4dfc2cab5eb38de73da5fe4e6be36dd0f44912e"
    "c39a0a789c7dca410e02210c00c03bafe06e62a04b0b4d8cf12bd096e8611743d8f87d7d81739e35cd3c53d36e1609"
    "3147622296501af6840a00618b66967b01f7aed38ee585fb16580ab4028555140349234e11c86a466501425557cff5"
    "1cd31ffe561fed2a771f332367cc89fc25fc3819fbfe5acbfe26b73ec37d01ef502e2b9a07789c7dca310e80200c40"
    "d19d5374373108d44a628c5729b544072431787f39817f78d36f8f2aa8e4292b1f3e087372917c24457758c1acd8b1"
    "3e2c737686df76d6076e58794fa36c3051c448486186c1f68cd452aed6f47732f556f30191ae2167ad01789c333430"
    "30333151486370dbcf2db9a0d3d9e5b9fbb4db65d34dd598bab9f30181b2099db59b01789c8dd53972c3300c40d15e"
    "a7e0114402d452a44a5c65c62e923e23cbda2c5ab22d7a3d7d960be4b7985fe10d89304c8d49cddc9acab443684cec"
    "ab68eabe9aba66f9998521c6d024e137b32c732c139629cb3ccb3296e52c2b5856c2f55206e8602184851216525868"
    "612186851a167258e8e1a087a3ef027a38e8e1a087831e0e7a38e8e1a087831e023d047a08fda8a087400f811e023d"
    "047a08f410e8a1d043a187420fa597037a28f450e8a1d043a187420f0f3d3cf4f0d0c3430f4f4f39f4f0d0c3430f0f"
    "3dfcff1e9f9bf7d5fa25cee357b5ad774ddbf5c37e0c87693e9ece4bbc5c6ff7c733b54ed4677951261fabd7cdfaed"
    "af2f8b3cf32acea6cfc7fd76bdc4e57c3aced3218cfba1efda66576fabe41bc740442bad01789c3334303033315148"
    "63703911c99830817fc5fe9b0db16ac93deec191a61f0084200a657746bf0b19a0894344e74796db76973526028b0b"
    "6f789cdb2adc2abca19513000b74029fad01789c3334303033315148631008e332dac85c11f12e7c6ba342f429f67e"
    "b5dc0e0073e7094d7746bf0b19a0894344e74796db76973526028b0b6f789cdb2a7c4d68431827000ca702c0a5b3ec"
    "b9e4e943a19d5c59d41f2205cb6e756f1c";

Bytes unhex(ByteView digits) {
  Bytes bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(hex_digit(digits[i]) * 16 + hex_digit(digits[i + 1])));
  }
  return bytes;
}

struct Read {
  std::vector<ViewText> texts;
  bool cut_short = false;
  std::size_t size = 0;
};
Read read(ByteView body, std::size_t step, PackLimits limits = {}) {
  ViewTexts texts;
  DecodeSpace space(1u << 20);
  Read done;
  {
    PackReader reader(texts, space, limits);
    for (std::size_t i = 0; i < body.size(); i += step) reader.feed(body.substr(i, step));
    reader.flush();
    EXPECT_FALSE(reader.reading());
    done.cut_short = reader.cut_short();
  }
  EXPECT_EQ(space.taken(), 0u);
  EXPECT_TRUE(texts.is_sound());
  done.texts = texts.texts();
  done.size = texts.size();
  return done;
}

bool shows(const Read& read, ByteView what) {
  return std::ranges::any_of(
      read.texts, [what](const ViewText& view) { return view.text.find(what) != Bytes::npos; });
}

TEST(PackReader, ObjectsAndTheLiteralsOfDeltasAreShown) {
  for (const ByteView digits : {kOffsetPack, kNamedPack}) {
    const Bytes pack = unhex(digits);
    for (const Bytes& body :
         {pack, "0094" + Bytes(0x90, 'x') + "0000" + pack, "000astring0000000astring0000" + pack}) {
      const Read whole = read(body, body.size());
      EXPECT_TRUE(shows(whole, "TOKEN=tok_abcdefghijklmnopqrstuvwxyz0123456789\n"));
      EXPECT_TRUE(shows(whole, "SECOND=tok_9876543210zyxwvutsrqponmlkjihgfedcba\n"));
      EXPECT_TRUE(shows(whole, "author n <a@b.c>"));
      EXPECT_GE(whole.texts.size(), 7u);
      EXPECT_FALSE(whole.cut_short);
      for (const std::size_t step : {1u, 2u, 3u, 5u, 7u, 64u}) {
        EXPECT_EQ(read(body, step).texts, whole.texts) << step;
      }
    }
  }
}

TEST(PackReader, OtherBodiesAreLeftAtOnce) {
  for (const ByteView body : {"PACX", "{\"a\":1}", "00zz", "PACK\0\0\0\7", "0003x"}) {
    EXPECT_TRUE(read(body, 1).texts.empty()) << body;
  }
  Bytes damaged = unhex(kOffsetPack);
  damaged[20] = static_cast<char>(~damaged[20]);
  EXPECT_FALSE(read(damaged, 100).cut_short);
}

TEST(PackReader, LimitsEndTheReading) {
  const Bytes pack = unhex(kOffsetPack);
  const Read few = read(pack, 100, {.objects = 2});
  EXPECT_EQ(few.texts.size(), 2u);
  EXPECT_TRUE(few.cut_short);
  const Read small = read(pack, 100, {.object_bytes = 10});
  EXPECT_TRUE(small.cut_short);
  EXPECT_LE(small.size, 90u);
  EXPECT_TRUE(read(pack, 100, {.total_bytes = 100}).cut_short);
}

}  // namespace
}  // namespace bottle
