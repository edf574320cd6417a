#include "certs/certificate_authority.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

#include "certs/keys.h"
#include "certs/name_constraints.h"
#include "certs/openssl_ptr.h"
#include "certs/pem.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

using openssl::GeneralNamePtr;
using openssl::GeneralNamesPtr;
using openssl::PkeyPtr;
using openssl::X509Ptr;

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, openssl::Deleter<&X509_EXTENSION_free>>;

Failure broken(std::string_view what) {
  return Failure{Code::Internal, std::string(what) + ": " + openssl::take_errors(),
                 problem_code::kCaFailed};
}

std::string fingerprint_of(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    if (i != 0) text += ':';
    text += kHex[digest[i] >> 4U];
    text += kHex[digest[i] & 15U];
  }
  return text;
}

// 126 random bits in 16 bytes: positive, and never shorter.
bool set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x3fU) | 0x40U);
  return ASN1_STRING_set(X509_get_serialNumber(certificate), bytes.data(),
                         static_cast<int>(bytes.size())) == 1;
}

bool set_times(X509* certificate, WallClock::time_point from, WallClock::time_point to) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), WallClock::to_time_t(from)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), WallClock::to_time_t(to)) != nullptr;
}

bool set_common_name(X509_NAME* name, const std::string& text) {
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

ExtensionPtr extension(int nid, bool critical, void* value) {
  return ExtensionPtr(X509V3_EXT_i2d(nid, critical ? 1 : 0, value));
}

ExtensionPtr basic_constraints(bool ca, long path_length) {
  const std::unique_ptr<BASIC_CONSTRAINTS, openssl::Deleter<&BASIC_CONSTRAINTS_free>> value(
      BASIC_CONSTRAINTS_new());
  if (!value) return nullptr;
  value->ca = ca ? 0xff : 0;
  if (ca) {
    value->pathlen = ASN1_INTEGER_new();
    if (value->pathlen == nullptr || ASN1_INTEGER_set(value->pathlen, path_length) != 1) {
      return nullptr;
    }
  }
  return extension(NID_basic_constraints, true, value.get());
}

// Bit numbers of RFC 5280 section 4.2.1.3.
enum class KeyUsage : std::uint8_t { DigitalSignature = 0, CertSign = 5, CrlSign = 6 };

ExtensionPtr key_usage(std::initializer_list<KeyUsage> usages) {
  const std::unique_ptr<ASN1_BIT_STRING, openssl::Deleter<&ASN1_BIT_STRING_free>> bits(
      ASN1_BIT_STRING_new());
  if (!bits) return nullptr;
  for (const KeyUsage usage : usages) {
    if (ASN1_BIT_STRING_set_bit(bits.get(), static_cast<int>(usage), 1) != 1) return nullptr;
  }
  return extension(NID_key_usage, true, bits.get());
}

void free_usages(EXTENDED_KEY_USAGE* usages) { sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free); }

ExtensionPtr server_auth() {
  const std::unique_ptr<EXTENDED_KEY_USAGE, openssl::Deleter<&free_usages>> usages(
      sk_ASN1_OBJECT_new_null());
  if (!usages || sk_ASN1_OBJECT_push(usages.get(), OBJ_nid2obj(NID_server_auth)) <= 0) {
    return nullptr;
  }
  return extension(NID_ext_key_usage, false, usages.get());
}

// RFC 7093 method 1 would do as well; SHA-1 of the key (RFC 5280 section 4.2.1.2) is what every
// tool computes. It identifies, it does not protect.
ExtensionPtr subject_key_id(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_pubkey_digest(certificate, EVP_sha1(), digest.data(), &size) != 1) return nullptr;
  const std::unique_ptr<ASN1_OCTET_STRING, openssl::Deleter<&ASN1_OCTET_STRING_free>> value(
      ASN1_OCTET_STRING_new());
  if (!value || ASN1_OCTET_STRING_set(value.get(), digest.data(), static_cast<int>(size)) != 1) {
    return nullptr;
  }
  return extension(NID_subject_key_identifier, false, value.get());
}

ExtensionPtr key_id_of(EVP_PKEY* key) {
  const X509Ptr scratch(X509_new());
  if (!scratch || X509_set_pubkey(scratch.get(), key) != 1) return nullptr;
  return subject_key_id(scratch.get());
}

ExtensionPtr authority_key_id(X509* issuer) {
  const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(issuer);
  const std::unique_ptr<AUTHORITY_KEYID, openssl::Deleter<&AUTHORITY_KEYID_free>> value(
      AUTHORITY_KEYID_new());
  if (id == nullptr || !value) return nullptr;
  value->keyid = ASN1_OCTET_STRING_dup(id);
  if (value->keyid == nullptr) return nullptr;
  return extension(NID_authority_key_identifier, false, value.get());
}

