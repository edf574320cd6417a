#pragma once

#include <cstddef>

#include "proxy/base/bytes.h"
#include "proxy/guard/literal_set.h"

namespace bottle {

// The short values of one JSON text, form, query or header, one behind the other without their
// names: a value of the set that was cut up over them stands in one piece again. Long ones are left
// out. Memory: a batch of values, and one that is not complete.
class JoinedValues {
 public:
  static constexpr std::size_t kMostValue = 64;  // bytes

  // A value goes on, or begins.
  void add(ByteView part) {
    if (text_.size() - begin_ <= kMostValue) text_.append(part.substr(0, kMostValue + 1));
  }
  // The value is complete, or is none (a name).
  void end_value(bool is_value = true) {
    if (!is_value || text_.size() - begin_ > kMostValue) text_.resize(begin_);
    begin_ = text_.size();
  }
  // Looks for `set` (in squeezed text) in what is complete and was not looked at yet.
  void look(const LiteralSet& set, LiteralListener& listener);
  void reset();

 private:
  Bytes text_;
  std::size_t begin_ = 0;  // of the value that is not complete
  LiteralStream stream_;
};

// Adds the values of name=value pairs that '&', ';' or ',' separate, as in queries and cookies.
void add_pairs(ByteView pairs, JoinedValues& to);

// Reads a body that may be a form (application/x-www-form-urlencoded), by how it begins. In any
// split.
class FormValues {
 public:
  void feed(ByteView in, JoinedValues& to);
  // A value may end with the body.
  void finish(JoinedValues& to);

 private:
  enum class Place : unsigned char { Name, Value, NoForm };
  Place place_ = Place::Name;
  std::size_t name_size_ = 0;
};

}  // namespace bottle
