// The name of a certificate: only what is canonical already, so that a certificate is never for
// another name than the one that the policy saw.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "certs/server_name.h"
#include "proxy/http/authority.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  const auto name = ServerName::parse(in);
  const auto destination = parse_host(in, 443);
  if (destination) FUZZ_CHECK(ServerName::parse(destination->host).has_value());
  if (!name) return 0;
  const std::string& text = name->text();
  FUZZ_CHECK(text.size() == in.size() && text.size() <= 253 && !text.empty());
  FUZZ_CHECK(destination && destination->host == text);
  FUZZ_CHECK(*ServerName::parse(text) == *name);
  FUZZ_CHECK(text.find('*') == std::string::npos && text.find('\0') == std::string::npos);
  FUZZ_CHECK(name->is_ip() == (destination->kind != HostKind::Name));
  FUZZ_CHECK(name->address().size() == (text.find(':') != std::string::npos ? 16U
                                        : name->is_ip()                     ? 4U
                                                                            : 0U));
  return 0;
}
