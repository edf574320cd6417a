#include "proxy/flow/audit_fold.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/unit/flow/audit_bench.h"

namespace bottle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A clock that the test moves, and the sum of what was told.
struct Folding {
  void add(const AuditRecord& record) {
    if (fold.add(record, now)) tell(record);
  }
  void pass(milliseconds time) {
    now += time;
    for (const AuditRecord& record : fold.due(now)) tell(record);
  }
  void end() {
    for (const AuditRecord& record : fold.rest()) tell(record);
  }
  void tell(const AuditRecord& record) {
    lines.push_back(record);
    told += record.count;
  }

  AuditFold fold;
  AuditFold::TimePoint now{seconds(1000)};
  std::vector<AuditRecord> lines;
  std::uint64_t told = 0;
};

TEST(AuditFold, TheFirstOnesHaveLinesOfTheirOwn) {
  Folding folding;
  for (int i = 0; i < kLinesBeforeFolding; ++i) folding.add(refused_host("a.test"));
  EXPECT_EQ(folding.lines.size(), static_cast<std::size_t>(kLinesBeforeFolding));
  EXPECT_FALSE(folding.fold.next());
  folding.add(refused_host("a.test"));
  EXPECT_EQ(folding.lines.size(), static_cast<std::size_t>(kLinesBeforeFolding));
  EXPECT_EQ(folding.fold.next(), folding.now + seconds(1));
  folding.pass(milliseconds(999));
  EXPECT_EQ(folding.lines.size(), static_cast<std::size_t>(kLinesBeforeFolding));
  folding.pass(milliseconds(1));
  EXPECT_EQ(folding.lines.size(), static_cast<std::size_t>(kLinesBeforeFolding) + 1);
  EXPECT_EQ(folding.told, static_cast<std::uint64_t>(kLinesBeforeFolding) + 1);
}

TEST(AuditFold, ThenOneASecondWithACount) {
  Folding folding;
  for (int second = 0; second < 30; ++second) {
    for (int i = 0; i < 1000; ++i) folding.add(refused_host("a.test"));
    folding.pass(seconds(1));
  }
  EXPECT_EQ(folding.lines.size(), static_cast<std::size_t>(kLinesBeforeFolding) + 30);
  EXPECT_EQ(folding.lines.back().count, 1000u);
  EXPECT_EQ(folding.told, 30'000u);
}

TEST(AuditFold, QuietKindStartsAnew) {
  Folding folding;
  for (int i = 0; i < 100; ++i) folding.add(refused_host("a.test"));
  folding.pass(seconds(1));
  folding.pass(seconds(kLinesBeforeFolding));
  const std::size_t before = folding.lines.size();
  for (int i = 0; i < kLinesBeforeFolding; ++i) folding.add(refused_host("a.test"));
  EXPECT_EQ(folding.lines.size(), before + kLinesBeforeFolding);
}

// The agent chooses hosts, paths and methods: the number of kinds is bounded, the count is exact.
TEST(AuditFold, ManyHostsAreFewLines) {
  Folding folding;
  constexpr int kFlood = 50'000;
  for (int i = 0; i < kFlood; ++i) {
    AuditRecord record = refused_host("h" + std::to_string(i) + ".test");
    record.target = "/" + std::to_string(i);
    folding.add(record);
  }
  EXPECT_LE(folding.fold.kinds(), kFoldedHosts + 1);
  EXPECT_LE(folding.lines.size(), kFoldedHosts + kLinesBeforeFolding);
  folding.end();
  EXPECT_EQ(folding.told, static_cast<std::uint64_t>(kFlood));
  const AuditRecord& last = folding.lines.back();
  EXPECT_TRUE(last.host.empty()) << "they differed";
  EXPECT_EQ(last.port, 0);
  EXPECT_TRUE(last.target.empty());
  EXPECT_EQ(last.reason, "host_not_allowed");
  EXPECT_EQ(last.status, 403);
}

TEST(AuditFold, ManyReasonsAreFewLines) {
  Folding folding;
  for (int i = 0; i < 5000; ++i) {
    AuditRecord record = refused_host("a.test");
    record.reason = "r" + std::to_string(i);
    folding.add(record);
  }
  EXPECT_LE(folding.fold.kinds(), kFoldedHosts + kFoldedKinds + 1);
  folding.end();
  EXPECT_EQ(folding.told, 5000u);
  folding.pass(seconds(60));
  folding.add(refused_host("b.test"));
  EXPECT_EQ(folding.fold.kinds(), 1u) << "quiet kinds are forgotten";
}

TEST(AuditFold, SumsAndWhatIsTheSameStay) {
  Folding folding;
  for (int i = 0; i < kLinesBeforeFolding + 3; ++i) {
    AuditRecord record = refused_host("a.test");
    record.id = std::to_string(i);
    record.bytes_in = 5;
    record.total = milliseconds(i);
    folding.add(record);
  }
  folding.end();
  const AuditRecord& last = folding.lines.back();
  EXPECT_EQ(last.count, 3u);
  EXPECT_EQ(last.bytes_in, 15u);
  EXPECT_EQ(last.total, milliseconds(kLinesBeforeFolding + 2));
  EXPECT_TRUE(last.id.empty());
  EXPECT_EQ(last.host, "a.test");
  EXPECT_EQ(last.target, "/v1/messages?beta=true&key=abc");
}

TEST(AuditFold, KindsDoNotDisturbEachOther) {
  Folding folding;
  for (int i = 0; i < 1000; ++i) folding.add(refused_host("a.test"));
  AuditRecord other = refused_host("a.test");
  other.reason = "own_address";
  const std::size_t before = folding.lines.size();
  folding.add(other);
  EXPECT_EQ(folding.lines.size(), before + 1);
}

// --proxy-auth: strangers choose hosts too, and are one kind.
TEST(AuditFold, StrangersAreOneKind) {
  Folding folding;
  for (int i = 0; i < 1000; ++i) {
    AuditRecord record = refused_host("h" + std::to_string(i));
    record.reason = "proxy_auth_required";
    record.anonymous = true;
    folding.add(record);
  }
  EXPECT_EQ(folding.fold.kinds(), 1u);
  EXPECT_EQ(folding.lines.size(), static_cast<std::size_t>(kLinesBeforeFolding));
}

}  // namespace
}  // namespace bottle
