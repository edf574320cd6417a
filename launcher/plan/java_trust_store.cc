#include "launcher/plan/java_trust_store.h"

#include <array>
#include <cstdint>

#include "launcher/plan/certificate_bytes.h"

namespace bottle::launcher {
namespace {

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size(), 2);
  out += text;
}

}  // namespace

Expected<std::string> java_trust_store(std::string_view pem, std::string_view password) {
  const auto der = first_certificate(pem);
  if (!der) {
    return Error{ExitCode::kProxy, "the CA file that bottle-proxy wrote holds no certificate", ""};
  }
  std::string store;
  put_number(store, 0xfeedfeed, 4);
  put_number(store, 2, 4);  // format version
  put_number(store, 1, 4);  // entries
  put_number(store, 2, 4);  // kind: trusted certificate
  put_text(store, "bottle");
  put_number(store, 0, 8);  // creation date: not used for anything
  put_text(store, "X.509");
  put_number(store, der->size(), 4);
  store += *der;

  std::string keyed;
  for (const char c : password) {
    keyed += '\0';
    keyed += c;
  }
  keyed += "Mighty Aphrodite";  // the format's fixed salt
  keyed += store;
  // SHA-1 over password and content. It protects nothing here (the password is public and the file
  // is ours); Java insists on it.
  return store + sha1(std::move(keyed));
}

std::span<const std::string_view> system_java_stores() {
  static constexpr std::array<std::string_view, 2> kStores{
      "/etc/ssl/certs/java/cacerts",                // Debian, Ubuntu
      "/etc/pki/ca-trust/extracted/java/cacerts"};  // Fedora, RHEL
  return kStores;
}

}  // namespace bottle::launcher
