#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/guard/matcher.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/guard/shapes/token_shapes.h"

// The inside of a SecretSet, for secret_set.cc, which makes it, and secret_scanner.cc, which looks
// with it.
namespace bottle {

// The meaning of a pattern's id.
struct MatchTarget {
  bool exact = false;
  std::size_t index = 0;
};

struct SecretSet::Impl {
  struct Exact {
    std::string name;
    std::optional<std::vector<std::string>> hosts;
    bool in_body = false;
    std::bitset<kMaxShapes> shapes;  // well-known shapes found in the value
  };

  std::vector<Exact> exact;
  std::vector<MatchTarget> targets;  // by pattern id
  // Forms of the values that survive in a host's name, which has no upper case.
  std::vector<std::pair<std::string, std::size_t>> in_host;
  bool has_space = false;  // a value has a space: '+' must be read as one too
  // Streaming mode serves texts that are there as a whole, too (by resetting a stream): a second
  // database would double the time to start.
  std::optional<MatchDatabase> database;

  // Which of the values are tokens of a well-known shape.
  void find_shapes(const std::vector<SecretSpec>& secrets) {
    struct Listener final : MatchListener {
      explicit Listener(const std::vector<MatchTarget>& all) : targets(all) {}
      bool matched(std::size_t id, unsigned long long) override {
        if (!targets[id].exact) shapes.set(targets[id].index);
        return true;
      }
      const std::vector<MatchTarget>& targets;
      std::bitset<kMaxShapes> shapes;
    };
    MatchScratch scratch(*database);
    for (std::size_t i = 0; i < secrets.size(); ++i) {
      MatchStream stream(*database, scratch);
      Listener listener(targets);
      stream.scan(secrets[i].value, listener);
      exact[i].shapes = listener.shapes;
    }
  }

  // True if the pattern may stand in that part of a request to that host (over https).
  bool belongs(const MatchTarget& target, RequestPart part, std::string_view host) const {
    return target.exact ? exact_belongs(exact[target.index], part, host)
                        : shape_belongs(target.index, part, host);
  }

 private:
  static bool home_takes(const TokenHome& home, RequestPart part, std::string_view host) {
    const bool takes = (part == RequestPart::Header && home.header) ||
                       (part == RequestPart::Url && home.url) ||
                       (part == RequestPart::Body && home.body);
    return takes && host_matches(home.host, host);
  }
  static bool built_in_home(std::size_t shape, RequestPart part, std::string_view host) {
    const auto homes = token_shapes()[shape].homes;
    return std::any_of(homes.begin(), homes.end(),
                       [&](const TokenHome& home) { return home_takes(home, part, host); });
  }
  static bool listed(const Exact& secret, RequestPart part, std::string_view host) {
    if (part != RequestPart::Header && !(part == RequestPart::Body && secret.in_body)) return false;
    return std::any_of(secret.hosts->begin(), secret.hosts->end(),
                       [&](const std::string& pattern) { return host_matches(pattern, host); });
  }
  static bool exact_belongs(const Exact& secret, RequestPart part, std::string_view host) {
    if (secret.hosts) return listed(secret, part, host);
    for (std::size_t shape = 0; shape < token_shapes().size(); ++shape) {
      if (secret.shapes[shape] && built_in_home(shape, part, host)) return true;
    }
    return false;
  }
  // A host to which an exact secret of that shape may go is a home of the shape, too: otherwise a
  // gateway's key that looks like the vendor's could be sent to neither.
  bool shape_belongs(std::size_t shape, RequestPart part, std::string_view host) const {
    if (built_in_home(shape, part, host)) return true;
    return std::any_of(exact.begin(), exact.end(), [&](const Exact& secret) {
      return secret.hosts && secret.shapes[shape] && listed(secret, part, host);
    });
  }
};

}  // namespace bottle