GeneralNamePtr general_name(const ServerName& name) {
  GeneralNamePtr general(GENERAL_NAME_new());
  ASN1_STRING* value = name.is_ip() ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  if (!general || value == nullptr) {
    ASN1_STRING_free(value);
    return nullptr;
  }
  const auto address = name.address();
  const int set =
      name.is_ip()
          ? ASN1_STRING_set(value, address.data(), static_cast<int>(address.size()))
          : ASN1_STRING_set(value, name.text().data(), static_cast<int>(name.text().size()));
  GENERAL_NAME_set0_value(general.get(), name.is_ip() ? GEN_IPADD : GEN_DNS, value);
  return set == 1 ? std::move(general) : nullptr;
}

// Critical: the subject is empty (RFC 5280 section 4.2.1.6).
ExtensionPtr subject_alt_name(const ServerName& name) {
  const GeneralNamesPtr names(sk_GENERAL_NAME_new_null());
  GeneralNamePtr only = general_name(name);
  if (!names || !only || sk_GENERAL_NAME_push(names.get(), only.get()) <= 0) return nullptr;
  (void)only.release();  // owned by `names` now
  return extension(NID_subject_alt_name, true, names.get());
}

bool add(X509* certificate, X509_EXTENSION* extension) {
  return extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
}

bool add(X509* certificate, const ExtensionPtr& extension) {
  return add(certificate, extension.get());
}

// Everything a CA certificate has before its extensions.
X509Ptr new_ca_certificate(const std::string& name, X509* issuer, EVP_PKEY* key,
                           WallClock::time_point from, WallClock::time_point to) {
  X509Ptr certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !set_random_serial(certificate.get()) || !set_times(certificate.get(), from, to) ||
      !set_common_name(X509_get_subject_name(certificate.get()), name) ||
      X509_set_issuer_name(certificate.get(),
                           X509_get_subject_name(issuer ? issuer : certificate.get())) != 1 ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return nullptr;
  }
  return certificate;
}

X509Ptr make_root(const std::string& name, EVP_PKEY* key, WallClock::time_point from,
                  WallClock::time_point to) {
  X509Ptr root = new_ca_certificate(name, nullptr, key, from, to);
  if (!root || !add(root.get(), basic_constraints(true, 1)) ||
      !add(root.get(), key_usage({KeyUsage::CertSign, KeyUsage::CrlSign})) ||
      !add(root.get(), subject_key_id(root.get())) ||
      X509_sign(root.get(), key, EVP_sha256()) == 0) {
    return nullptr;
  }
  return root;
}

X509Ptr make_intermediate(const std::string& name, EVP_PKEY* key, X509* root, EVP_PKEY* root_key,
                          const ConstraintSet* constraints, WallClock::time_point from,
                          WallClock::time_point to) {
  X509Ptr intermediate = new_ca_certificate(name, root, key, from, to);
  if (!intermediate || !add(intermediate.get(), basic_constraints(true, 0)) ||
      !add(intermediate.get(), key_usage({KeyUsage::CertSign, KeyUsage::CrlSign})) ||
      !add(intermediate.get(), server_auth()) ||
      !add(intermediate.get(), subject_key_id(intermediate.get())) ||
      !add(intermediate.get(), authority_key_id(root))) {
    return nullptr;
  }
  if (constraints != nullptr) {
    const auto value = encode(*constraints);
    if (!value || !add(intermediate.get(), extension(NID_name_constraints, true, value.get()))) {
      return nullptr;
    }
  }
  if (X509_sign(intermediate.get(), root_key, EVP_sha256()) == 0) return nullptr;
  return intermediate;
}

// Tells one run's CA from another's in a trust store.
std::string random_tag() {
  std::array<unsigned char, 4> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string tag;
  for (const unsigned char byte : bytes) {
    tag += kHex[byte >> 4U];
    tag += kHex[byte & 15U];
  }
  return tag;
}

}  // namespace

// X509_add_ext copies, so threads only read these.
struct CertificateAuthority::LeafParts {
  ExtensionPtr basic_constraints;
  ExtensionPtr key_usage;
  ExtensionPtr extended_key_usage;
  ExtensionPtr subject_key_id;
  ExtensionPtr authority_key_id;
};

CertificateAuthority::CertificateAuthority() : leaf_parts_(std::make_unique<LeafParts>()) {}

