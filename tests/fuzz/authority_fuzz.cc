// An authority: what is accepted has one spelling, which reads back as the same destination.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/authority.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  for (const std::optional<std::uint16_t> port :
       {std::optional<std::uint16_t>(443), std::optional<std::uint16_t>()}) {
    const auto destination = parse_authority(in, port);
    if (!destination) continue;
    FUZZ_CHECK(destination->port != 0 && !destination->host.empty());
    FUZZ_CHECK(destination->host.size() <= 253);
    for (const char c : destination->host) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
      FUZZ_CHECK(plain || (c == '_' && destination->kind == HostKind::Name) ||
                 (c == ':' && destination->kind == HostKind::Ipv6));
    }
    FUZZ_CHECK(*parse_authority(destination->host_port(), std::nullopt) == *destination);
    FUZZ_CHECK(*parse_authority(destination->authority(Scheme::Https), 443) == *destination);
    FUZZ_CHECK(*parse_host(destination->host, destination->port) == *destination);
    FUZZ_CHECK(is_valid_hostname(destination->host) == (destination->kind == HostKind::Name));
  }
  const auto form = parse_absolute_form(in);
  if (form) FUZZ_CHECK(form->path.starts_with('/') && form->path.find('#') == std::string::npos);
  return 0;
}
