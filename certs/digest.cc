#include "certs/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "certs/openssl_ptr.h"

namespace bottle {
namespace {

using MdPtr = std::unique_ptr<EVP_MD, openssl::Deleter<&EVP_MD_free>>;
using MdContextPtr = std::unique_ptr<EVP_MD_CTX, openssl::Deleter<&EVP_MD_CTX_free>>;
using MacPtr = std::unique_ptr<EVP_MAC, openssl::Deleter<&EVP_MAC_free>>;

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string(what) + ": " + openssl::take_errors());
}

// Fetched once: looking an algorithm up costs as much as a short digest.
const EVP_MD* sha256_algorithm() {
  static const MdPtr kAlgorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  require(kAlgorithm != nullptr, "libcrypto has no SHA-256");
  return kAlgorithm.get();
}

EVP_MAC* hmac_algorithm() {
  static const MacPtr kAlgorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  require(kAlgorithm != nullptr, "libcrypto has no HMAC");
  return kAlgorithm.get();
}

// After a successful init these fail for want of memory only.
void expect(int done) {
  if (done != 1) throw std::bad_alloc();
}

Digest digest_with(EVP_MD_CTX* context, std::string_view bytes, std::string_view more = {}) {
  Digest digest{};
  expect(EVP_DigestInit_ex2(context, sha256_algorithm(), nullptr));
  expect(EVP_DigestUpdate(context, bytes.data(), bytes.size()));
  if (!more.empty()) expect(EVP_DigestUpdate(context, more.data(), more.size()));
  expect(EVP_DigestFinal_ex(context, digest.data(), nullptr));
  return digest;
}

EVP_MD_CTX* thread_context() {
  static thread_local const MdContextPtr kContext(EVP_MD_CTX_new());
  if (!kContext) throw std::bad_alloc();
  return kContext.get();
}

}  // namespace

Sha256::Sha256(Sha256&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}

Sha256& Sha256::operator=(Sha256&& other) noexcept {
  if (this != &other) {
    EVP_MD_CTX_free(context_);
    context_ = std::exchange(other.context_, nullptr);
  }
  return *this;
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::update(std::string_view bytes) {
  if (context_ == nullptr) {
    MdContextPtr fresh(EVP_MD_CTX_new());
    require(fresh && EVP_DigestInit_ex2(fresh.get(), sha256_algorithm(), nullptr) == 1,
            "libcrypto has no SHA-256");
    context_ = fresh.release();
  }
  expect(EVP_DigestUpdate(context_, bytes.data(), bytes.size()));
}

Digest Sha256::finish(std::string_view last) {
  if (context_ == nullptr) return sha256(last);
  Digest digest{};
  expect(EVP_DigestUpdate(context_, last.data(), last.size()));
  expect(EVP_DigestFinal_ex(context_, digest.data(), nullptr));
  return digest;
}

Digest sha256(std::string_view bytes) {
  // Most requests have no body.
  static const Digest kOfNothing = digest_with(thread_context(), {});
  return bytes.empty() ? kOfNothing : digest_with(thread_context(), bytes);
}

Digest sha256(std::string_view front, std::string_view back) {
  return digest_with(thread_context(), front, back);
}

Sha1Digest sha1(std::string_view bytes) {
  static const MdPtr kAlgorithm(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  require(kAlgorithm != nullptr, "libcrypto has no SHA-1");
  Sha1Digest digest{};
  expect(EVP_DigestInit_ex2(thread_context(), kAlgorithm.get(), nullptr));
  expect(EVP_DigestUpdate(thread_context(), bytes.data(), bytes.size()));
  expect(EVP_DigestFinal_ex(thread_context(), digest.data(), nullptr));
  return digest;
}

MacKey::MacKey() {
  std::array<char, 32> key{};
  require(
      RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) == 1,
      "no randomness for a key");
  take({key.data(), key.size()});
  OPENSSL_cleanse(key.data(), key.size());
}

MacKey::MacKey(std::string_view key) { take(key); }

MacKey::~MacKey() { EVP_MAC_CTX_free(context_); }

void MacKey::take(std::string_view key) {
  context_ = EVP_MAC_CTX_new(hmac_algorithm());
  std::array<char, 7> name{"SHA256"};
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
      OSSL_PARAM_construct_end()};
  const bool taken = context_ != nullptr &&
                     EVP_MAC_init(context_, reinterpret_cast<const unsigned char*>(key.data()),
                                  key.size(), parameters.data()) == 1;
  if (taken) return;
  EVP_MAC_CTX_free(std::exchange(context_, nullptr));
  require(false, "libcrypto has no HMAC with SHA-256");
}

Digest MacKey::mac(std::string_view bytes) const {
  Digest digest{};
  std::size_t size = 0;
  const std::lock_guard lock(mutex_);
  // Without a key: once more with the one it has.
  expect(EVP_MAC_init(context_, nullptr, 0, nullptr));
  expect(
      EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
  expect(EVP_MAC_final(context_, digest.data(), &size, digest.size()));
  return digest;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 15U]);
  }
  return text;
}

}  // namespace bottle
