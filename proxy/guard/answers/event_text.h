#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// Joins the text that server-sent events carry piece by piece. If an event's data is JSON, its
// strings that stream a text ("text", "content", "delta" …) follow each other with nothing between
// them; other data follows as lines. The input may be split anywhere; a few bytes are kept. Strings
// keep their escapes.
class EventText {
 public:
  void feed(ByteView in, Bytes& out);

 private:
  enum class State : std::uint8_t { Field, Skip, Data, Line, Json, Key, Value, Escape };

  void at_data(char c, Bytes& out);
  void in_json(char c, Bytes& out);
  [[nodiscard]] bool key_streams() const noexcept;

  static constexpr std::size_t kMaxKey = 16;
  State state_ = State::Field;
  State escaped_ = State::Key;  // the state that a '\' stands in
  bool streams_ = false;        // the value that is being read is given out
  bool was_key_ = false;        // the last string was followed by a ':'
  std::size_t field_ = 0;       // bytes of "data:" that matched
  char key_[kMaxKey];
  std::size_t key_size_ = 0;
  std::size_t value_size_ = 0;
};

}  // namespace bottle
