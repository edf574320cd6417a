#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>
#include <vector>

#include "proxy/base/awaitable.h"

namespace bottle {

using Addresses = std::vector<asio::ip::address>;

// The addresses of a name; an empty list comes with the reason.
struct LookupAnswer {
  Addresses addresses;
  std::string error;       // for a person
  bool temporary = false;  // no answer, as opposed to "there is no such name"
};

// Where the addresses of names come from: SystemNames, a script in tests. Outlives its look-ups.
class NameLookup {
 public:
  virtual ~NameLookup() = default;
  // In the order in which to try them. Cancelled with its task: then it ends soon, with nothing.
  virtual awaitable<LookupAnswer> look_up(std::string name) = 0;
};

}  // namespace bottle
