#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "proxy/upstream/no_proxy.h"
#include "proxy/upstream/way.h"

namespace bottle {

// The proxy of the network that this machine is in, as one process was told of it.
struct ParentProxy {
  Destination place;
  std::string authorization;  // of Proxy-Authorization; empty: none
  NoProxy without;            // destinations that are reached without it
};

// Through the parent proxy, or directly where the list says so. Its arguments outlive it.
class ParentWay final : public Way {
 public:
  ParentWay(Way& direct, Way& through_parent, const NoProxy& without)
      : direct_(direct), through_parent_(through_parent), without_(without) {}
  awaitable<Result<asio::ip::tcp::socket>> open(const Destination& destination,
                                                std::uint64_t client) override {
    Way& way = without_.matches(destination) ? direct_ : through_parent_;
    return way.open(destination, client);
  }

 private:
  Way& direct_;
  Way& through_parent_;
  const NoProxy& without_;
};

}  // namespace bottle
