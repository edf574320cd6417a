#include "proxy/ledger/ticket.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/unit/ledger/admissions.h"

namespace bottle {
namespace {

using test::admission_of;

TEST(Ticket, IsTheIdAndAMac) {
  const TicketOffice office;
  const std::string ticket = office.issue(admission_of("p-0-17"));
  EXPECT_EQ(ticket.size(), 6 + 1 + 64U);
  EXPECT_EQ(id_of_ticket(ticket), "p-0-17");
  EXPECT_EQ(office.issue(admission_of("p-0-17")), ticket);
}

TEST(Ticket, IsOfOneExchangeAlone) {
  struct Row {
    const char* what;
    std::function<void(Admission&)> change;
  };
  const std::vector<Row> rows{
      {"id", [](Admission& a) { a.id = "p-0-18"; }},
      {"method", [](Admission& a) { a.scanned.head.method = "PUT"; }},
      {"host", [](Admission& a) { a.destination.host = "api.tes"; }},
      {"port", [](Admission& a) { a.destination.port = 8443; }},
      {"scheme", [](Admission& a) { a.scheme = Scheme::Http; }},
      {"target", [](Admission& a) { a.scanned.head.target = "/v1?q=2"; }},
      {"body", [](Admission& a) { a.scanned.body_digest = sha256("x"); }},
      // The same bytes, cut otherwise.
      {"cut",
       [](Admission& a) {
         a.scanned.head.method = "GETapi.test";
         a.destination.host = "";
       }},
  };
  const TicketOffice office;
  const Admission admission = admission_of("p-0-17");
  const std::string ticket = office.issue(admission);
  for (const Row& row : rows) {
    Admission other = admission;
    row.change(other);
    EXPECT_NE(office.issue(other), ticket) << row.what;
  }
}

TEST(Ticket, OfAnotherOfficeIsAnother) {
  const TicketOffice office;
  const TicketOffice other;
  const Admission admission = admission_of("p-0-17");
  EXPECT_NE(other.issue(admission), office.issue(admission));
}

TEST(Ticket, HasOneForm) {
  const std::string mac(64, '0');
  EXPECT_EQ(id_of_ticket("a." + mac), "a");
  EXPECT_EQ(id_of_ticket(std::string(128, 'a') + "." + mac), std::string(128, 'a'));
  std::vector<std::string> bad{"",
                               "a",
                               mac,
                               "." + mac,
                               "a" + mac,
                               "a." + mac + "0",
                               "a." + mac.substr(1),
                               "a b." + mac,
                               "a.b." + mac,
                               "a\n." + mac,
                               "a." + std::string(64, 'A'),
                               "a." + std::string(63, '0') + " ",
                               std::string(129, 'a') + "." + mac};
  for (const std::string& text : bad) EXPECT_EQ(id_of_ticket(text), std::nullopt) << text;
}

}  // namespace
}  // namespace bottle
