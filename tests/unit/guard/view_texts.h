#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "proxy/guard/views/view.h"

namespace bottle {

// One child text, put together again. How far the parent was read with it depends on the cuts.
struct ViewText {
  std::uint8_t slot = 0;
  std::uint64_t begin = 0;
  Coded coded = Coded::Base64;
  Bytes text = {};
  std::uint64_t end = 0;

  auto key() const { return std::tie(slot, begin, coded, text); }
  bool operator==(const ViewText& other) const { return key() == other.key(); }
  bool operator<(const ViewText& other) const { return key() < other.key(); }
};

inline std::ostream& operator<<(std::ostream& out, const ViewText& view) {
  return out << "slot " << static_cast<int>(view.slot) << " [" << view.begin << ", " << view.end
             << ") " << view.text;
}

// Puts pieces together, and counts what breaks the rules of a ViewSink.
class ViewTexts final : public ViewSink {
 public:
  void view(ByteView text, ViewSpec where) override {
    size_ += text.size();
    broken_ += where.first == open_.contains(where.slot) ? 1 : 0;
    ViewText& view = open_[where.slot];
    if (where.first) view = {.slot = where.slot, .begin = where.begin, .coded = where.coded};
    broken_ += where.begin != view.begin || where.coded != view.coded ? 1 : 0;
    broken_ += where.end < view.end || where.end < where.begin ? 1 : 0;
    view.text += text;
    view.end = where.end;
    if (!where.last) return;
    done_.push_back(view);
    open_.erase(where.slot);
  }

  // All texts, in an order that does not depend on how the input was cut.
  [[nodiscard]] std::vector<ViewText> texts() const {
    auto sorted = done_;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }
  [[nodiscard]] bool is_sound() const { return broken_ == 0 && open_.empty(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::map<std::uint8_t, ViewText> open_;
  std::vector<ViewText> done_;
  std::size_t size_ = 0;
  std::size_t broken_ = 0;
};

}  // namespace bottle
