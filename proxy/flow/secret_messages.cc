#include "proxy/flow/secret_messages.h"

#include <algorithm>

#include "proxy/flow/guard_records.h"

namespace bottle {
namespace {

// Notes that are told of one tunnel; a later one that is new is not.
constexpr std::size_t kMostNotes = 64;

void keep_last(Bytes& kept, ByteView more, std::size_t most) {
  if (more.size() >= most) {
    kept.assign(more.substr(more.size() - most));
    return;
  }
  if (kept.size() + more.size() > most) kept.erase(0, kept.size() + more.size() - most);
  kept += more;
}

}  // namespace

bool begins_as_json(ByteView text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != ByteView::npos && (text[first] == '{' || text[first] == '[');
}

SecretMessages::SecretMessages(const ScanPlace& place, DecodeSpace& decode, DecodeLimits limits,
                               Passage& passage)
    : place_(place), decode_(decode), limits_(limits), passage_(passage) {}

Result<std::size_t> SecretMessages::feed(const MessagePiece& piece) {
  passage_.scanned_request_body = true;
  if (piece.begins) begin_message(piece);
  auto alone = look_alone(piece.bytes, piece.ends);
  if (!alone) return alone.error();
  auto joined = look_joined(piece.bytes, piece.ends);
  if (!joined) return joined.error();
  tell_notes();
  keep_last(recent_, piece.bytes, kOverlap);
  if (piece.ends) return std::size_t{0};
  return std::max(kHeldBack, joined_waits_);
}

Result<std::size_t> SecretMessages::pause() {
  SecretScanner& alone = in_json_ ? *json_ : *other_;
  const std::optional<Finding> hit = alone.pause();
  if (hit) return refuse(*hit);
  auto joined = joined_->pause();
  if (!joined) return joined.error();
  return std::max<std::size_t>(joined_waits_, alone_waits_ ? 1 : 0);
}

void SecretMessages::begin_message(const MessagePiece& piece) {
  before_ = recent_;
  if (!joined_ || fed_ > kRenewAfter) {
    json_.reset();
    other_.reset();
    begin_joined(before_);
  }
  begin_alone(begins_as_json(piece.bytes));
}

void SecretMessages::begin_alone(bool is_json) {
  in_json_ = is_json;
  std::optional<SecretScanner>& scanner = is_json ? json_ : other_;
  if (!scanner) scanner.emplace(place_.secrets, place_.space, place_.host, place_.scheme);
  alone_waits_ = false;
}

void SecretMessages::begin_joined(ByteView before) {
  const auto make = [this] {
    joined_ = std::make_unique<BodyScan>(place_.secrets, place_.space, decode_, place_.host,
                                         place_.scheme, Codings(), limits_);
    fed_ = 0;
    joined_waits_ = 0;
  };
  make();
  // The beginning is cut off, so it may look like something that it is not: it has left already.
  const bool hides_nothing = before.empty() || joined_->feed(Bytes(before), false).has_value();
  if (!hides_nothing) make();
  joined_->set_report([this](const Finding& finding) {
    if (finding.severity == Severity::Note) {
      note(finding);
    } else {
      refused_ = finding;
    }
  });
}

// A message's end is one for whole words and for patterns, as that of a text is.
Result<> SecretMessages::look_alone(ByteView bytes, bool ends) {
  SecretScanner& scanner = in_json_ ? *json_ : *other_;
  ScanResult result = scanner.feed(bytes);
  if (!bytes.empty()) alone_waits_ = result.safe < bytes.size();
  if (!result.refused && ends) {
    // Before the line end, which an encoded text may go over.
    result.refused = scanner.pause();
    if (!result.refused) result = scanner.feed("\n");
  }
  if (result.refused) return refuse(*result.refused);
  return {};
}

Result<> SecretMessages::look_joined(ByteView bytes, bool ends) {
  const std::size_t given = bytes.size();
  fed_ += given;
  auto passed = joined_->feed(Bytes(bytes), false);
  if (!passed) return passed.error();
  joined_waits_ += given;
  joined_waits_ -= std::min(joined_waits_, passed->size());
  if (!ends) return {};
  return joined_->pause();
}

void SecretMessages::take_back() {
  refused_.reset();
  json_.reset();
  other_.reset();
  begin_joined(before_);
  recent_ = before_;
}

Failure SecretMessages::refuse(const Finding& finding) {
  tell_notes();
  refused_ = finding;
  return refusal(finding);
}

void SecretMessages::tell_notes() {
  const SecretScanner& alone = in_json_ ? *json_ : *other_;
  for (const Finding& finding : alone.notes()) note(finding);
}

void SecretMessages::note(const Finding& finding) {
  std::pair<std::string, std::string> key(finding.name, finding.fingerprint);
  if (told_.size() == kMostNotes) return;
  if (std::find(told_.begin(), told_.end(), key) != told_.end()) return;
  told_.push_back(std::move(key));
  passage_.findings.add(record_of(finding, FindingAction::Noted));
}

}  // namespace bottle
