#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string>

#include "certs/openssl_ptr.h"

namespace bottle::test {

// Certificates as origins have them, good and bad: an issuer signs what it is told.
struct Identity {
  openssl::X509Ptr certificate;
  openssl::PkeyPtr key;

  [[nodiscard]] std::string pem() const {
    const openssl::BioPtr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }
};

struct Wish {
  std::string common_name = "origin";
  std::string san = "DNS:origin.test";  // OpenSSL's configuration syntax; empty = none
  std::string constraints = "critical,CA:FALSE";
  std::string key_usage = "critical,digitalSignature";
  std::string extended_usage = "serverAuth";
  std::string name_constraints;
  long from = -3600;  // seconds from now
  long to = 3600;
  bool sha1 = false;
  std::size_t rsa_bits = 0;  // 0: P-256
  bool unknown_critical = false;
};

inline Wish ca_wish(const std::string& name) {
  Wish wish;
  wish.common_name = name;
  wish.san.clear();
  wish.constraints = "critical,CA:TRUE";
  wish.key_usage = "critical,keyCertSign,cRLSign";
  wish.extended_usage.clear();
  return wish;
}

// `issuer` null: self-signed.
inline Identity issue(const Wish& wish, const Identity* issuer) {
  Identity made;
  made.key.reset(wish.rsa_bits != 0 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", wish.rsa_bits)
                                    : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  made.certificate.reset(X509_new());
  X509* x = made.certificate.get();
  X509_set_version(x, X509_VERSION_3);
  static long serial = 1000;
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), wish.from);
  X509_gmtime_adj(X509_getm_notAfter(x), wish.to);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                             -1, 0);
  X509* parent = issuer != nullptr ? issuer->certificate.get() : x;
  X509_set_issuer_name(x, X509_get_subject_name(parent));
  X509_set_pubkey(x, made.key.get());
  X509V3_CTX context{};
  X509V3_set_ctx(&context, parent, x, nullptr, nullptr, 0);
  const auto add = [&](int nid, const std::string& value) {
    if (value.empty()) return;
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (extension == nullptr) std::abort();
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  };
  add(NID_basic_constraints, wish.constraints);
  add(NID_key_usage, wish.key_usage);
  add(NID_ext_key_usage, wish.extended_usage);
  add(NID_name_constraints, wish.name_constraints);
  add(NID_subject_alt_name, wish.san);
  add(NID_subject_key_identifier, "hash");
  if (issuer != nullptr) add(NID_authority_key_identifier, "keyid:always");
  // Any extension that OpenSSL does not understand.
  if (wish.unknown_critical) add(NID_netscape_comment, "critical,DER:0C0178");
  X509_sign(x, issuer != nullptr ? issuer->key.get() : made.key.get(),
            wish.sha1 ? EVP_sha1() : EVP_sha256());
  return made;
}

}  // namespace bottle::test
