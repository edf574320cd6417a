#include "proxy/upstream/no_proxy.h"

#include <charconv>

namespace bottle {
namespace {

constexpr std::string_view kParting = ", \t\r\n";

// The range of an address and a prefix, with the bits behind the prefix cleared.
std::optional<Cidr> range_of(const IpAddress& address, std::string_view prefix) {
  const unsigned most = address.v6 ? 128 : 32;
  unsigned bits = 0;
  const auto [end, ec] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), bits);
  if (ec != std::errc() || end != prefix.data() + prefix.size() || bits > most) return std::nullopt;
  Cidr out{.base = address, .prefix = bits};
  for (unsigned i = 0; i < most; ++i) {
    if (i >= bits) out.base.bytes[i / 8] &= static_cast<std::uint8_t>(~(0x80U >> (i % 8)));
  }
  return out;
}

std::optional<IpAddress> address_of(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return IpAddress::parse(text);
}

}  // namespace

std::optional<NoProxy::Entry> NoProxy::read(std::string_view text) {
  Entry entry;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto address = address_of(text.substr(0, slash));
    const auto range = address ? range_of(*address, text.substr(slash + 1)) : std::nullopt;
    if (!range) return std::nullopt;
    entry.range = *range;
    return entry;
  }
  auto address = address_of(text);
  const std::size_t colon = text.rfind(':');
  if (!address && colon != std::string_view::npos) {
    entry.port = parse_port(text.substr(colon + 1));
    if (!entry.port) return std::nullopt;
    text = text.substr(0, colon);
    address = address_of(text);
  }
  if (address) {
    entry.range = Cidr{.base = *address, .prefix = address->v6 ? 128U : 32U};
    return entry;
  }
  while (text.starts_with('.')) text.remove_prefix(1);
  if (text.ends_with('.')) text.remove_suffix(1);
  if (!is_valid_hostname(text)) return std::nullopt;
  entry.name = to_lower(text);
  return entry;
}

Expected<NoProxy> NoProxy::parse(std::string_view text) {
  NoProxy out;
  if (text.size() > kLongestText) {
    return Error{ExitCode::kUsage, "the list of hosts without a parent proxy is too long", ""};
  }
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(kParting);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(kParting));
    text.remove_prefix(word.size());
    words.push_back(word);
  }
  if (words.size() > kMaxEntries) {
    return Error{ExitCode::kUsage,
                 "the list of hosts without a parent proxy has more than " +
                     std::to_string(kMaxEntries) + " entries",
                 ""};
  }
  out.all_ = words.size() == 1 && words.front() == "*";
  for (const std::string_view word : words) {
    if (auto entry = read(word)) out.entries_.push_back(std::move(*entry));
  }
  return out;
}

bool NoProxy::matches(const Destination& destination) const {
  if (all_) return true;
  const auto address =
      destination.kind == HostKind::Name ? std::nullopt : IpAddress::parse(destination.host);
  const std::string_view host = destination.host;
  for (const Entry& entry : entries_) {
    if (entry.port && *entry.port != destination.port) continue;
    if (entry.name.empty()) {
      if (address && address->v6 == entry.range.base.v6 && entry.range.contains(*address)) {
        return true;
      }
      continue;
    }
    if (address) continue;
    const std::string_view name = entry.name;
    const bool below = host.size() > name.size() && host.ends_with(name) &&
                       host[host.size() - name.size() - 1] == '.';
    if (host == name || below) return true;
  }
  return false;
}

}  // namespace bottle
