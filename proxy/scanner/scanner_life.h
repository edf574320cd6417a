#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/ledger/known_text.h"

namespace bottle {

// Notices that the scanner is another one than before: it was started again, or with another
// configuration, as far as its /health tells (start, version, the number of patterns, the
// switches). Then nothing that was passed before counts any more. A change of the configuration
// that keeps all of these is not seen. One for the process, thread-safe.
class ScannerLife {
 public:
  using Clock = std::chrono::steady_clock;
  // `known` outlives it.
  explicit ScannerLife(KnownText& known) : known_(known) {}

  // It is time to ask again, although no connection is new: a configuration can be loaded while the
  // scanner runs.
  [[nodiscard]] bool is_due(Clock::time_point now);

  // An earlier process heard of these facts: the first scanner is that one, or another. Before
  // anything else is called.
  void expect(std::string facts);
  // The facts that tell the present scanner from others; empty if nothing was heard.
  [[nodiscard]] std::string facts();

  // `health`: the answer of a connection that was just made, to a question at `asked`; it came at
  // `answered`. An answer that cannot be read is another scanner's.
  void heard(std::string_view health, Clock::time_point asked, Clock::time_point answered);

 private:
  static constexpr std::chrono::seconds kAsksEvery{5};

  // When the scanner started: at some time from `first` to `last`.
  struct Start {
    Clock::time_point first;
    Clock::time_point last;
  };

  KnownText& known_;
  std::mutex mutex_;
  bool heard_before_ = false;
  Clock::time_point asked_{};  // the last question that was answered
  std::optional<Start> start_;
  std::string facts_;
};

}  // namespace bottle
