#include "proxy/guard/secret_set_impl.h"

#include <algorithm>

namespace bottle {
namespace {

bool home_takes(const TokenHome& home, RequestPart part, std::string_view host) {
  const bool takes = (part == RequestPart::Header && home.header) ||
                     (part == RequestPart::Url && home.url) ||
                     (part == RequestPart::Body && home.body);
  return takes && host_matches(home.host, host);
}

}  // namespace

void SecretSetImpl::find_shapes() {
  struct Listener final : MatchListener {
    bool matched(std::size_t id, unsigned long long) override {
      found.set(id);
      return true;
    }
    std::bitset<kMaxShapes> found;
  };
  MatchScratch scratch(shapes);
  for (Exact& one : exact) {
    MatchStream stream(shapes, scratch);
    Listener listener;
    stream.scan(one.value, listener);
    one.shapes = listener.found;
  }
}

bool SecretSetImpl::belongs(std::size_t value, RequestPart part, std::string_view host) const {
  const Exact& secret = exact[value];
  if (secret.hosts) {
    if (part != RequestPart::Header && !(part == RequestPart::Body && secret.in_body)) return false;
    return std::any_of(secret.hosts->begin(), secret.hosts->end(),
                       [&](const std::string& pattern) { return host_matches(pattern, host); });
  }
  for (std::size_t shape = 0; shape < secret.shapes.size(); ++shape) {
    if (secret.shapes[shape] && is_home(shape, part, host)) return true;
  }
  return false;
}

bool SecretSetImpl::is_home(std::size_t shape, RequestPart part, std::string_view host) const {
  const auto homes = shape_of(shape).homes;
  return std::any_of(homes.begin(), homes.end(),
                     [&](const TokenHome& home) { return home_takes(home, part, host); });
}

bool SecretSetImpl::is_own(ByteView token, RequestPart part, std::string_view host) const {
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const ByteView value = exact[i].value;
    const bool same = value.find(token) != ByteView::npos || token.find(value) != ByteView::npos;
    if (same && belongs(i, part, host)) return true;
  }
  return false;
}

bool SecretSetImpl::ignores(std::string_view fingerprint) const {
  return std::binary_search(options.ignore.begin(), options.ignore.end(), fingerprint);
}

}  // namespace bottle
