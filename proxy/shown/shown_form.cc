#include "proxy/shown/shown_form.h"

#include "proxy/ledger/said_strings.h"
#include "proxy/shown/opaque_text.h"

namespace bottle {

ShownForm::ShownForm(ByteView body, KnownText& known, const KnownText::Place& place, Rules rules)
    : body_(body), known_(known), place_(place), rules_(rules), leaves_(body) {
  rules_.theirs = rules_.theirs && known.has_any(KnownText::Kind::Said);
}

bool ShownForm::look(std::size_t bytes) {
  const std::size_t until = leaves_.walked() + bytes;
  while (const auto leaf = leaves_.next_before(until)) look_at(*leaf);
  return !leaves_.is_broken() && leaves_.walked() < body_.size();
}

bool ShownForm::is_json() { return leaves_.valid(); }

void ShownForm::look_at(const JsonLeaves::Leaf& leaf) {
  if (leaf.is_key || leaf.begin == leaf.end) return;
  const ByteView raw = body_.substr(leaf.begin, leaf.end - leaf.begin);
  if (raw.size() > kLongestRepeated) {
    look_at_long(leaf, raw);
  } else if (!rules_.repeated) {
    return;
  } else if (repeated_.contains(raw)) {
    (void)leave_out(leaf.begin, leaf.end, record_.repeated);
  } else if (repeated_.size() < kMostRepeated) {
    repeated_.insert(raw);
  }
}

void ShownForm::look_at_long(const JsonLeaves::Leaf& leaf, ByteView raw) {
  const TextMark as_sent = known_.mark_of(raw);
  if (known_.has(rules_.passed, place_, as_sent)) {
    if (leave_out(leaf.begin, leaf.end, record_.seen)) return;
  }
  if (rules_.theirs && known_.has(KnownText::Kind::Said, place_, mark_of_string(known_, raw))) {
    if (leave_out(leaf.begin, leaf.end, record_.theirs)) return;
  }
  if (rules_.opaque != OpaqueRule::Scan) {
    const OpaquePart part = opaque_part(raw);
    if (!part.empty()) {
      if (leave_out(leaf.begin + part.begin, leaf.begin + part.end, record_.unreadable)) return;
      // It is shown, and still counts for the rule.
      if (rules_.opaque == OpaqueRule::Refuse) ++record_.unreadable;
    }
  }
  if (marks_.size() < kMostMarks) marks_.push_back(as_sent);
}

// False: there are too many already.
bool ShownForm::leave_out(std::size_t begin, std::size_t end, std::uint64_t& count) {
  if (gaps_.size() == kMostLeftOut) return false;
  gaps_.push_back(Gap{.begin = begin, .end = end});
  ++count;
  return true;
}

}  // namespace bottle
