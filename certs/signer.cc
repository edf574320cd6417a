#include "certs/signer.h"

#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "certs/keys.h"
#include "certs/server_name.h"
#include "proxy/contract/fd_message.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

std::string der_of(X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  if (size <= 0 || static_cast<std::size_t>(size) > kMostLeafBytes) return {};
  std::string out(static_cast<std::size_t>(size), '\0');
  auto* into = reinterpret_cast<unsigned char*>(out.data());
  if (i2d_X509(certificate, &into) != size) return {};
  return out;
}

}  // namespace

Signer::Signer(const CertificateAuthority& ca, SignerLimits limits, Clock::time_point now)
    : ca_(ca), limits_(limits), saved_(limits.at_once), last_(now) {}

bool Signer::may_sign(Clock::time_point now) {
  const std::chrono::duration<double, std::ratio<60>> minutes = now - last_;
  last_ = now;
  saved_ = std::min(limits_.at_once, saved_ + minutes.count() * limits_.a_minute);
  if (saved_ < 1) return false;
  saved_ -= 1;
  return true;
}

SignerAnswer Signer::sign(const SignerRequest& request, Clock::time_point now) {
  SignerAnswer answer;
  answer.id = request.id;
  const auto name = ServerName::parse(request.name);
  if (!name || name->text() != request.name) return answer;
  if (!may_sign(now)) {
    answer.status = SignerStatus::TooMany;
    return answer;
  }
  if (point_ != request.key) {
    key_ = openssl::key_with_point(request.key);
    point_ = key_ ? std::optional(request.key) : std::nullopt;
  }
  if (!key_) {
    (void)openssl::take_errors();
    return answer;
  }
  const auto leaf = ca_.mint_for(key_.get(), *name, WallClock::now());
  if (!leaf) {
    const bool expired = leaf.error().reason == problem_code::kCaExpired;
    answer.status = expired ? SignerStatus::Expired : SignerStatus::Refused;
    return answer;
  }
  answer.leaf = der_of(leaf->certificate());
  if (answer.leaf.empty()) return answer;
  answer.status = SignerStatus::Signed;
  answer.not_before = WallClock::to_time_t(leaf->not_before());
  answer.not_after = WallClock::to_time_t(leaf->not_after());
  return answer;
}

std::string Signer::answer(std::string_view message, Clock::time_point now) {
  const auto request = read_signer_request(message);
  if (!request) return {};
  return encode(sign(*request, now));
}

void Signer::serve(int socket) {
  for (;;) {
    // One byte more than a message has: a longer one is none.
    const FdMessage message = receive_message(socket, kSignerRequestBytes + 1);
    if (message.text.empty()) return;
    const std::string out = answer(message.text, Clock::now());
    // An asker that does not take its answers gets none.
    if (!out.empty()) send_message(socket, out, {}, MSG_DONTWAIT);
  }
}

}  // namespace bottle
