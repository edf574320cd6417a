#include "proxy/ledger/ticket.h"

#include <algorithm>
#include <tuple>

namespace bottle {
namespace {

constexpr std::size_t kMacSize = 2 * std::tuple_size_v<Digest>;
constexpr std::size_t kMaxId = 128;

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxId && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_';
  });
}

bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// With its length before it, so that no two lists of parts look alike.
void add_part(std::string& text, std::string_view part) {
  text += std::to_string(part.size());
  text += ':';
  text += part;
}

}  // namespace

Digest TicketOffice::mac(const Admission& admission) const {
  const RequestHead& head = admission.scanned.head;
  const Digest& body = admission.scanned.body_digest;
  std::string text;
  text.reserve(256 + head.target.size());
  add_part(text, admission.id);
  add_part(text, head.method);
  add_part(text, admission.destination.host_port());
  add_part(text, to_string(admission.scheme));
  add_part(text, head.target);
  add_part(text, {reinterpret_cast<const char*>(body.data()), body.size()});
  return key_.mac(text);
}

std::string TicketOffice::issue(const Admission& admission) const {
  std::string ticket = admission.id;
  ticket += '.';
  ticket += hex(mac(admission));
  return ticket;
}

std::optional<std::string_view> id_of_ticket(std::string_view ticket) noexcept {
  if (ticket.size() < kMacSize + 2) return std::nullopt;
  const std::size_t dot = ticket.size() - kMacSize - 1;
  const std::string_view id = ticket.substr(0, dot);
  if (ticket[dot] != '.' || !is_id(id)) return std::nullopt;
  if (!std::ranges::all_of(ticket.substr(dot + 1), is_lower_hex)) return std::nullopt;
  return id;
}

}  // namespace bottle
