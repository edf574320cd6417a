#include "proxy/credentials/text_swap.h"

#include <algorithm>
#include <utility>

namespace bottle {

SwapPair::SwapPair(ByteView from, ByteView to) : from_(from), to_(to), borders_(from.size()) {
  std::size_t border = 0;
  for (std::size_t i = 1; i < from_.size(); ++i) {
    while (border > 0 && from_[i] != from_[border]) border = borders_[border - 1];
    if (from_[i] == from_[border]) ++border;
    borders_[i] = static_cast<std::uint32_t>(border);
  }
}

void TextSwap::feed(ByteView in, Bytes& out) {
  const ByteView from = pair_->from_;
  for (std::size_t at = 0; at < in.size();) {
    if (matched_ == 0) {
      const std::size_t next = in.find(from.front(), at);
      out.append(in.substr(at, next == ByteView::npos ? next : next - at));
      if (next == ByteView::npos) return;
      at = next;
    }
    if (in[at] == from[matched_]) {
      ++at;
      if (++matched_ < from.size()) continue;
      out.append(pair_->to_);
      matched_ = 0;
      continue;
    }
    // All that is held is a beginning of the text, and so is the part of it that is let go.
    const std::size_t shorter = pair_->borders_[matched_ - 1];
    out.append(from.substr(0, matched_ - shorter));
    matched_ = shorter;
  }
}

void TextSwap::finish(Bytes& out) {
  out.append(pair_->from_.substr(0, matched_));
  matched_ = 0;
}

TextSwaps::TextSwaps(const std::vector<const SwapPair*>& pairs) {
  stages_.reserve(pairs.size());
  for (const SwapPair* pair : pairs) stages_.emplace_back(*pair);
}

Bytes TextSwaps::feed(Bytes piece) {
  for (TextSwap& stage : stages_) {
    Bytes out;
    out.reserve(piece.size());
    stage.feed(piece, out);
    piece = std::move(out);
  }
  return piece;
}

Bytes TextSwaps::finish() {
  Bytes rest;
  for (TextSwap& stage : stages_) {
    Bytes out;
    stage.feed(rest, out);
    stage.finish(out);
    rest = std::move(out);
  }
  return rest;
}

bool swap_in(Bytes& text, const std::vector<const SwapPair*>& pairs) {
  const bool any = std::any_of(pairs.begin(), pairs.end(), [&text](const SwapPair* pair) {
    return text.find(pair->from()) != Bytes::npos;
  });
  if (!any) return false;
  TextSwaps swaps(pairs);
  Bytes out = swaps.feed(std::move(text));
  text = out + swaps.finish();
  return true;
}

}  // namespace bottle
