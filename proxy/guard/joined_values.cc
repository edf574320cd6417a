#include "proxy/guard/joined_values.h"

#include <algorithm>

#include "proxy/guard/views/escape_view.h"
#include "proxy/guard/views/squeeze.h"

namespace bottle {
namespace {

constexpr std::size_t kMostName = 256;

// A form has no such bytes: it escapes them.
bool is_foreign(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte >= 0x7f || c == '"' || c == '<' || c == '>' || c == '{' || c == '}';
}

}  // namespace

void JoinedValues::look(const LiteralSet& set, LiteralListener& listener) {
  if (begin_ == 0) return;
  ByteView complete = ByteView(text_).substr(0, begin_);
  Bytes plain;
  EscapeView escapes;
  if (!escapes.passes(complete)) {
    escapes.decode(complete, plain);
    escapes.flush(plain);
    complete = plain;
  }
  Bytes squeezed;
  squeeze(complete, squeezed);
  stream_.scan(set, squeezed, listener);
  text_.erase(0, begin_);
  begin_ = 0;
}

void JoinedValues::reset() {
  text_.clear();
  begin_ = 0;
  stream_.reset();
}

void add_pairs(ByteView pairs, JoinedValues& to) {
  while (!pairs.empty()) {
    const ByteView pair = pairs.substr(0, pairs.find_first_of("&;,"));
    const std::size_t name = pair.find('=');
    to.add(name == ByteView::npos ? pair : pair.substr(name + 1));
    to.end_value();
    pairs.remove_prefix(std::min(pair.size() + 1, pairs.size()));
  }
}

void FormValues::feed(ByteView in, JoinedValues& to) {
  while (!in.empty() && place_ != Place::NoForm) {
    const std::size_t size =
        std::min(in.find_first_of(place_ == Place::Name ? "=&" : "&"), in.size());
    const ByteView part = in.substr(0, size);
    if (std::any_of(part.begin(), part.begin() + static_cast<long>(std::min(size, kMostName)),
                    is_foreign)) {
      place_ = Place::NoForm;
      return to.end_value(false);
    }
    if (place_ == Place::Value) to.add(part);
    if (place_ == Place::Name) name_size_ += size;
    if (name_size_ > kMostName) place_ = Place::NoForm;
    in.remove_prefix(size);
    if (in.empty() || place_ == Place::NoForm) return;
    if (place_ == Place::Value) to.end_value();
    place_ = in.front() == '=' ? Place::Value : Place::Name;
    name_size_ = 0;
    in.remove_prefix(1);
  }
}

void FormValues::finish(JoinedValues& to) {
  if (place_ == Place::Value) to.end_value();
}

}  // namespace bottle
