#include "proxy/contract/audit_schema.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

TEST(AuditSchema, WordsAreReadAsTheyAreWritten) {
  for (const Verdict verdict :
       {Verdict::Allowed, Verdict::Refused, Verdict::Failed, Verdict::Cut}) {
    EXPECT_EQ(verdict_by_word(to_string(verdict)), verdict);
  }
  EXPECT_FALSE(verdict_by_word("Allowed"));
  EXPECT_EQ(to_string(AuditKind::LostLines), "lost_lines");
}

TEST(AuditSchema, EachPartHasItsFileAndItsMark) {
  const auto files = audit_files("/a/audit.jsonl");
  EXPECT_EQ(files[0], "/a/audit.jsonl");
  EXPECT_EQ(files[1], "/a/audit.jsonl.findings");
  EXPECT_EQ(files[2], "/a/audit.jsonl.refusals");
  EXPECT_EQ(older_audit_file(files[2], 3), "/a/audit.jsonl.refusals.3");
  for (const AuditPart part : {AuditPart::Exchanges, AuditPart::Findings, AuditPart::Refusals}) {
    EXPECT_EQ(audit_part_of(R"({"time":"t","part":")" + std::string(to_string(part)) + R"("})"),
              part);
  }
  // The agent chose the host; its quotes are escaped.
  EXPECT_EQ(audit_part_of(R"({"part":"exchanges","host":"\"part\":\"findings\""})"),
            AuditPart::Exchanges);
}

}  // namespace
}  // namespace bottle
