#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// The choice of what the client gets, once the scanner has answered: one table. Sans-I/O.
namespace bottle {

// The facts that are known when the scanner's head is here.
struct AnswerFacts {
  std::size_t ids = 0;             // fields of the scanner's head that name an exchange
  bool other_id = false;           // ... another one than this
  bool says_refused = false;       // it is marked as the scanner's refusal
  bool exit_gave_head = false;     // the exit told of the origin's head
  bool exit_failed = false;        // ... of a failure that is not the scanner's leaving
  bool exit_was_left = false;      // ... that the scanner left
  bool too_many_interims = false;  // ... of more 1xx heads than are passed on
  bool head_differs = false;       // from the head that the exit gave the scanner
  bool has_body = false;           // the origin's answer
  bool bypasses = false;           // its body does not go through the scanner
  bool is_event_stream = false;
};

enum class AnswerKind : std::uint8_t {
  MixedUp,        // a failure: another exchange's answer
  InterimFlood,   // a failure, by the origin
  ExitsFailure,   // the failure that the exit told
  ScannersOwn,    // the scanner's refusal, or its failure
  Changed,        // the scanner's head and body, marked as refused
  OriginsHead,    // the origin's head alone
  Bypassed,       // the origin's head, the body as the exit tells it
  OriginsEvents,  // the origin's head, each event once the scanner has passed it
  OriginsBody,    // the origin's head, the scanner's body compared with the exit's sums
};

// The first row that holds counts; the last always does.
struct AnswerRow {
  bool (*holds)(const AnswerFacts& facts);
  AnswerKind kind;
};
inline constexpr std::array kAnswerRows{
    AnswerRow{[](const AnswerFacts& f) { return f.ids > 1 || f.other_id; }, AnswerKind::MixedUp},
    // The exit has told nothing of this exchange, so it gave the scanner no id to relay.
    AnswerRow{[](const AnswerFacts& f) {
                return f.ids == 1 && !f.exit_gave_head && !f.exit_failed && !f.exit_was_left;
              },
              AnswerKind::MixedUp},
    AnswerRow{[](const AnswerFacts& f) { return f.too_many_interims; }, AnswerKind::InterimFlood},
    AnswerRow{[](const AnswerFacts& f) { return f.exit_failed; }, AnswerKind::ExitsFailure},
    AnswerRow{
        [](const AnswerFacts& f) { return f.ids == 0 || !f.exit_gave_head || f.says_refused; },
        AnswerKind::ScannersOwn},
    AnswerRow{[](const AnswerFacts& f) { return f.head_differs; }, AnswerKind::Changed},
    AnswerRow{[](const AnswerFacts& f) { return !f.has_body; }, AnswerKind::OriginsHead},
    AnswerRow{[](const AnswerFacts& f) { return f.bypasses; }, AnswerKind::Bypassed},
    AnswerRow{[](const AnswerFacts& f) { return f.is_event_stream; }, AnswerKind::OriginsEvents},
    AnswerRow{[](const AnswerFacts&) { return true; }, AnswerKind::OriginsBody},
};

[[nodiscard]] constexpr AnswerKind answer_kind(const AnswerFacts& facts) {
  for (const AnswerRow& row : kAnswerRows) {
    if (row.holds(facts)) return row.kind;
  }
  return AnswerKind::MixedUp;
}

}  // namespace bottle
