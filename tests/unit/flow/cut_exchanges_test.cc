#include "proxy/flow/cut_exchanges.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/unit/flow/audit_bench.h"

namespace bottle {
namespace {

AuditRecord exchange(const std::string& id, AuditKind kind) {
  AuditRecord record;
  record.id = id;
  record.kind = kind;
  record.method = "POST";
  record.host = "api.test";
  record.port = 443;
  record.target = "/v1?key=secret";
  record.route = "scan";
  return record;
}

TEST(CutExchanges, AreThoseThatBeganAndDidNotEnd) {
  const TempDir folder;
  const std::string file = folder.file();
  std::ofstream(file) << audit_line(exchange("a", AuditKind::Begin))
                      << audit_line(exchange("b", AuditKind::Begin))
                      << audit_line(exchange("a", AuditKind::Exchange))
                      << audit_line(exchange("c", AuditKind::Begin)).substr(0, 60);
  const auto cut = cut_exchanges(file);
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_EQ(cut[0].id, "b");
  EXPECT_EQ(cut[0].kind, AuditKind::Exchange);
  EXPECT_EQ(cut[0].verdict, Verdict::Cut);
  EXPECT_EQ(cut[0].host, "api.test");
  EXPECT_EQ(cut[0].port, 443);
  EXPECT_EQ(cut[0].method, "POST");
  EXPECT_TRUE(cut[0].begun);
  EXPECT_EQ(part_of(cut[0]), AuditPart::Exchanges);
  const std::string line = audit_line(cut[0]);
  EXPECT_NE(line.find(R"("reason":"proxy_restarted")"), std::string::npos) << line;
}

TEST(CutExchanges, OfNoFileThereAreNone) {
  EXPECT_TRUE(cut_exchanges("").empty());
  EXPECT_TRUE(cut_exchanges("-").empty());
  EXPECT_TRUE(cut_exchanges("/nowhere/audit").empty());
  EXPECT_TRUE(cut_exchanges("/dev/null").empty());
}

}  // namespace
}  // namespace bottle
