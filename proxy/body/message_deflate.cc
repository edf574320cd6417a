#include "proxy/body/message_deflate.h"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr std::size_t kZlibPiece = 1u << 20;  // zlib counts in 32 bits

// An empty stored block, which follows every message's last byte (RFC 7692 section 7.2.1).
constexpr char kTail[] = {'\0', '\0', '\xff', '\xff'};

void use_heap(z_stream_s& stream, DecodeHeap& heap) {
  stream.opaque = &heap;
  stream.zalloc = [](voidpf of, uInt items, uInt size) -> voidpf {
    return static_cast<DecodeHeap*>(of)->allocate(std::size_t{items} * size);
  };
  stream.zfree = [](voidpf of, voidpf block) { static_cast<DecodeHeap*>(of)->release(block); };
}

// zlib does not write to its input; its interface is older than const.
Bytef* input(ByteView in) { return reinterpret_cast<Bytef*>(const_cast<char*>(in.data())); }

Failure broken_message() {
  return Failure{Code::ClientBad, "a compressed message is damaged", problem_code::kCodingBroken};
}

}  // namespace

MessageInflater::MessageInflater(DecodeSpace& space, bool keeps_context, Bomb bomb)
    : heap_(space, false), keeps_context_(keeps_context), bomb_(bomb) {}

MessageInflater::~MessageInflater() {
  if (stream_) inflateEnd(stream_.get());
}

Result<> MessageInflater::begin() {
  in_ = 0;
  out_ = 0;
  tail_ = 0;
  done_ = false;
  if (stream_) {
    if (!keeps_context_) inflateReset(stream_.get());
    return {};
  }
  auto fresh = std::make_unique<z_stream_s>();
  use_heap(*fresh, heap_);
  if (inflateInit2(fresh.get(), -MAX_WBITS) == Z_OK) {
    stream_ = std::move(fresh);
    return {};
  }
  if (!heap_.short_of_space()) throw std::bad_alloc();
  return Failure{Code::Overloaded, "there is no memory to read a compressed message",
                 problem_code::kDecodeMemoryFull};
}

Result<std::size_t> MessageInflater::inflate(ByteView& in, ByteSpan out, bool last) {
  if (done_) {
    auto begun = begin();
    if (!begun) return begun.error();
  }
  if (last && in.empty() && in_ == 0) {
    // Not even the empty block that should be there: an empty message to most readers.
    done_ = true;
    return std::size_t{0};
  }
  std::size_t made = 0;
  while (made < out.size()) {
    const ByteSpan room = out.subspan(made);
    if (!in.empty()) {
      const std::size_t before = in.size();
      const auto got = step(in, room);
      if (!got) return got;
      if (*got == 0 && in.size() == before) return broken_message();
      in_ += before - in.size();
      made += *got;
    } else {
      // Bytes that zlib holds come first; then the end that was left out.
      ByteView tail = last ? ByteView(kTail + tail_, sizeof kTail - tail_) : ByteView();
      const auto got = step(tail, room);
      if (!got) return got;
      made += *got;
      if (last) tail_ = sizeof kTail - tail.size();
      if (made == out.size()) break;
      if (!last) break;
      if (tail_ < sizeof kTail) continue;
      if (!at_block_) return broken_message();
      done_ = true;
      break;
    }
  }
  out_ += made;
  if (out_ > bomb_.ratio_after && out_ > in_ * bomb_.ratio) {
    return Failure{
        Code::BodyTooLarge,
        "a message inflates to more than " + std::to_string(bomb_.ratio) + " times its size",
        problem_code::kCodingBomb};
  }
  return made;
}

Result<std::size_t> MessageInflater::step(ByteView& in, ByteSpan out) {
  z_stream_s& stream = *stream_;
  const std::size_t offered = std::min(in.size(), kZlibPiece);
  const std::size_t room = std::min(out.size(), kZlibPiece);
  stream.next_in = input(in);
  stream.avail_in = static_cast<uInt>(offered);
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(room);
  const int status = ::inflate(&stream, Z_SYNC_FLUSH);
  const std::size_t taken = offered - stream.avail_in;
  const std::size_t made = room - stream.avail_out;
  in.remove_prefix(taken);
  if (status == Z_MEM_ERROR) {
    if (!heap_.short_of_space()) throw std::bad_alloc();
    return Failure{Code::Overloaded, "there is no memory to read a compressed message",
                   problem_code::kDecodeMemoryFull};
  }
  if (status == Z_STREAM_END) {
    // A block that says it is the last one ends no message (RFC 7692 section 7.2.3.5): the next one
    // begins with the next byte, and may refer to what was before.
    if (inflateResetKeep(&stream) != Z_OK) return broken_message();
    at_block_ = true;
    return made;
  }
  if (status != Z_OK && status != Z_BUF_ERROR) return broken_message();
  // zlib tells where it stands only in the call that came there.
  if (taken > 0 || made > 0)
    at_block_ = (stream.data_type & 128) != 0 && (stream.data_type & 63) == 0;
  return made;
}

MessageDeflater::MessageDeflater(DecodeSpace& space, bool keeps_context, int window_bits)
    : heap_(space, false), keeps_context_(keeps_context), window_bits_(window_bits) {}

MessageDeflater::~MessageDeflater() {
  if (stream_) deflateEnd(stream_.get());
}

bool MessageDeflater::begin() {
  if (window_bits_ < kLeastBits) return false;
  if (stream_) {
    if (!keeps_context_) deflateReset(stream_.get());
    return true;
  }
  // Level 3: half the time of the default one, and a few percent more bytes.
  constexpr int kLevel = 3;
  constexpr int kMemory = 5;
  auto fresh = std::make_unique<z_stream_s>();
  use_heap(*fresh, heap_);
  const int bits = std::min(window_bits_, kMostBits);
  if (deflateInit2(fresh.get(), kLevel, Z_DEFLATED, -bits, kMemory, Z_DEFAULT_STRATEGY) == Z_OK) {
    stream_ = std::move(fresh);
    return true;
  }
  if (!heap_.short_of_space()) throw std::bad_alloc();
  return false;
}

void MessageDeflater::deflate(ByteView piece, bool last, Bytes& out) {
  z_stream_s& stream = *stream_;
  const std::size_t begin = out.size();
  do {
    const ByteView part = piece.substr(0, kZlibPiece);
    piece.remove_prefix(part.size());
    stream.next_in = input(part);
    stream.avail_in = static_cast<uInt>(part.size());
    // Each byte must go out with its piece, so the last part is flushed to a whole byte.
    const int flush = piece.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH;
    do {
      char room[4096];
      stream.next_out = reinterpret_cast<Bytef*>(room);
      stream.avail_out = sizeof room;
      (void)::deflate(&stream, flush);
      out.append(room, sizeof room - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (!piece.empty());
  if (!last) return;
  if (ByteView(out).substr(begin).ends_with(ByteView(kTail, sizeof kTail))) {
    out.resize(out.size() - sizeof kTail);
  } else {
    // Nothing is left to be flushed: the piece is empty (RFC 7692 section 7.2.3.6).
    out.push_back('\0');
  }
}

}  // namespace bottle
