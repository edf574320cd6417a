#include "certs/signer.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "certs/keys.h"
#include "certs/leaf_cache.h"
#include "certs/pem.h"
#include "certs/signer_client.h"
#include "proxy/contract/fd_message.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

using Clock = Signer::Clock;

std::unique_ptr<CertificateAuthority> new_ca() {
  CaOptions options;
  options.names = CaNames::Any;
  return CertificateAuthority::create(options).value();
}

SignerRequest request_for(std::string name) {
  const auto key = openssl::new_p256_key();
  return SignerRequest{
      .id = 7, .key = openssl::public_point(key.get()).value(), .name = std::move(name)};
}

SignerAnswer ask(Signer& signer, const SignerRequest& request, Clock::time_point now = {}) {
  return read_signer_answer(signer.answer(encode(request), now)).value();
}

TEST(SignerMessages, ComeBackAsTheyWere) {
  const SignerRequest request = request_for("api.example.com");
  const std::string text = encode(request);
  EXPECT_EQ(text.size(), kSignerRequestBytes);
  const auto back = read_signer_request(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, request.id);
  EXPECT_EQ(back->key, request.key);
  EXPECT_EQ(back->name, request.name);

  const SignerAnswer answer{.id = ~0ULL,
                            .status = SignerStatus::Signed,
                            .leaf = std::string("a\0b", 3),
                            .not_before = -5,
                            .not_after = 1 << 30};
  const auto again = read_signer_answer(encode(answer));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id, answer.id);
  EXPECT_EQ(again->status, answer.status);
  EXPECT_EQ(again->leaf, answer.leaf);
  EXPECT_EQ(again->not_before, answer.not_before);
  EXPECT_EQ(again->not_after, answer.not_after);
}

TEST(SignerMessages, OtherSizesAndLengthsAreNone) {
  const std::string text = encode(request_for("a.test"));
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(read_signer_request(std::string_view(text).substr(0, size)));
  }
  EXPECT_FALSE(read_signer_request(text + '\0'));
  std::string longer = text;  // the name's length says more than there is a place for
  longer[8 + kPointBytes] = static_cast<char>(254);
  EXPECT_FALSE(read_signer_request(longer));
  std::string hidden = text;  // something stands behind the name
  hidden.back() = 'x';
  EXPECT_FALSE(read_signer_request(hidden));
  std::string status = encode(SignerAnswer{});
  status[8] = 9;
  EXPECT_FALSE(read_signer_answer(status));
  EXPECT_FALSE(read_signer_answer(encode(SignerAnswer{}).substr(1)));
}

// [T13]
TEST(Signer, SignsForTheKeyThatAsks) {
  const auto ca = new_ca();
  Signer signer(*ca, {}, Clock::time_point());
  const SignerRequest request = request_for("api.example.com");
  const SignerAnswer answer = ask(signer, request);
  ASSERT_EQ(answer.status, SignerStatus::Signed);
  const auto* bytes = reinterpret_cast<const unsigned char*>(answer.leaf.data());
  const openssl::X509Ptr leaf(d2i_X509(nullptr, &bytes, static_cast<long>(answer.leaf.size())));
  ASSERT_TRUE(leaf);
  EXPECT_EQ(openssl::public_point(X509_get0_pubkey(leaf.get())), request.key);
  EXPECT_EQ(X509_verify(leaf.get(), X509_get0_pubkey(ca->intermediate())), 1);
  EXPECT_EQ(X509_check_host(leaf.get(), "api.example.com", 0, 0, nullptr), 1);
  EXPECT_GT(answer.not_after, answer.not_before);
}

// [T14]
TEST(Signer, RefusesNamesThatAreNotCanonical) {
  const auto ca = new_ca();
  Signer signer(*ca, {}, Clock::time_point());
  for (const char* name :
       {"", "A.test", "*.a.test", "a..test", "a.test.", "a test", "127.1", "a,b"}) {
    EXPECT_EQ(ask(signer, request_for(name)).status, SignerStatus::Refused) << name;
  }
  EXPECT_EQ(ask(signer, request_for("127.0.0.1")).status, SignerStatus::Signed);
}

TEST(Signer, RefusesAPointThatIsNoKey) {
  const auto ca = new_ca();
  Signer signer(*ca, {}, Clock::time_point());
  SignerRequest request = request_for("a.test");
  request.key.back() ^= 1;
  EXPECT_EQ(ask(signer, request).status, SignerStatus::Refused);
  EXPECT_EQ(ask(signer, request_for("a.test")).status, SignerStatus::Signed);
}

