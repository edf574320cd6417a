#include "proxy/guard/secret_set_impl.h"

#include <algorithm>

#include "proxy/guard/encodings.h"
#include "proxy/guard/secret_forms.h"
#include "proxy/http/fields.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxHostName = 253;

bool home_takes(const TokenHome& home, RequestPart part, std::string_view host) {
  const bool takes = (part == RequestPart::Header && home.header) ||
                     (part == RequestPart::Url && home.url) ||
                     (part == RequestPart::Body && home.body);
  return takes && host_matches(home.host, host);
}

bool is_in_other(ByteView value, ByteView token) {
  return value.find(token) != ByteView::npos || token.find(value) != ByteView::npos;
}

}  // namespace

void SecretSetImpl::add(Exact one, Literals& literals) {
  const std::size_t index = exact.size();
  add_plain_forms(one.value, index, literals.plain);
  add_squeezed_forms(one.value, index, literals.squeezed);
  add_number_forms(one.value, index, literals.numbers);
  add_name_forms(one.value, index, literals.in_names);
  for (std::string form : {to_lower(one.value), hex_lower(one.value)}) {
    if (form.size() <= kMaxHostName) short_in_names.emplace_back(std::move(form), index);
  }
  exact.push_back(std::move(one));
}

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
    const bool takes = (part == RequestPart::Header && secret.in_header) ||
                       (part == RequestPart::Url && secret.in_query) ||
                       (part == RequestPart::Body && secret.in_body);
    if (!takes) return false;
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
    if (is_in_other(exact[i].value, token) && belongs(i, part, host)) return true;
  }
  return false;
}

const SecretSetImpl::Exact* SecretSetImpl::kept_out_as(ByteView token) const {
  const auto found = std::find_if(exact.begin(), exact.end(), [token](const Exact& one) {
    return one.kept_out && is_in_other(one.value, token);
  });
  return found == exact.end() ? nullptr : &*found;
}

bool SecretSetImpl::ignores(std::string_view fingerprint) const {
  return std::binary_search(options.ignore.begin(), options.ignore.end(), fingerprint);
}

}  // namespace bottle
