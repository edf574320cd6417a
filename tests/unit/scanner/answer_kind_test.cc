#include "proxy/scanner/answer_kind.h"

#include <gtest/gtest.h>

#include <set>

namespace bottle {
namespace {

// An answer that went through the scanner as the exit gave it.
AnswerFacts passed() {
  AnswerFacts facts;
  facts.ids = 1;
  facts.exit_gave_head = true;
  facts.has_body = true;
  return facts;
}

AnswerKind with(void (*change)(AnswerFacts& facts)) {
  AnswerFacts facts = passed();
  change(facts);
  return answer_kind(facts);
}

TEST(AnswerKind, EachRowHasItsAnswer) {
  EXPECT_EQ(answer_kind(passed()), AnswerKind::OriginsBody);
  EXPECT_EQ(with([](AnswerFacts& f) { f.ids = 2; }), AnswerKind::MixedUp);
  EXPECT_EQ(with([](AnswerFacts& f) { f.other_id = true; }), AnswerKind::MixedUp);
  EXPECT_EQ(with([](AnswerFacts& f) { f.exit_gave_head = false; }), AnswerKind::MixedUp);
  EXPECT_EQ(with([](AnswerFacts& f) { f.too_many_interims = true; }), AnswerKind::InterimFlood);
  EXPECT_EQ(with([](AnswerFacts& f) { f.exit_failed = true; }), AnswerKind::ExitsFailure);
  EXPECT_EQ(with([](AnswerFacts& f) { f.ids = 0; }), AnswerKind::ScannersOwn);
  EXPECT_EQ(with([](AnswerFacts& f) { f.says_refused = true; }), AnswerKind::ScannersOwn);
  EXPECT_EQ(with([](AnswerFacts& f) { f.head_differs = true; }), AnswerKind::Changed);
  EXPECT_EQ(with([](AnswerFacts& f) { f.has_body = false; }), AnswerKind::OriginsHead);
  EXPECT_EQ(with([](AnswerFacts& f) { f.bypasses = true; }), AnswerKind::Bypassed);
  EXPECT_EQ(with([](AnswerFacts& f) { f.is_event_stream = true; }), AnswerKind::OriginsEvents);
}

TEST(AnswerKind, TheScannersLeavingIsNoFailureOfTheExit) {
  EXPECT_EQ(with([](AnswerFacts& f) { f.exit_was_left = true; }), AnswerKind::OriginsBody);
  EXPECT_EQ(with([](AnswerFacts& f) {
              f.exit_gave_head = false;
              f.exit_was_left = true;
            }),
            AnswerKind::ScannersOwn);
}

// An answer of another exchange is never shown, whatever else is wrong with it.
TEST(AnswerKind, TheRowsHaveAnOrder) {
  EXPECT_EQ(with([](AnswerFacts& f) {
              f.other_id = true;
              f.exit_failed = true;
              f.too_many_interims = true;
            }),
            AnswerKind::MixedUp);
  EXPECT_EQ(with([](AnswerFacts& f) {
              f.exit_failed = true;
              f.head_differs = true;
            }),
            AnswerKind::ExitsFailure);
  EXPECT_EQ(with([](AnswerFacts& f) {
              f.has_body = false;
              f.bypasses = true;
              f.is_event_stream = true;
            }),
            AnswerKind::OriginsHead);
}

TEST(AnswerKind, EveryKindHasARow) {
  std::set<AnswerKind> kinds;
  for (const AnswerRow& row : kAnswerRows) kinds.insert(row.kind);
  EXPECT_EQ(kinds.size(), 9U);
}

}  // namespace
}  // namespace bottle