// [T59]
TEST(Signer, SignsNoMoreThanItsRate) {
  const auto ca = new_ca();
  const Clock::time_point start{};
  Signer signer(*ca, {.at_once = 2, .a_minute = 60}, start);
  const SignerRequest request = request_for("a.test");
  EXPECT_EQ(ask(signer, request, start).status, SignerStatus::Signed);
  EXPECT_EQ(ask(signer, request, start).status, SignerStatus::Signed);
  EXPECT_EQ(ask(signer, request, start).status, SignerStatus::TooMany);
  EXPECT_EQ(ask(signer, request, start + std::chrono::seconds(1)).status, SignerStatus::Signed);
  EXPECT_EQ(ask(signer, request, start + std::chrono::seconds(1)).status, SignerStatus::TooMany);
}

TEST(Signer, AnswersNothingThatIsNoRequest) {
  const auto ca = new_ca();
  Signer signer(*ca, {}, Clock::time_point());
  EXPECT_EQ(signer.answer("sign this", {}), "");
}

// A signer on a thread, and what asks it.
struct Pair {
  explicit Pair(SignerLimits limits = {}) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours = Fd(ends[0]);
    theirs = Fd(ends[1]);
    thread = std::thread([this, limits] {
      Signer signer(*ca, limits, Clock::now());
      signer.serve(theirs.get());
    });
  }
  ~Pair() {
    ::shutdown(ours.get(), SHUT_RDWR);
    thread.join();
  }
  std::unique_ptr<SignerClient> client() {
    return SignerClient::make(CaPapers::of(*ca), Fd(::dup(ours.get()))).value();
  }

  const std::unique_ptr<CertificateAuthority> ca = new_ca();
  Fd ours;
  Fd theirs;
  std::thread thread;
};

TEST(SignerClient, HasLeavesForItsOwnKey) {
  Pair pair;
  const auto client = pair.client();
  const auto leaf = client->mint(ServerName::parse("a.test").value(), WallClock::now());
  ASSERT_TRUE(leaf);
  EXPECT_EQ(X509_check_private_key(leaf->certificate(), client->leaf_key()), 1);
  EXPECT_EQ(X509_verify(leaf->certificate(), X509_get0_pubkey(client->intermediate())), 1);
  EXPECT_EQ(client->not_after(), std::chrono::floor<std::chrono::seconds>(pair.ca->not_after()));
  LeafCache cache(*client);
  EXPECT_TRUE(cache.get(ServerName::parse("b.test").value()));
}

TEST(SignerClient, TakesNoAnswerToAnothersQuestion) {
  Pair pair;
  // A process that ended before it read its answer.
  const std::string question = encode(request_for("old.test"));
  ASSERT_TRUE(send_message(pair.ours.get(), question, {}));
  const auto client = pair.client();
  const auto leaf = client->mint(ServerName::parse("new.test").value(), WallClock::now());
  ASSERT_TRUE(leaf);
  EXPECT_EQ(X509_check_host(leaf->certificate(), "new.test", 0, 0, nullptr), 1);
}

TEST(SignerClient, TellsWhyThereIsNone) {
  Pair pair({.at_once = 0, .a_minute = 0});
  const auto client = pair.client();
  const auto leaf = client->mint(ServerName::parse("a.test").value(), WallClock::now());
  ASSERT_FALSE(leaf);
  EXPECT_EQ(leaf.error().reason, problem_code::kTooManyNames);
}

TEST(SignerClient, ASignerThatIsGoneFailsAtOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const auto ca = new_ca();
  const auto client = SignerClient::make(CaPapers::of(*ca), Fd(ends[0])).value();
  ::close(ends[1]);
  const auto leaf = client->mint(ServerName::parse("a.test").value(), WallClock::now());
  ASSERT_FALSE(leaf);
  EXPECT_EQ(leaf.error().reason, problem_code::kCaFailed);
}

TEST(CaPapers, ComeBackAsTheyWere) {
  const auto ca = new_ca();
  const CaPapers papers = CaPapers::of(*ca);
  const auto back = papers_in(to_text(papers));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->root_pem, ca->root_pem());
  EXPECT_EQ(back->fingerprint, ca->fingerprint());
  EXPECT_EQ(back->intermediate_pem, ca->intermediate_pem());
  EXPECT_FALSE(papers_in("{}"));
  EXPECT_FALSE(papers_in("no papers"));
}

}  // namespace
}  // namespace bottle
