#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace bottle {

// Finds the members "jsonrpc" and "id" of a JSON document that comes in pieces, to answer a call
// with its own id. Reads the outermost object alone; what is no object, or breaks JSON's rules, is
// no call. Clients write the id in front of the parameters or behind them, so all of the document
// may be read; at most 64 KiB are. Holds 64 bytes of it.
class JsonRpcReader {
 public:
  void feed(ByteView piece);

  // There is nothing more to find.
  [[nodiscard]] bool done() const noexcept { return state_ == State::Done; }
  // "jsonrpc":"2.0" was there.
  [[nodiscard]] bool is_call() const noexcept { return is_call_; }
  // The id as JSON: a number, or a quoted string of plain characters. Empty if there is none, or
  // one that is longer than an id has reason to be.
  [[nodiscard]] std::string_view id() const noexcept {
    return is_call_ ? std::string_view(id_) : std::string_view();
  }

 private:
  enum class State : std::uint8_t {
    Begin,       // before the object
    Key,         // before a member's name
    InKey,       // within it
    Colon,       // behind it
    Value,       // before a member's value
    InString,    // within a value that is a string
    InScalar,    // within a number or a word
    Deep,        // within an object or an array that is a value
    DeepString,  // within a string there
    Done
  };
  [[nodiscard]] std::size_t pass_value(ByteView piece) const;
  void take(char c);
  void take_in_string(char c, State after);
  void value_begins(char c);
  void value_ends();
  void note(char c);

  State state_ = State::Begin;
  bool escaped_ = false;
  bool is_call_ = false;
  bool odd_ = false;  // the text that is gathered has escapes, or is too long
  std::size_t depth_ = 0;
  std::size_t read_ = 0;
  std::string key_;
  std::string text_;
  std::string id_;
};

}  // namespace bottle
