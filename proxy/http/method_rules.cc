#include "proxy/http/method_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr auto kUsualMethods =
    std::to_array<std::string_view>({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"});
constexpr auto kRefusedMethods =
    std::to_array<std::string_view>({"CONNECT", "TRACE", "TRACK", "PRI"});

template <class List>
bool lists(const List& list, std::string_view method) {
  return std::find(list.begin(), list.end(), method) != list.end();
}

}  // namespace

Result<void> check_method(std::string_view method, const OriginRules& rules,
                          const Destination& to) {
  const bool never = lists(kRefusedMethods, method);
  if (!never && (lists(kUsualMethods, method) || rules.allows_method(to.kind, to.host, method))) {
    return {};
  }
  std::string hint = "Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, in capitals.";
  if (!never) {
    hint +=
        " A person can allow others for a host: by \"methods\" in \"egress\" of the manifest, or "
        "--methods HOST=PROPFIND.";
  }
  return Failure{Code::NotSupported, "the request's method is not allowed",
                 problem_code::kBadMethod, std::move(hint)};
}

}  // namespace bottle
