#include "certs/leaf_issuer.h"

#include <utility>

#include "certs/openssl_ptr.h"
#include "certs/pem.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {

Leaf::Leaf(x509_st* owned, WallClock::time_point not_before,
           WallClock::time_point not_after) noexcept
    : certificate_(owned), not_before_(not_before), not_after_(not_after) {}

Leaf::Leaf(Leaf&& other) noexcept
    : certificate_(std::exchange(other.certificate_, nullptr)),
      not_before_(other.not_before_),
      not_after_(other.not_after_) {}

Leaf& Leaf::operator=(Leaf&& other) noexcept {
  std::swap(certificate_, other.certificate_);
  not_before_ = other.not_before_;
  not_after_ = other.not_after_;
  return *this;
}

Leaf::~Leaf() { X509_free(certificate_); }

std::string Leaf::pem() const { return openssl::pem_of(certificate_); }

Failure ca_expired() {
  return Failure{Code::Internal, "the life of this run's CA is over", problem_code::kCaExpired,
                 "Start the proxy (or the bottle) again: every start makes a fresh CA."};
}

}  // namespace bottle
