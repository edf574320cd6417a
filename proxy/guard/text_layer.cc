#include "proxy/guard/text_layer.h"

#include <algorithm>
#include <vector>

namespace bottle {
namespace {

// How many bytes were out after each byte of `in`, and at last after the end of it.
template <class Decoder>
std::vector<std::size_t> sizes_after(ByteView in, bool ended) {
  Decoder decoder;
  Bytes out;
  std::vector<std::size_t> sizes{0};
  for (std::size_t i = 0; i < in.size(); ++i) {
    decoder.decode(in.substr(i, 1), out);
    sizes.push_back(out.size());
  }
  if (ended) {
    decoder.flush(out);
    sizes.back() = out.size();
  }
  return sizes;
}

}  // namespace

void TextLayer::reset() {
  open = true;
  shapes.reset();
  literals.reset();
  escapes = EscapeView();
  fold = Fold();
  from = nullptr;
  plain = 0;
  ended = false;
  at = 0;
  block = {};
  tail.clear();
}

void TextLayer::copy(const TextLayer& other) {
  reset();
  shapes.copy(other.shapes);
  literals = other.literals;
  at = other.at;
  tail = other.tail;
}

void TextLayer::keep() {
  if (block.size() >= kTail) {
    tail.assign(block.substr(block.size() - kTail));
  } else {
    if (tail.size() + block.size() > 2 * kTail) tail.erase(0, tail.size() - kTail);
    tail += block;
  }
  at += block.size();
  block = {};
}

std::pair<ByteView, std::uint64_t> TextLayer::around(std::uint64_t end, std::size_t behind) {
  const auto in_block = static_cast<std::size_t>(end > at ? end - at : 0);
  const std::size_t to = std::min(block.size(), in_block + behind);
  if (in_block >= kTail) {
    const std::size_t first = in_block - kTail;
    return {block.substr(first, to - first), at + first};
  }
  joined_ = tail;
  joined_ += block.substr(0, to);
  return {joined_, at - tail.size()};
}

std::pair<std::uint64_t, std::uint64_t> source_of(const TextLayer& layer, std::uint64_t begin,
                                                  std::uint64_t end) {
  const TextLayer& from = *layer.from;
  Bytes window = from.tail;
  window += from.block;
  const std::uint64_t first = from.at - from.tail.size();
  const auto sizes = layer.folds ? sizes_after<Fold>(window, from.ended)
                                 : sizes_after<EscapeView>(window, from.ended);
  // Both ends are known; a cut-off escape at the window's start shifts what is near it alone.
  const std::uint64_t out_end = layer.end();
  const std::size_t made = sizes.back();
  const auto made_at = [&](std::uint64_t position) {
    const std::uint64_t back = out_end > position ? out_end - position : 0;
    return back >= made ? std::size_t{0} : static_cast<std::size_t>(made - back);
  };
  // From the first byte behind which no byte of the span was out.
  const auto behind = std::upper_bound(sizes.begin(), sizes.end(), made_at(begin));
  const std::size_t least = behind == sizes.begin() ? 0 : *(behind - 1);
  const auto from_at = std::lower_bound(sizes.begin(), sizes.end(), least);
  const auto to_at = std::lower_bound(sizes.begin(), sizes.end(), made_at(end));
  const auto to =
      std::min<std::size_t>(static_cast<std::size_t>(to_at - sizes.begin()), window.size());
  return {first + static_cast<std::uint64_t>(from_at - sizes.begin()), first + to};
}

}  // namespace bottle
