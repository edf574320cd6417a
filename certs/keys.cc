// EC_KEY is deprecated for applications; keys.h says why it is used here and nowhere else.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs/keys.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <array>

namespace bottle::openssl {
namespace {

using EcKeyPtr = std::unique_ptr<EC_KEY, Deleter<&EC_KEY_free>>;
using EcPointPtr = std::unique_ptr<EC_POINT, Deleter<&EC_POINT_free>>;
using MdContextPtr = std::unique_ptr<EVP_MD_CTX, Deleter<&EVP_MD_CTX_free>>;

bool sign_once(EVP_PKEY* key) {
  const MdContextPtr context(EVP_MD_CTX_new());
  std::array<unsigned char, 80> signature{};
  std::size_t size = signature.size();
  const unsigned char nothing = 0;
  return context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestSign(context.get(), signature.data(), &size, &nothing, 1) == 1;
}

}  // namespace

PkeyPtr new_p256_key() {
  EcKeyPtr ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  PkeyPtr key(EVP_PKEY_new());
  if (!ec || !key || EC_KEY_generate_key(ec.get()) != 1) return nullptr;
  if (EVP_PKEY_assign_EC_KEY(key.get(), ec.get()) != 1) return nullptr;
  (void)ec.release();  // owned by `key` now
  if (!sign_once(key.get())) return nullptr;
  return key;
}

std::optional<PublicPoint> public_point(EVP_PKEY* key) {
  const EC_KEY* const ec = EVP_PKEY_get0_EC_KEY(key);
  if (ec == nullptr) return std::nullopt;
  PublicPoint out{};
  const std::size_t size =
      EC_POINT_point2oct(EC_KEY_get0_group(ec), EC_KEY_get0_public_key(ec),
                         POINT_CONVERSION_UNCOMPRESSED, out.data(), out.size(), nullptr);
  if (size != out.size()) return std::nullopt;
  return out;
}

PkeyPtr key_with_point(const PublicPoint& point) {
  EcKeyPtr ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  PkeyPtr key(EVP_PKEY_new());
  if (!ec || !key) return nullptr;
  const EC_GROUP* const group = EC_KEY_get0_group(ec.get());
  const EcPointPtr place(EC_POINT_new(group));
  if (!place || EC_POINT_oct2point(group, place.get(), point.data(), point.size(), nullptr) != 1 ||
      EC_KEY_set_public_key(ec.get(), place.get()) != 1 ||
      EVP_PKEY_assign_EC_KEY(key.get(), ec.get()) != 1) {
    return nullptr;
  }
  (void)ec.release();  // owned by `key` now
  return key;
}

}  // namespace bottle::openssl
