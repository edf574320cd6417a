#include "proxy/tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <exception>

#include "proxy/tls/tls_context.h"

namespace bottle {
namespace {

constexpr int kFailed = -1;
constexpr int kNotOurs = 0;  // the handshake is a full one
constexpr int kTaken = 1;
constexpr int kTakenAndRenewed = 2;

bool begin_mac(EVP_MAC_CTX* mac, TicketKeys::Key& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int make_ticket(const TicketKeys& keys, unsigned char* name, unsigned char* iv,
                EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  TicketKeys::Key key = keys.current(std::chrono::steady_clock::now());
  if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return kFailed;
  std::copy(key.name.begin(), key.name.end(), name);
  const bool made =
      EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv) == 1 &&
      begin_mac(mac, key);
  return made ? kTaken : kFailed;
}

// A client uses a ticket of TLS 1.3 once (RFC 8446 appendix C.4), so it gets another one.
int read_ticket(SSL* ssl, const TicketKeys& keys, const unsigned char* name,
                const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  auto found = keys.find({name, TicketKeys::kNameSize}, std::chrono::steady_clock::now());
  if (!found) return kNotOurs;
  const bool read =
      begin_mac(mac, found->key) &&
      EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found->key.cipher.data(), iv) == 1;
  if (!read) return kFailed;
  return found->old || SSL_version(ssl) == TLS1_3_VERSION ? kTakenAndRenewed : kTaken;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int makes) noexcept {
  const auto* keys = static_cast<const TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  try {
    return makes == 1 ? make_ticket(*keys, name, iv, cipher, mac)
                      : read_ticket(ssl, *keys, name, iv, cipher, mac);
  } catch (const std::exception&) {
    return kFailed;  // no randomness
  }
}

}  // namespace

TicketKeys::Key::Key() {
  const auto fill = [](auto& bytes) {
    require_openssl(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1,
                    "no randomness for ticket keys");
  };
  fill(name);
  fill(cipher);
  fill(mac);
}

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

TicketKeys::Key TicketKeys::current(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  rotate(now);
  return current_;
}

std::optional<TicketKeys::Found> TicketKeys::find(std::span<const unsigned char> name,
                                                  TimePoint now) const {
  const std::lock_guard lock(mutex_);
  rotate(now);
  if (std::ranges::equal(name, current_.name)) return Found{current_, false};
  if (previous_ && std::ranges::equal(name, previous_->name)) return Found{*previous_, true};
  return std::nullopt;
}

// With the lock. Keys that were in no use for long are both too old.
void TicketKeys::rotate(TimePoint now) const {
  const auto age = now - born_;
  if (age < kRotation) return;
  const Key next;
  previous_.reset();
  if (age < 2 * kRotation) previous_ = current_;
  current_ = next;
  // The next change is due when it would have been: the previous key is accepted no longer.
  born_ = age < 2 * kRotation ? born_ + kRotation : now;
}

void TicketKeys::serve(ssl_ctx_st* context) const {
  SSL_CTX_set_app_data(context, const_cast<TicketKeys*>(this));
  require_openssl(SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &on_ticket) == 1,
                  "TLS ticket keys");
}

}  // namespace bottle