CertificateAuthority::~CertificateAuthority() {
  X509_free(intermediate_);
  EVP_PKEY_free(intermediate_key_);
  EVP_PKEY_free(leaf_key_);
}

Result<std::unique_ptr<CertificateAuthority>> CertificateAuthority::create(
    const CaOptions& options, WallClock::time_point now) {
  std::unique_ptr<CertificateAuthority> ca(new CertificateAuthority());
  ConstraintSet constraints;
  if (options.names == CaNames::Allowlist) {
    constraints = constraints_for(options.allow, kMaxConstraints);
    ca->warnings_ = std::move(constraints.warnings);
    ca->constrained_ = constraints.inexpressible.empty();
    if (!ca->constrained_) {
      ca->warnings_.push_back("this run's CA can sign for every name, because " +
                              constraints.inexpressible + ": do not install it outside the bottle");
    }
  }

  const WallClock::time_point from = now - kBackdate;
  ca->not_after_ = std::chrono::floor<std::chrono::seconds>(now + options.lifetime);
  const std::string name = "bottle CA " + random_tag();
  // Gone, and cleansed, when this function returns.
  const PkeyPtr root_key = openssl::new_p256_key();
  ca->intermediate_key_ = openssl::new_p256_key().release();
  ca->leaf_key_ = openssl::new_p256_key().release();
  if (!root_key || ca->intermediate_key_ == nullptr || ca->leaf_key_ == nullptr) {
    return broken("no key could be made");
  }
  const X509Ptr root = make_root(name, root_key.get(), from, ca->not_after_);
  if (!root) return broken("no root certificate could be made");
  ca->intermediate_ =
      make_intermediate(name + " intermediate", ca->intermediate_key_, root.get(), root_key.get(),
                        ca->constrained_ ? &constraints : nullptr, from, ca->not_after_)
          .release();
  if (ca->intermediate_ == nullptr) return broken("no intermediate certificate could be made");
  ca->root_pem_ = openssl::pem_of(root.get());
  ca->intermediate_pem_ = openssl::pem_of(ca->intermediate_);
  ca->fingerprint_ = fingerprint_of(root.get());

  LeafParts& parts = *ca->leaf_parts_;
  parts.basic_constraints = basic_constraints(false, 0);
  parts.key_usage = key_usage({KeyUsage::DigitalSignature});
  parts.extended_key_usage = server_auth();
  parts.authority_key_id = authority_key_id(ca->intermediate_);
  parts.subject_key_id = key_id_of(ca->leaf_key_);

  // Also fills the caches inside the shared objects while there is one thread.
  const Result<ServerName> probe = ServerName::parse("bottle.invalid");
  const Result<Leaf> first = ca->mint(probe.value(), now);
  if (!first) return first.error();
  return ca;
}

Result<Leaf> CertificateAuthority::mint(const ServerName& name, WallClock::time_point now) const {
  return sign_leaf(leaf_key_, leaf_parts_->subject_key_id.get(), name, now);
}

Result<Leaf> CertificateAuthority::mint_for(EVP_PKEY* key, const ServerName& name,
                                            WallClock::time_point now) const {
  const ExtensionPtr key_id = key_id_of(key);
  return sign_leaf(key, key_id.get(), name, now);
}

Result<Leaf> CertificateAuthority::sign_leaf(EVP_PKEY* key, X509_EXTENSION* key_id,
                                             const ServerName& name,
                                             WallClock::time_point now) const {
  if (now >= not_after_) return ca_expired();
  const WallClock::time_point from = std::chrono::floor<std::chrono::seconds>(now - kBackdate);
  const WallClock::time_point to =
      std::min<WallClock::time_point>(from + kLeafLifetime, not_after_);
  X509Ptr leaf(X509_new());
  const LeafParts& parts = *leaf_parts_;
  if (!leaf || X509_set_version(leaf.get(), X509_VERSION_3) != 1 ||
      !set_random_serial(leaf.get()) || !set_times(leaf.get(), from, to) ||
      X509_set_issuer_name(leaf.get(), X509_get_subject_name(intermediate_)) != 1 ||
      X509_set_pubkey(leaf.get(), key) != 1 || !add(leaf.get(), subject_alt_name(name)) ||
      !add(leaf.get(), parts.basic_constraints) || !add(leaf.get(), parts.key_usage) ||
      !add(leaf.get(), parts.extended_key_usage) || !add(leaf.get(), key_id) ||
      !add(leaf.get(), parts.authority_key_id) ||
      X509_sign(leaf.get(), intermediate_key_, EVP_sha256()) == 0) {
    return broken("no leaf certificate could be made");
  }
  return Leaf(leaf.release(), from, to);
}

}  // namespace bottle
