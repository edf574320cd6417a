#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/guard/digit_text.h"
#include "proxy/guard/literal_set.h"
#include "proxy/guard/matcher.h"
#include "proxy/guard/scan_tree.h"
#include "proxy/guard/short_text.h"
#include "proxy/guard/text_layer.h"
#include "proxy/guard/views/escape_view.h"
#include "proxy/guard/views/fold.h"
#include "proxy/guard/views/run_finder.h"

namespace bottle {

// One text of a ScanTree, with the texts found in it.
//
// Its layers are the text as it comes (the first), and without one, two, three, four layers of
// escapes; a layer is there from the first escape on, and goes when some KiB had none: until then
// it is the same text as the one before. The folded text is a layer likewise, behind the last. Text
// that looks encoded is looked for in the last layer alone.
class TextScan final : public ViewSink {
 public:
  explicit TextScan(ScanTree& tree);
  ~TextScan() override;
  TextScan(const TextScan&) = delete;
  TextScan& operator=(const TextScan&) = delete;

  // A new text. `parent`: it was found in that one.
  void begin(TextScan* parent, unsigned depth);
  void feed(ByteView bytes);
  void finish();
  // Gives back what it holds.
  void close();
  [[nodiscard]] bool waiting() const;
  // An encoded run or an escape is read that has not ended: its last bytes may not be decoded yet.
  [[nodiscard]] bool in_run() const;

 private:
  friend class LayerListener;
  static constexpr std::size_t kEscapeLayers = 4;
  static constexpr std::size_t kFolded = kEscapeLayers + 1;
  static constexpr std::size_t kLayers = kFolded + 1;

  struct Child {
    std::unique_ptr<TextScan> text;
    // The text's beginning, which waits for its end: if it comes soon, it may need no TextScan.
    bool waits = false;
    std::uint8_t held_size = 0;
    std::array<char, kShortText> held;
    ViewSpec where;  // of what is held
  };

  void view(ByteView text, ViewSpec where) override;
  [[nodiscard]] bool hold(Child& child, ByteView text, ViewSpec where);
  void begin_child(Child& child);
  void begin_children();
  void end_child(Child& child);
  void begin_layer(std::size_t index, std::size_t from);
  void scan(std::size_t index, ByteView block);
  void scan_last(std::size_t index, ByteView block);
  void scan_folded(std::size_t from, ByteView block);
  void look_inside(std::size_t index, ByteView text);
  // The streams that read letters and digits alone.
  struct Squeezed {
    LiteralStream all;
    DigitText digits;
  };
  void look_squeezed(Squeezed& streams, TextLayer& layer, ByteView block);
  void flush_layer(std::size_t index);
  void sniff(ByteView bytes);
  void search_streams(ByteView bytes);
  void begin_stream(StreamMark mark);
  // Returns the bytes behind the stream's end, if it ended.
  ByteView inflate(ByteView bytes);
  // A find in a layer; where it is in the tree's text.
  [[nodiscard]] bool report(const TextLayer& layer, RawFind find);
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> in_root(const TextLayer* layer,
                                                                std::uint64_t begin,
                                                                std::uint64_t end) const;

  ScanTree& tree_;
  TextScan* parent_ = nullptr;
  unsigned depth_ = 0;
  std::array<std::unique_ptr<TextLayer>, kLayers> layers_;
  Squeezed squeezed_;       // of the first layer
  Squeezed squeezed_last_;  // of the last layer, if that is another
  bool last_apart_ = false;
  std::unique_ptr<RunFinder> finder_;
  std::array<Child, RunFinder::kSlots> children_;
  bool any_waits_ = false;  // of the children
  // The text that the finder is being fed: where that begins for it and in which layer.
  const TextLayer* inside_ = nullptr;
  std::uint64_t finder_at_ = 0;
  std::uint64_t inside_at_ = 0;
  ViewSpec where_;  // of the child that is being fed
  bool where_finder_ = false;

  // A text that was found begins as a compressed stream, or may.
  bool sniffing_ = false;
  Bytes beginning_;
  std::unique_ptr<Inflater> inflater_;
  std::uint64_t inflated_ = 0;
  bool is_medium_ = false;  // a picture or a document, which has streams anywhere
  bool ends_in_x_ = false;  // the last piece of it, which may be the first byte of a mark
  Child stream_;
};

}  // namespace bottle
