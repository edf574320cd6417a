#include "proxy/guard/shapes/token_shapes.h"

#include <vector>

#include "proxy/guard/shapes/shape_groups.h"

namespace bottle {
namespace {

std::vector<TokenShape> all_groups() {
  std::vector<TokenShape> all;
  for (const auto group :
       {model_shapes(), cloud_shapes(), hosting_shapes(), code_host_shapes(), messaging_shapes(),
        workplace_shapes(), payment_shapes(), observability_shapes(), vault_shapes(),
        database_shapes(), key_shapes()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace

std::span<const TokenShape> token_shapes() noexcept {
  static const std::vector<TokenShape> all = all_groups();
  return all;
}

bool host_matches(std::string_view pattern, std::string_view host) noexcept {
  if (!pattern.starts_with("*.")) return pattern == "*" || pattern == host;
  const std::string_view suffix = pattern.substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

}  // namespace bottle
