#include "proxy/flow/host_index.h"

namespace bottle {

void HostIndex::add(const HostPattern& pattern) {
  const std::uint32_t number = count_++;
  switch (pattern.kind) {
    case HostPattern::Kind::Any:
      any_.push_back(number);
      break;
    case HostPattern::Kind::Exact:
      names_[pattern.host].push_back(number);
      break;
    case HostPattern::Kind::Subtree:
      subtrees_[pattern.host].push_back(number);
      break;
    case HostPattern::Kind::Address:
      addresses_[pattern.host].push_back(number);
      break;
  }
}

void HostIndex::Matches::add(const Numbers& numbers) {
  if (!numbers.empty()) places_.push_back({numbers.data(), numbers.data() + numbers.size()});
}

std::uint32_t HostIndex::Matches::next() noexcept {
  Place* first = nullptr;
  for (Place& place : places_) {
    if (place.at != place.end && (first == nullptr || *place.at < *first->at)) first = &place;
  }
  return first == nullptr ? kNone : *first->at++;
}

void HostIndex::add_from(const Table& table, std::string_view host, Matches& out) {
  if (table.empty()) return;
  const auto found = table.find(host);
  if (found != table.end()) out.add(found->second);
}

HostIndex::Matches HostIndex::matches_of(HostKind kind, std::string_view host) const {
  Matches out;
  out.add(any_);
  if (kind != HostKind::Name) {
    add_from(addresses_, host, out);
    return out;
  }
  add_from(names_, host, out);
  // The name itself and each name that it is below: a name has 127 labels at most.
  for (std::size_t at = 0;;) {
    add_from(subtrees_, host.substr(at), out);
    const std::size_t dot = host.find('.', at);
    if (dot == std::string_view::npos) return out;
    at = dot + 1;
  }
}

}  // namespace bottle
