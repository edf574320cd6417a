#include "certs/signer_client.h"

#include <openssl/rand.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "certs/keys.h"
#include "certs/pem.h"
#include "proxy/contract/fd_message.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

Failure no_certificate(std::string why) {
  return Failure{Code::Internal, std::move(why), problem_code::kCaFailed};
}

}  // namespace

SignerClient::SignerClient(openssl::X509Ptr intermediate, openssl::PkeyPtr leaf_key,
                           const PublicPoint& point, WallClock::time_point not_after,
                           std::uint64_t first_id, Fd socket)
    : intermediate_(std::move(intermediate)),
      leaf_key_(std::move(leaf_key)),
      point_(point),
      not_after_(not_after),
      socket_(std::move(socket)),
      next_id_(first_id) {}

Result<std::unique_ptr<SignerClient>> SignerClient::make(const CaPapers& papers, Fd socket) {
  auto intermediate = openssl::certificate_in(papers.intermediate_pem);
  auto key = openssl::new_p256_key();
  const auto point = key ? openssl::public_point(key.get()) : std::nullopt;
  // Random, so that no answer to another process's question is taken for one to ours.
  std::uint64_t first = 0;
  const bool random = RAND_bytes(reinterpret_cast<unsigned char*>(&first), sizeof first) == 1;
  if (!intermediate || !point || !random) {
    return no_certificate("no leaf key could be made: " + openssl::take_errors());
  }
  return std::unique_ptr<SignerClient>(new SignerClient(
      std::move(intermediate), std::move(key), *point, papers.not_after, first, std::move(socket)));
}

Result<SignerAnswer> SignerClient::ask(const ServerName& name) const {
  using Clock = std::chrono::steady_clock;
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = next_id_++;
  const std::string question = encode(SignerRequest{.id = id, .key = point_, .name = name.text()});
  if (!send_message(socket_.get(), question, {}, MSG_DONTWAIT)) {
    return no_certificate("the signer cannot be asked");
  }
  const auto until = Clock::now() + kPatience;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    pollfd ready{socket_.get(), POLLIN, 0};
    const int polled = ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return no_certificate("the signer does not answer");
    const FdMessage message = receive_message(socket_.get(), kSignerAnswerBytes + 1, MSG_DONTWAIT);
    if (message.text.empty()) {
      if (message.error == EAGAIN) continue;
      return no_certificate("the signer is gone");
    }
    auto answer = read_signer_answer(message.text);
    if (answer && answer->id == id) return std::move(*answer);
  }
}

Result<Leaf> SignerClient::mint(const ServerName& name, WallClock::time_point) const {
  const auto answer = ask(name);
  if (!answer) return answer.error();
  switch (answer->status) {
    case SignerStatus::Signed:
      break;
    case SignerStatus::TooMany:
      return Failure{Code::Overloaded, "too many new host names", problem_code::kTooManyNames,
                     "Wait a minute, and ask for fewer different hosts."};
    case SignerStatus::Expired:
      return ca_expired();
    case SignerStatus::Refused:
      return no_certificate("the signer refused a name");
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(answer->leaf.data());
  X509* const leaf = d2i_X509(nullptr, &bytes, static_cast<long>(answer->leaf.size()));
  if (leaf == nullptr) {
    return no_certificate("the signer's answer is no certificate: " + openssl::take_errors());
  }
  return Leaf(leaf, WallClock::from_time_t(answer->not_before),
              WallClock::from_time_t(answer->not_after));
}

}  // namespace bottle
