#include "certs/name_constraints.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "certs/server_name.h"

namespace bottle {
namespace {

using openssl::GeneralNamePtr;
using openssl::NameConstraintsPtr;

// RFC 2606: never a real name.
constexpr std::string_view kNoName = "bottle.invalid";

bool covers(std::string_view subtree, std::string_view name) {
  return name.size() > subtree.size() && name.ends_with(subtree) &&
         name[name.size() - subtree.size() - 1] == '.';
}

void drop_covered(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::vector<std::string> all = names;
  std::erase_if(names, [&all](const std::string& name) {
    return std::any_of(all.begin(), all.end(),
                       [&name](const std::string& other) { return covers(other, name); });
  });
}

// The name that it is below: empty if that would be a whole top-level domain.
std::string_view above(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view rest = name.substr(dot + 1);
  return rest.find('.') == std::string_view::npos ? std::string_view() : rest;
}

// Puts the name above in the place of names that stand side by side. True: some were.
bool widen(std::vector<std::string>& names, std::size_t few) {
  std::map<std::string, std::size_t> below;
  for (const std::string& name : names) {
    const std::string_view parent = above(name);
    if (!parent.empty()) ++below[std::string(parent)];
  }
  // Those with most names first: as little as possible is permitted beyond the list.
  std::vector<std::pair<std::size_t, std::string>> parents;
  for (const auto& [parent, count] : below) {
    if (count > 1) parents.emplace_back(count, parent);
  }
  std::sort(parents.begin(), parents.end(), std::greater<>());
  std::size_t left = names.size();
  for (const auto& [count, parent] : parents) {
    if (left <= few) break;
    left -= count - 1;
    names.push_back(parent);
  }
  const bool some = left < names.size();
  drop_covered(names);
  return some;
}

bool add(STACK_OF(GENERAL_SUBTREE) * *list, int type, std::string_view bytes) {
  if (*list == nullptr) *list = sk_GENERAL_SUBTREE_new_null();
  if (*list == nullptr) return false;
  ASN1_STRING* value = type == GEN_DNS ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();
  GENERAL_SUBTREE* subtree = GENERAL_SUBTREE_new();
  if (value == nullptr || subtree == nullptr ||
      ASN1_STRING_set(value, bytes.data(), static_cast<int>(bytes.size())) != 1) {
    ASN1_STRING_free(value);
    GENERAL_SUBTREE_free(subtree);
    return false;
  }
  GENERAL_NAME_set0_value(subtree->base, type, value);
  if (sk_GENERAL_SUBTREE_push(*list, subtree) > 0) return true;
  GENERAL_SUBTREE_free(subtree);
  return false;
}

}  // namespace

ConstraintSet constraints_for(const std::vector<std::string>& allow, std::size_t max) {
  ConstraintSet set;
  for (const std::string& pattern : allow) {
    std::string_view host = pattern;
    if (host.starts_with("*.")) host.remove_prefix(2);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.find('*') != std::string_view::npos) {
      set.inexpressible = "the allowlist has the entry \"" + pattern + "\"";
      return set;
    }
    const Result<ServerName> name = ServerName::parse(host);
    if (!name || (name->is_ip() && host.size() + 2 <= pattern.size() && pattern[0] == '*')) {
      set.warnings.push_back("no certificate can be made for the allowlist's entry \"" + pattern +
                             "\"" + (name ? "" : ": " + name.error().detail));
      continue;
    }
    if (name->is_ip()) {
      const auto address = name->address();
      set.ips.emplace_back(address.begin(), address.end());
    } else {
      set.dns.push_back(name->text());
    }
  }
  drop_covered(set.dns);
  std::sort(set.ips.begin(), set.ips.end());
  set.ips.erase(std::unique(set.ips.begin(), set.ips.end()), set.ips.end());
  if (set.dns.size() + set.ips.size() > max) {
    set.inexpressible = "the allowlist has more than " + std::to_string(max) + " entries";
    return set;
  }
  const std::size_t listed = set.dns.size();
  while (set.dns.size() > kFewConstraints && widen(set.dns, kFewConstraints)) {
  }
  if (set.dns.size() < listed) {
    set.warnings.push_back("the CA of this run may sign for some names beside the " +
                           std::to_string(listed) + " of the allowlist: with more than " +
                           std::to_string(kFewConstraints) +
                           ", names beside each other are put together as the name above them");
  }
  if (set.dns.size() > kFewConstraints) {
    set.warnings.push_back(
        "each TLS handshake carries the " + std::to_string(set.dns.size()) +
        " names of the allowlist, about 30 bytes for each; wildcards (*.NAME) are shorter");
  }
  return set;
}

NameConstraintsPtr encode(const ConstraintSet& set) {
  NameConstraintsPtr constraints(NAME_CONSTRAINTS_new());
  if (!constraints) return nullptr;
  bool done = true;
  for (const std::string& name : set.dns) {
    done = done && add(&constraints->permittedSubtrees, GEN_DNS, name);
  }
  if (set.dns.empty()) done = add(&constraints->permittedSubtrees, GEN_DNS, kNoName);
  for (const std::size_t size : {std::size_t{4}, std::size_t{16}}) {
    bool any = false;
    for (const std::string& address : set.ips) {
      if (address.size() != size) continue;
      any = true;
      done = done &&
             add(&constraints->permittedSubtrees, GEN_IPADD, address + std::string(size, '\xff'));
    }
    if (any) continue;
    done = done && add(&constraints->excludedSubtrees, GEN_IPADD, std::string(2 * size, '\0'));
  }
  return done ? std::move(constraints) : nullptr;
}

}  // namespace bottle
