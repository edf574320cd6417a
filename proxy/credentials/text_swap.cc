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

TextSwaps::TextSwaps(const std::vector<const SwapPair*>& pairs, Hold hold) : hold_(hold) {
  searches_.reserve(pairs.size());
  for (const SwapPair* pair : pairs) {
    searches_.push_back({.pair = pair, .matched = 0});
    longest_ = std::max(longest_, pair->from_.size());
    lines_ = lines_ && pair->from_.find('\n') == ByteView::npos;
    one_length_ = one_length_ && pair->from_.size() == pair->to_.size();
  }
}

void TextSwaps::search(std::size_t rank, ByteView piece) {
  Search& one = searches_[rank];
  const ByteView from = one.pair->from_;
  const std::uint64_t before = begin_ + held_.size();
  for (std::size_t at = 0; at < piece.size();) {
    if (one.matched == 0) {
      at = piece.find(from.front(), at);
      if (at == ByteView::npos) return;
    }
    if (piece[at] != from[one.matched]) {
      one.matched = one.pair->borders_[one.matched - 1];
      continue;
    }
    ++at;
    if (++one.matched < from.size()) continue;
    matches_.push_back({.rank = rank, .begin = before + at - from.size()});
    one.matched = 0;
  }
}

std::size_t TextSwaps::certain(ByteView piece, std::size_t parted) const {
  std::size_t open = longest_ - 1;
  if (hold_ == Hold::Least) {
    open = 0;
    for (const Search& one : searches_) open = std::max(open, one.matched);
  }
  if (parted <= piece.size()) open = std::min(open, parted);
  // Earlier pieces were let go up to their last line's end.
  const std::size_t line = lines_ ? piece.rfind('\n') : ByteView::npos;
  if (line != ByteView::npos) open = std::min(open, piece.size() - line - 1);
  return held_.size() - std::min(open, held_.size());
}

Bytes TextSwaps::feed(ByteView piece, std::size_t parted) {
  for (std::size_t rank = 0; rank < searches_.size(); ++rank) search(rank, piece);
  held_ += piece;
  return release(certain(piece, parted));
}

Bytes TextSwaps::finish() {
  for (Search& one : searches_) one.matched = 0;
  return release(held_.size());
}

Bytes TextSwaps::release(std::size_t size) {
  if (!one_length_) return replaced(size);
  Bytes out = held_.substr(0, size);
  const std::uint64_t end = begin_ + size;
  // The first of the texts is written last.
  std::sort(matches_.begin(), matches_.end(),
            [](const Match& a, const Match& b) { return a.rank > b.rank; });
  write_over(out, end);
  std::erase_if(matches_, [this, end](const Match& match) {
    return match.begin + searches_[match.rank].pair->to_.size() <= end;
  });
  held_.erase(0, size);
  begin_ = end;
  return out;
}

void TextSwaps::write_over(Bytes& out, std::uint64_t end) const {
  for (const Match& match : matches_) {
    const ByteView to = searches_[match.rank].pair->to_;
    const std::uint64_t from = std::max(match.begin, begin_);
    const std::uint64_t until = std::min(match.begin + to.size(), end);
    if (from >= until) continue;
    out.replace(from - begin_, until - from, to.substr(from - match.begin, until - from));
  }
}

Bytes TextSwaps::replaced(std::size_t size) {
  std::sort(matches_.begin(), matches_.end(), [](const Match& a, const Match& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.rank < b.rank;
  });
  const std::uint64_t certain_end = begin_ + size;
  std::uint64_t done = begin_;
  Bytes out;
  for (const Match& match : matches_) {
    const SwapPair& pair = *searches_[match.rank].pair;
    if (match.begin < done || match.begin >= certain_end) continue;
    const std::uint64_t match_end = match.begin + pair.from_.size();
    // It overlaps with a text that is not certain yet. The certain part ends where it begins.
    if (match_end > certain_end) {
      size = match.begin - begin_;
      break;
    }
    out.append(held_, done - begin_, match.begin - done).append(pair.to_);
    done = match_end;
  }
  const std::uint64_t end = begin_ + size;
  if (done < end) out.append(held_, done - begin_, end - done);
  std::erase_if(matches_, [end](const Match& match) { return match.begin < end; });
  held_.erase(0, size);
  begin_ = end;
  return out;
}

bool swap_in(Bytes& text, const std::vector<const SwapPair*>& pairs) {
  const bool any = std::any_of(pairs.begin(), pairs.end(), [&text](const SwapPair* pair) {
    return text.find(pair->from()) != Bytes::npos;
  });
  if (!any) return false;
  TextSwaps swaps(pairs, TextSwaps::Hold::Least);
  Bytes out = swaps.feed(text);
  text = out + swaps.finish();
  return true;
}

}  // namespace bottle
