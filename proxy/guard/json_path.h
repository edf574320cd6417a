#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

class JoinedValues;

// Follows a JSON text (RFC 8259) in a stream, in any split, and knows the path of the value that
// it is in: "messages[12].content[0].text". It checks nothing: of a text that is no JSON the paths
// mean nothing. Copies are cheap: a copy can go on into a piece to tell a path in its middle.
class JsonPath {
 public:
  static constexpr std::size_t kMaxDepth = 64;  // the path of a deeper value ends there
  static constexpr std::size_t kMaxName = 64;   // of a member; a longer name is cut
  static constexpr std::size_t kMaxPath = 256;  // the beginning is kept

  // `values`: gets the strings that are values, as they stand in the text.
  void feed(ByteView in, JoinedValues* values = nullptr);
  // The path at the byte after all that was fed. Empty at the top. Member names are shown with
  // letters, digits, '_' and '-' alone; other bytes become '?'.
  [[nodiscard]] std::string path() const;

 private:
  struct Level {
    bool array = false;
    std::uint32_t index = 0;
    std::string name;
  };

  std::size_t take_string(ByteView in, JoinedValues* values);
  void take_mark(char c);
  void end_string(JoinedValues* values);

  std::vector<Level> levels_;
  std::size_t too_deep_ = 0;  // open arrays and objects beyond kMaxDepth
  std::string name_;          // of the member that is being read
  bool in_string_ = false;
  bool in_name_ = false;
  bool escaped_ = false;  // the byte before was a backslash that begins an escape
  bool wants_name_ = false;
};

}  // namespace bottle
