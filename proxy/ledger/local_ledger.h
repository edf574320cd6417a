#pragma once

#include <cstddef>
#include <memory>

#include "proxy/ledger/exchange_ledger.h"
#include "proxy/ledger/ticket.h"

namespace bottle {

// The ledger of a proxy whose front and exit are one process. A table under one mutex; a waiter on
// another thread is woken by a posted event.
class LocalLedger final : public ExchangeLedger {
 public:
  LocalLedger();
  ~LocalLedger() override;  // with no end left
  [[nodiscard]] std::unique_ptr<FrontEnd> admit(Admission admission, Executor executor) override;
  [[nodiscard]] Result<std::unique_ptr<ExitEnd>> claim(std::string_view ticket,
                                                       Executor executor) override;
  [[nodiscard]] bool expects(std::string_view host) const override;
  [[nodiscard]] std::size_t live() const;  // exchanges

 private:
  struct Entry;
  struct Table;
  class Front;
  class Exit;
  std::shared_ptr<Table> table_;
  TicketOffice office_;
};

}  // namespace bottle
