#pragma once

#include <vector>

#include "proxy/http/exchange.h"

namespace bottle::test {

// The interim heads that an exchange's client was sent.
class InterimLog final : public InterimSink {
 public:
  void interim(const ResponseHead& head) override { statuses.push_back(head.status); }
  std::vector<int> statuses;
};

}  // namespace bottle::test
