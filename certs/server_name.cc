#include "certs/server_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "proxy/contract/host_name.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

Failure bad_name(std::string_view why) {
  return Failure{Code::Denied, "not a name a certificate can carry: " + std::string(why),
                 problem_code::kBadName};
}

}  // namespace

Result<ServerName> ServerName::parse(std::string_view canonical) {
  if (canonical.empty()) return bad_name("it is empty");
  HostReading host = read_host(canonical);
  if (host.defect != nullptr) return bad_name(host.defect);
  const auto same = [](char lower, char given) {
    return lower == (given >= 'A' && given <= 'Z' ? static_cast<char>(given - 'A' + 'a') : given);
  };
  if (!std::equal(host.text.begin(), host.text.end(), canonical.begin(), canonical.end(), same))
    return bad_name("it is not in its canonical form");
  ServerName name;
  name.text_ = std::move(host.text);
  if (host.kind == HostKind::Name) return name;
  name.kind_ = host.kind == HostKind::Ipv4 ? Kind::Ipv4 : Kind::Ipv6;
  ::inet_pton(name.kind_ == Kind::Ipv4 ? AF_INET : AF_INET6, name.text_.c_str(),
              name.address_.data());
  return name;
}

}  // namespace bottle
