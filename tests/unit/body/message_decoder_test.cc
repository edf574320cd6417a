#include "proxy/body/message_decoder.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/body/body_scan.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/guard/secret_scanner.h"
#include "tests/support/grpc_messages.h"
#include "tests/unit/body/coders.h"

namespace bottle {
namespace {

using test::encode;
using test::grpc_message;
using test::prose;

BodyForm form_of(const char* type, const char* coding = nullptr) {
  Fields fields;
  fields.add("Content-Type", type);
  if (coding != nullptr) fields.add("Grpc-Encoding", coding);
  const auto messages = message_form_of(fields);
  EXPECT_TRUE(messages) << type;
  return BodyForm(Codings(), messages);
}

struct Decoded {
  std::string text;
  std::string failure;
};

Decoded decode_by(const BodyForm& form, ByteView body, std::size_t step, std::size_t room_size,
                  DecodeLimits limits = {}) {
  DecodeSpace space(limits.memory_bytes);
  const auto decoder = make_decoder(form, limits, space);
  std::string room(room_size, '\0');
  Decoded out;
  for (std::size_t at = 0; at < body.size(); at += step) {
    ByteView in = body.substr(at, step);
    bool full = false;
    while (!in.empty() || full) {
      const auto progress = decoder->decode(in, room);
      if (!progress) return {out.text, std::string(word(progress.error()))};
      in.remove_prefix(progress->consumed);
      out.text.append(room.data(), progress->produced);
      full = progress->produced == room.size();
    }
  }
  const auto whole = decoder->finish();
  if (!whole) out.failure = word(whole.error());
  return out;
}

std::string base64(std::string_view text) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    std::uint32_t bits = 0;
    const std::size_t n = std::min<std::size_t>(3, text.size() - at);
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < n ? static_cast<unsigned char>(text[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= n ? kAlphabet[bits >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return out;
}

TEST(MessageForm, IsKnownByTheType) {
  for (const char* type :
       {"application/grpc", "application/grpc+proto", "Application/gRPC-Web+proto ; charset=x",
        "application/grpc-web-text", "application/connect+json"}) {
    Fields fields;
    fields.add("content-type", type);
    EXPECT_TRUE(message_form_of(fields)) << type;
  }
  for (const char* type : {"application/grpcx", "application/json", "text/plain", "",
                           "application/connection", "application/grpc-web-texts"}) {
    Fields fields;
    fields.add("content-type", type);
    EXPECT_FALSE(message_form_of(fields)) << type;
  }
  EXPECT_FALSE(message_form_of(Fields()));
}

TEST(MessageDecoder, GivesOutWhatMessagesHoldInEverySplit) {
  const std::string text = prose(300);
  for (const auto& [name, coding] : {std::pair{"gzip", Coding::Gzip},
                                     {"deflate", Coding::Deflate},
                                     {"zstd", Coding::Zstd},
                                     {"br", Coding::Brotli}}) {
    const std::string body = grpc_message("plain ") + grpc_message(encode(coding, text), 1) +
                             grpc_message("") + grpc_message("", 1) +
                             grpc_message(encode(coding, " end"), 1);
    for (std::size_t step = 1; step <= body.size(); step += step / 4 + 1) {
      for (const std::size_t room : {1U, 7U, 65536U}) {
        const auto out = decode_by(form_of("application/grpc", name), body, step, room);
        EXPECT_EQ(out.text, "plain " + text + " end") << name << " " << step << " " << room;
        EXPECT_EQ(out.failure, "");
      }
    }
  }
}

TEST(MessageDecoder, TextOfGrpcWebMayBePaddedAnywhere) {
  const std::string one = grpc_message("hello");
  const std::string two = grpc_message("world!", 0) + grpc_message("grpc-status: 0\r\n", 0x80);
  const std::string body = base64(one) + base64(two.substr(0, 4)) + base64(two.substr(4));
  for (std::size_t step = 1; step <= body.size(); ++step) {
    const auto out = decode_by(form_of("application/grpc-web-text+proto"), body, step, 64);
    EXPECT_EQ(out.text, "helloworld!grpc-status: 0\r\n") << step;
    EXPECT_EQ(out.failure, "");
  }
  EXPECT_EQ(decode_by(form_of("application/grpc-web-text"), "AA*A", 1, 64).failure,
            problem_code::kCodingBroken);
  EXPECT_EQ(decode_by(form_of("application/grpc-web-text"), "=AAA", 1, 64).failure,
            problem_code::kCodingBroken);
  EXPECT_EQ(decode_by(form_of("application/grpc-web-text"), "AAAAAA", 1, 64).failure,
            problem_code::kCodingBroken);
}

TEST(MessageDecoder, ABrokenMessageIsNoBody) {
  const auto failure = [](const std::string& body, const char* coding = "gzip") {
    return decode_by(form_of("application/grpc", coding), body, 7, 64).failure;
  };
  const std::string packed = encode(Coding::Gzip, "text");
  EXPECT_EQ(failure(grpc_message("abc").substr(0, 6)), problem_code::kCodingBroken);
  EXPECT_EQ(failure(grpc_message("abc").substr(0, 3)), problem_code::kCodingBroken);
  EXPECT_EQ(failure(grpc_message("abc", 0x10)), problem_code::kCodingBroken);
  EXPECT_EQ(failure(grpc_message("no gzip at all", 1)), problem_code::kCodingBroken);
  EXPECT_EQ(failure(grpc_message(packed.substr(0, packed.size() - 1), 1)),
            problem_code::kCodingBroken);
  EXPECT_EQ(failure(grpc_message(packed + "behind", 1)), problem_code::kCodingBroken);
  EXPECT_EQ(failure(grpc_message(packed, 1), "snappy"), problem_code::kCodingNotScannable);
  EXPECT_EQ(failure(grpc_message(packed, 1), "identity"), problem_code::kCodingNotScannable);
  EXPECT_EQ(failure(grpc_message("not compressed"), "snappy"), "");
}

TEST(MessageDecoder, AnUnknownCodingPassesAsItIsWhereItMay) {
  BodyForm form = form_of("application/grpc", "snappy");
  form.messages->unread_passes = true;
  const std::string body = grpc_message("\1\2 packed", 1) + grpc_message("plain");
  EXPECT_EQ(decode_by(form, body, 3, 64).text, "\1\2 packedplain");
  form = form_of("application/grpc", "gzip");
  form.messages->unread_passes = true;
  EXPECT_EQ(decode_by(form, body, 3, 64).failure, problem_code::kCodingBroken);
}

TEST(MessageDecoder, LimitsCountForAMessageAndTheRatioForAll) {
  const std::string zeros(1 << 20, '\0');
  const std::string packed = grpc_message(encode(Coding::Gzip, zeros), 1);
  DecodeLimits limits;
  limits.decoded_bytes = zeros.size();
  limits.ratio = 2000;
  std::string body;
  for (int i = 0; i < 8; ++i) body += packed;
  EXPECT_EQ(decode_by(form_of("application/grpc", "gzip"), body, 4096, 65536, limits).failure, "");
  limits.decoded_bytes = zeros.size() - 1;
  EXPECT_EQ(decode_by(form_of("application/grpc", "gzip"), body, 4096, 65536, limits).failure,
            problem_code::kBodyTooLarge);
  // One is free, and so would each be if each were counted alone.
  EXPECT_EQ(decode_by(form_of("application/grpc", "gzip"), packed, 4096, 65536).failure, "");
  EXPECT_EQ(decode_by(form_of("application/grpc", "gzip"), body, 4096, 65536).failure,
            problem_code::kCodingBomb);
}

// ---- the scan of such a body

const std::string kSecret = "correcthorsebattery";

std::unique_ptr<const SecretSet> secrets() {
  auto set = SecretSet::make(
      {SecretSpec{.name = "PASSWORD", .value = kSecret, .hosts = {}, .in_body = false}});
  EXPECT_TRUE(set);
  return std::move(*set);
}

class MessageScan : public testing::Test {
 protected:
  // All that went out, and why no more did.
  Decoded scan(const BodyForm& form, ByteView body, std::size_t step) {
    BodyScan scan(*set_, space_, decode_, "example.com", Scheme::Https, form, {});
    scan.set_report([this](const Finding& finding) { told_.push_back(finding); });
    Decoded out;
    for (std::size_t at = 0; at < body.size(); at += step) {
      auto piece = scan.feed(Bytes(body.substr(at, step)), at + step >= body.size());
      if (!piece) {
        out.failure = word(piece.error());
        break;
      }
      out.text += *piece;
    }
    return out;
  }

  const std::unique_ptr<const SecretSet> set_ = secrets();
  ScanSpace space_{*set_};
  DecodeSpace decode_{DecodeLimits{}.memory_bytes};
  std::vector<Finding> told_;
};

TEST_F(MessageScan, LetsMessagesThroughAsTheyCame) {
  const std::string body = grpc_message(prose(100)) +
                           grpc_message(encode(Coding::Zstd, prose(3000)), 1) +
                           grpc_message(prose(10));
  for (std::size_t step = 1; step <= body.size(); step += step / 2 + 1) {
    const auto out = scan(form_of("application/grpc", "zstd"), body, step);
    EXPECT_EQ(out.failure, "");
    EXPECT_EQ(out.text, body);
  }
}

TEST_F(MessageScan, FindsASecretInACompressedMessage) {
  // Far more text than what an undeclared stream behind other bytes may make.
  const std::string text = std::string(500'000, ' ') + kSecret;
  for (const auto& [name, coding] :
       {std::pair{"gzip", Coding::Gzip}, {"deflate", Coding::Deflate}, {"zstd", Coding::Zstd}}) {
    const std::string body =
        grpc_message("first") + grpc_message(encode(coding, text), 1) + grpc_message("last");
    for (const std::size_t step : {1U, 50U, 100'000U}) {
      const auto out = scan(form_of("application/grpc", name), body, step);
      EXPECT_EQ(out.failure, problem_code::kSecretInBody) << name << " " << step;
      EXPECT_EQ(out.text.find("last"), std::string::npos);
    }
  }
  EXPECT_EQ(told_.size(), 9U);
}

TEST_F(MessageScan, FindsASecretThatIsCutUpOverMessages) {
  for (std::size_t cut = 1; cut < kSecret.size(); ++cut) {
    const std::string body = grpc_message("x=" + kSecret.substr(0, cut)) + grpc_message("") +
                             grpc_message(kSecret.substr(cut) + "&") + grpc_message("last");
    for (const std::size_t step : {1U, 9U, 1000U}) {
      const auto out = scan(form_of("application/grpc"), body, step);
      EXPECT_EQ(out.failure, problem_code::kSecretInBody) << cut << " " << step;
      EXPECT_EQ(out.text.find(kSecret.substr(cut)), std::string::npos) << cut << " " << step;
    }
  }
  std::string one_by_one;
  for (const char c : kSecret) one_by_one += grpc_message(std::string(1, c));
  EXPECT_EQ(scan(form_of("application/grpc"), one_by_one, 4096).failure,
            problem_code::kSecretInBody);
  // One message is compressed and the other is not.
  const std::string mixed =
      grpc_message(encode(Coding::Gzip, kSecret.substr(0, 9)), 1) + grpc_message(kSecret.substr(9));
  EXPECT_EQ(scan(form_of("application/grpc", "gzip"), mixed, 4096).failure,
            problem_code::kSecretInBody);
}

TEST_F(MessageScan, FindsASecretInGrpcWebText) {
  const std::string body = base64(grpc_message("a") + grpc_message(kSecret.substr(0, 5))) +
                           base64(grpc_message(kSecret.substr(5)));
  for (const std::size_t step : {1U, 13U, 1000U}) {
    EXPECT_EQ(scan(form_of("application/grpc-web-text"), body, step).failure,
              problem_code::kSecretInBody);
  }
}

TEST_F(MessageScan, FindsWhatIsCodedInsideAMessage) {
  // A gzip file, cut up over messages that say nothing of it.
  const std::string file = encode(Coding::Gzip, prose(200) + kSecret + prose(200));
  const std::string body =
      grpc_message(file.substr(0, 80)) + grpc_message(file.substr(80)) + grpc_message("last");
  EXPECT_EQ(scan(form_of("application/grpc"), body, 4096).failure, problem_code::kSecretInBody);
}

TEST_F(MessageScan, NoMemoryToLookRefuses) {
  DecodeSpace little(1000);
  BodyScan scan(*set_, space_, little, "example.com", Scheme::Https,
                form_of("application/grpc", "gzip"), {});
  const auto out = scan.feed(grpc_message(encode(Coding::Gzip, prose(100)), 1), true);
  ASSERT_FALSE(out);
  EXPECT_EQ(word(out.error()), problem_code::kDecodeMemoryFull);
}

}  // namespace
}  // namespace bottle
