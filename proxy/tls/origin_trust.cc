#include "proxy/tls/origin_trust.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <new>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "certs/openssl_ptr.h"
#include "certs/trust_bundle.h"

namespace bottle {
namespace {

using NamePtr = std::unique_ptr<X509_NAME, openssl::Deleter<&X509_NAME_free>>;
using LookupMethodPtr =
    std::unique_ptr<X509_LOOKUP_METHOD, openssl::Deleter<&X509_LOOKUP_meth_free>>;

Error bad_roots(const std::string& where) {
  return Error{ExitCode::kFiles, "cannot use the certificates in " + where + ": one is damaged",
               "Name a PEM file whose certificates are all readable."};
}

// ---- PEM --------------------------------------------------------------------------------------

struct PemBlock {
  char* label = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;

  PemBlock() = default;
  PemBlock(const PemBlock&) = delete;
  PemBlock& operator=(const PemBlock&) = delete;
  ~PemBlock() {
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  [[nodiscard]] bool is_certificate() const {
    const std::string_view what(label);
    return what == PEM_STRING_X509 || what == PEM_STRING_X509_OLD;
  }
  [[nodiscard]] std::string_view bytes() const {
    return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
  }
};

// Calls take(der) for each certificate; how many there were, or -1 if a block is damaged or take()
// says false.
template <class Take>
int each_certificate(std::string_view pem, Take take) {
  const openssl::BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!in) throw std::bad_alloc();
  int count = 0;
  for (;;) {
    PemBlock block;
    if (PEM_read_bio(in.get(), &block.label, &block.header, &block.data, &block.size) != 1) break;
    if (!block.is_certificate()) continue;
    if (!take(block.bytes())) {
      ERR_clear_error();
      return -1;
    }
    ++count;
  }
  const unsigned long last = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return at_end ? count : -1;
}

openssl::X509Ptr decoded(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return openssl::X509Ptr(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

// ---- a root's name, without the rest of it ------------------------------------------------------

// Takes one element's header off `der` and gives its content's size; nothing if there is none such.
std::optional<long> enter(std::string_view& der, int tag, int of_class) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* start = at;
  long size = 0;
  int found = 0;
  int found_class = 0;
  const int form = ASN1_get_object(&at, &size, &found, &found_class, static_cast<long>(der.size()));
  // 0x80: broken; 0x01: of indefinite length, which DER has not.
  if ((form & 0x81) != 0 || found != tag || found_class != of_class) return std::nullopt;
  der.remove_prefix(static_cast<std::size_t>(at - start));
  return size;
}

bool skip(std::string_view& der, int tag, int of_class = V_ASN1_UNIVERSAL) {
  const auto size = enter(der, tag, of_class);
  if (size) der.remove_prefix(static_cast<std::size_t>(*size));
  return size.has_value();
}

// RFC 5280 section 4.1: what stands before the subject, and the subject.
NamePtr subject_of(std::string_view der) {
  const bool there = enter(der, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL) &&  // Certificate
                     enter(der, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);    // tbsCertificate
  if (!there) return nullptr;
  static_cast<void>(skip(der, 0, V_ASN1_CONTEXT_SPECIFIC));  // version: absent in a v1 root
  const bool before = skip(der, V_ASN1_INTEGER) &&           // serialNumber
                      skip(der, V_ASN1_SEQUENCE) &&          // signature
                      skip(der, V_ASN1_SEQUENCE) &&          // issuer
                      skip(der, V_ASN1_SEQUENCE);            // validity
  if (!before) return nullptr;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return NamePtr(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
}

// ---- the store's way to the roots that were not decoded
// ------------------------------------------

// An OpenSSL "lookup", like its own for directories of hashed names. Owned by the store.
class SleepingRoots {
 public:
  // False if it is no certificate.
  bool add(std::string_view der) {
    const NamePtr subject = subject_of(der);
    const auto key = subject ? key_of(subject.get()) : std::nullopt;
    if (key) roots_.emplace(*key, der);
    return key.has_value();
  }

  // Puts those with this name into the store. Any thread; nothing in here changes.
  void wake(X509_STORE* store, const X509_NAME* name) const {
    const auto key = key_of(name);
    if (!key) return;
    const auto [first, last] = roots_.equal_range(*key);
    for (auto root = first; root != last; ++root) {
      const openssl::X509Ptr certificate = decoded(root->second);
      // One that is there already is no error.
      if (certificate) X509_STORE_add_cert(store, certificate.get());
    }
    ERR_clear_error();
  }

  static int find(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name,
                  X509_OBJECT* found) {
    if (type != X509_LU_X509) return 0;
    const auto* self = static_cast<const SleepingRoots*>(X509_LOOKUP_get_method_data(lookup));
    X509_STORE* store = X509_LOOKUP_get_store(lookup);
    self->wake(store, name);
    X509_STORE_lock(store);
    X509_OBJECT* awake =
        X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), X509_LU_X509, name);
    X509* certificate = awake == nullptr ? nullptr : X509_OBJECT_get0_X509(awake);
    const bool given = certificate != nullptr && X509_OBJECT_set1_X509(found, certificate) == 1;
    X509_STORE_unlock(store);
    // The caller takes a reference of its own and expects `found` to have none: the store's keeps
    // the certificate.
    if (given) X509_free(certificate);
    return given ? 1 : 0;
  }

  static void free(X509_LOOKUP* lookup) {
    delete static_cast<SleepingRoots*>(X509_LOOKUP_get_method_data(lookup));
  }

 private:
  // Names that compare as equal have the same (RFC 5280 section 7.1). Nothing without memory.
  static std::optional<unsigned long> key_of(const X509_NAME* name) noexcept {
    int done = 0;
    const unsigned long key = X509_NAME_hash_ex(name, nullptr, nullptr, &done);
    return done == 1 ? std::optional(key) : std::nullopt;
  }

  std::unordered_multimap<unsigned long, std::string> roots_;  // DER
};

X509_LOOKUP_METHOD* sleeping_method() {
  static const LookupMethodPtr made = [] {
    LookupMethodPtr method(X509_LOOKUP_meth_new("roots that are decoded when they are asked for"));
    if (!method) throw std::bad_alloc();
    X509_LOOKUP_meth_set_get_by_subject(method.get(), &SleepingRoots::find);
    X509_LOOKUP_meth_set_free(method.get(), &SleepingRoots::free);
    return method;
  }();
  return made.get();
}

void add_sleeping(X509_STORE* store, std::unique_ptr<SleepingRoots> roots) {
  X509_LOOKUP* lookup = X509_STORE_add_lookup(store, sleeping_method());
  if (lookup == nullptr) throw std::bad_alloc();
  X509_LOOKUP_set_method_data(lookup, roots.release());
}

}  // namespace

OriginTrust::OriginTrust() : store_(X509_STORE_new()) {
  if (store_ == nullptr) throw std::bad_alloc();
}

OriginTrust::~OriginTrust() { X509_STORE_free(store_); }

Expected<std::shared_ptr<const OriginTrust>> OriginTrust::load(
    const std::filesystem::path& origin_ca) {
  std::shared_ptr<OriginTrust> trust(new OriginTrust());
  const Expected<std::filesystem::path> system = system_bundle_path();
  if (!system && origin_ca.empty()) return system.error();
  if (system) {
    const Expected<std::string> pem = read_bundle(*system);
    if (!pem) return pem.error();
    auto roots = std::make_unique<SleepingRoots>();
    const int count = each_certificate(*pem, [&](std::string_view der) { return roots->add(der); });
    if (count <= 0) return bad_roots(system->string());
    add_sleeping(trust->store_, std::move(roots));
    trust->size_ += static_cast<std::size_t>(count);
  }
  if (!origin_ca.empty()) {
    const Expected<std::string> pem = read_bundle(origin_ca);
    if (!pem) return pem.error();
    if (!trust->add_now(*pem)) return bad_roots(origin_ca.string());
  }
  return std::shared_ptr<const OriginTrust>(std::move(trust));
}

std::shared_ptr<const OriginTrust> OriginTrust::none() {
  return std::shared_ptr<const OriginTrust>(new OriginTrust());
}

Expected<std::shared_ptr<const OriginTrust>> OriginTrust::from_pem(std::string_view pem) {
  std::shared_ptr<OriginTrust> trust(new OriginTrust());
  if (!trust->add_now(pem)) return bad_roots("the given text");
  return std::shared_ptr<const OriginTrust>(std::move(trust));
}

bool OriginTrust::add_now(std::string_view pem) {
  const int count = each_certificate(pem, [this](std::string_view der) {
    const openssl::X509Ptr certificate = decoded(der);
    return certificate && X509_get0_pubkey(certificate.get()) != nullptr &&
           X509_STORE_add_cert(store_, certificate.get()) == 1;
  });
  if (count > 0) size_ += static_cast<std::size_t>(count);
  return count > 0;
}

}  // namespace bottle
