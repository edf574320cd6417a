#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/flow/audit.h"

namespace bottle {

// Bounds the lines about what a client can cause as often as the network carries it. The first
// kLinesBeforeFolding records of a kind have a line each. After that a kind has one line a second,
// which stands for all that came since the line before it: AuditRecord::count says how many, so no
// record goes uncounted. A kind is (AuditKind, Verdict, DecidedBy, reason, host). The client
// chooses hosts: beyond kFoldedHosts of them the host is left out of the kind, and beyond
// kFoldedKinds the reason too. So a flood costs at most about kFoldedHosts + kFoldedKinds lines a
// second. Values and no clock of its own; one thread at a time.
class AuditFold {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // True: the record has to be written now. False: it was counted, and due() will have it.
  [[nodiscard]] bool add(const AuditRecord& record, TimePoint now);
  // The lines of the kinds whose second is over.
  [[nodiscard]] std::vector<AuditRecord> due(TimePoint now);
  // Everything that is counted and not told, for the end.
  [[nodiscard]] std::vector<AuditRecord> rest();
  // When due() will have something; nullopt: nothing is counted.
  [[nodiscard]] std::optional<TimePoint> next() const noexcept;
  [[nodiscard]] std::size_t kinds() const noexcept { return kinds_.size(); }

 private:
  struct Kind {
    bool has_host = false;
    TimePoint paid_until;  // each line moves it a second on, from now at least
    std::optional<AuditRecord> counted;
  };

  Kind& kind_of(const AuditRecord& record, TimePoint now);
  void forget_idle(TimePoint now);

  std::unordered_map<std::string, Kind> kinds_;
  std::size_t hosts_ = 0;  // kinds with a host
};

inline constexpr int kLinesBeforeFolding = 10;
inline constexpr std::size_t kFoldedHosts = 16;
inline constexpr std::size_t kFoldedKinds = 64;

}  // namespace bottle
