#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/answers/text_watch.h"

namespace bottle {

// The values of those of a tag's attributes that matter, in an order of its own. An attribute that
// is not there has no data, one without a value is "1".
inline constexpr std::size_t kTagAttributes = 14;
using TagAttributes = std::array<ByteView, kTagAttributes>;

// Reads HTML in a text, in any split: says what stands in comments, in elements that are not shown,
// and in code. Of a page (Strip) the tags are left out, so that a sentence with markup in it is a
// sentence; attributes that a reader sees or follows are given out behind their tag. Any other text
// (Mark) is given out as it is. Memory: a tag of at most kMaxTag bytes.
class MarkupText {
 public:
  static constexpr std::size_t kMaxTag = 4096;
  enum class Mode : std::uint8_t { Strip, Mark };

  explicit MarkupText(Mode mode) : strip_(mode == Mode::Strip) {}

  // Appends the text to `out`, which is empty before, and to `marks` where its setting changes.
  // `at` is the place of the first byte of the text that comes of `in`.
  void feed(ByteView in, Bytes& out, std::uint64_t at, std::vector<SettingMark>& marks);
  // The input ended: the waiting bytes are text.
  void flush(Bytes& out);
  // `in` has no marks, and comes out as it is.
  [[nodiscard]] bool passes(ByteView in) const noexcept {
    return state_ == State::Text && in.find('<') == ByteView::npos;
  }

 private:
  enum class State : std::uint8_t { Text, Tag, Comment };

  [[nodiscard]] std::size_t tag(ByteView in, Bytes& out);
  [[nodiscard]] std::size_t comment(ByteView in, Bytes& out);
  [[nodiscard]] std::size_t find_end(ByteView in, std::size_t at);
  void end_tag(ByteView tag, Bytes& out);
  void put_attributes(const TagAttributes& attributes, Bytes& out);
  void open(std::string_view name, unsigned traits, const TagAttributes& attributes);
  void close(std::string_view name);
  void put(ByteView text, Bytes& out);
  void set(Setting setting);
  [[nodiscard]] Setting setting() const noexcept;

  const bool strip_;
  State state_ = State::Text;
  Bytes tag_;          // from '<' on
  char quote_ = 0;     // within a tag: of the value that is open
  bool ends_ = false;  // find_end() found it
  unsigned dashes_ = 0;
  std::string hidden_;  // the element that hides
  unsigned hidden_depth_ = 0;
  std::string code_;
  unsigned code_depth_ = 0;
  Setting told_ = Setting::Shown;
  std::vector<SettingMark>* marks_ = nullptr;
  std::uint64_t at_ = 0;  // of the text
};

// The attributes of a tag's text ("<p style=...>"), one after another.
class AttributeReader {
 public:
  // `tag` outlives it.
  explicit AttributeReader(ByteView tag);
  struct Attribute {
    ByteView name;
    ByteView value;  // without quotes; "1": it has none
  };
  [[nodiscard]] std::optional<Attribute> next();

 private:
  ByteView tag_;
  std::size_t at_ = 1;
};

[[nodiscard]] TagAttributes attributes_of(ByteView tag);
// True if a tag's attributes say that its element is not shown.
[[nodiscard]] bool hides_element(const TagAttributes& attributes);

}  // namespace bottle
