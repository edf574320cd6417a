// The part of TextScan that looks for compressed streams.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "proxy/guard/text_scan.h"

namespace bottle {
namespace {

// So many bytes tell a medium, or a compressed stream.
constexpr std::size_t kMediumMark = 4;

// PNG and PDF, as far as the text has come.
bool begins_medium(ByteView beginning) {
  using namespace std::string_view_literals;
  return "\x89PNG"sv.starts_with(beginning) || "%PDF"sv.starts_with(beginning);
}

}  // namespace

void TextScan::sniff(ByteView bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    beginning_ += bytes[i];
    const bool may_be_medium = begins_medium(beginning_);
    const StreamMark mark = stream_mark(beginning_);
    if (beginning_.size() < kMediumMark && (may_be_medium || mark == StreamMark::Maybe)) continue;
    sniffing_ = false;
    if (depth_ >= ScanTree::kMaxDepth) return;
    is_medium_ = may_be_medium;
    if (is_medium_ || mark == StreamMark::None || mark == StreamMark::Maybe) return;
    begin_stream(mark);
    // The bytes of earlier pieces; this one's bytes follow.
    const Bytes earlier = beginning_.substr(0, beginning_.size() - (i + 1));
    if (inflater_ && !earlier.empty()) (void)inflate(earlier);
    return;
  }
}

// PNG's text chunks, PDF's streams. One stream at a time; behind it the search goes on.
void TextScan::search_streams(ByteView bytes) {
  if (std::exchange(ends_in_x_, false) && !inflater_) {
    const std::array<char, 2> mark{'x', bytes.front()};
    if (find_stream_mark(ByteView(mark.data(), mark.size())) == 0) {
      begin_stream(StreamMark::Zlib);
      (void)inflate("x");
    }
  }
  while (!bytes.empty() && !tree_.stopped()) {
    const bool goes_on = inflater_ != nullptr;
    if (!goes_on) {
      const std::size_t at = std::min(find_stream_mark(bytes), bytes.size());
      bytes.remove_prefix(at);
      ends_in_x_ = bytes == "x";
      if (bytes.size() < 2) return;
      const StreamMark mark = stream_mark(bytes.substr(0, kMediumMark));
      if (mark == StreamMark::Maybe) return;
      begin_stream(mark == StreamMark::None ? StreamMark::Zlib : mark);
      if (!inflater_) return;
    }
    const ByteView rest = inflate(bytes);
    if (rest.empty()) return;
    if (stream_.text && !tree_.stopped()) stream_.text->finish();
    end_child(stream_);
    inflater_.reset();
    // A stream that was none took nothing: the search goes on behind its mark.
    bytes.remove_prefix(std::max<std::size_t>(goes_on ? 0 : 1, bytes.size() - rest.size()));
  }
}

void TextScan::begin_stream(StreamMark mark) {
  inflater_ = tree_.inflater(mark);
  inflated_ = 0;
  if (inflater_) stream_.text = tree_.take(*this, depth_ + 1);
}

ByteView TextScan::inflate(ByteView bytes) {
  while (stream_.text && inflater_ && !tree_.stopped()) {
    const ByteView out = inflater_->inflate(bytes);
    if (inflater_->lacks_memory()) {
      tree_.lacks_memory();
      return {};
    }
    if (out.empty()) return bytes;
    inflated_ += out.size();
    const bool may_go_on = tree_.spend(0, out.size()) || inflated_ <= ScanTree::kAlwaysInflated;
    if (inflated_ > ScanTree::kInflatedBytes || !may_go_on) {
      inflater_.reset();
      return bytes;
    }
    where_finder_ = false;
    stream_.text->feed(out);
  }
  return {};
}

}  // namespace bottle
