#include "proxy/guard/head_scan.h"

#include <cstdint>

namespace bottle {
namespace {

// Two lists of texts are never the same bytes.
void append_sized(Bytes& out, std::string_view text) {
  const std::uint64_t size = text.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}

}  // namespace

HeadScan::HeadScan(const SecretSet& set, ScanSpace& space, CleanTexts& clean, std::string_view host,
                   Scheme scheme)
    : set_(set), space_(space), clean_(clean), host_(host), scheme_(scheme) {}

SecretScanner& HeadScan::scanner() {
  return scanner_ ? *scanner_ : scanner_.emplace(set_, space_, host_, scheme_);
}

std::vector<Finding> HeadScan::notes() const {
  return scanner_ ? scanner_->notes() : std::vector<Finding>();
}

// The same text may be clean for one destination and a find for another.
void HeadScan::new_text(char part) {
  text_.clear();
  text_ += part;
  text_ += scheme_ == Scheme::Https ? 's' : '-';
  append_sized(text_, host_);
}

// A scanner that has something to tell already looks for less.
template <class Look>
std::optional<Finding> HeadScan::unless_clean(Look look) {
  const CleanTexts::Mark mark = clean_.mark_of(text_);
  if (clean_.has(mark)) return std::nullopt;
  const bool first = scanner().notes().empty();
  auto found = look();
  if (!found && first && scanner().notes().empty()) clean_.add(mark);
  return found;
}

std::optional<Finding> HeadScan::look(const RequestHead& head) {
  text_.reserve(1024);
  new_text('h');
  auto found = unless_clean([this] { return scanner().scan_host(); });
  if (found) return found;
  new_text('u');
  text_ += head.target;
  found = unless_clean([&] { return scanner().scan_url(head.target); });
  if (found) return found;
  new_text('f');
  for (const Field field : head.fields) {
    append_sized(text_, field.name);
    append_sized(text_, field.value);
  }
  return unless_clean([&] { return scanner().scan_fields(head.fields); });
}

}  // namespace bottle
