#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bottle {

// The fate of a finding.
enum class FindingAction : std::uint8_t { Refused, Redacted, Noted };
[[nodiscard]] std::string_view to_string(FindingAction action) noexcept;

// Something that the guard found, as the audit log tells it; never the value itself.
struct FindingRecord {
  std::string name;            // the secret's, the shape's or the class's: "GitHub token"
  std::string_view kind;       // a literal: "secret", "token", "host_name", "answer", "unread"
  std::string_view severity;   // a literal: "refuse", "note"
  std::string_view part;       // a literal: "host", "url", "header", "body"
  std::string field = {};      // the header field's name, if it is in one
  std::string json_path = {};  // "messages[12].content[0].text", if it is in JSON
  std::string fingerprint = {};
  FindingAction action = FindingAction::Noted;

  bool operator==(const FindingRecord&) const = default;
};

// Those of one exchange: the first ones, and how many there were besides.
struct FindingRecords {
  static constexpr std::size_t kMaxKept = 16;
  std::vector<FindingRecord> kept;
  std::uint64_t others = 0;

  void add(FindingRecord one) {
    if (kept.size() < kMaxKept) {
      kept.push_back(std::move(one));
    } else {
      ++others;
    }
  }
  [[nodiscard]] bool empty() const noexcept { return kept.empty(); }
  bool operator==(const FindingRecords&) const = default;
};

}  // namespace bottle
