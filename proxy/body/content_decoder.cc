#include "proxy/body/content_decoder.h"

#include <brotli/decode.h>
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY  // a context with an allocator
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "proxy/body/aws_chunks.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/decoder_chain.h"
#include "proxy/body/zstd_blocks.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr std::size_t kAtOnce = 1u << 20;  // zlib counts in 32 bits

Failure broken(Coding coding, std::string_view what) {
  return Failure{Code::ClientBad,
                 "the " + std::string(to_string(coding)) + " body " + std::string(what),
                 problem_code::kCodingBroken,
                 "Send the body again without Content-Encoding, or as one complete stream of it."};
}

Failure out_of_memory(const DecodeHeap& heap) {
  if (!heap.short_of_space()) throw std::bad_alloc();
  return Failure{Code::Overloaded,
                 "the compressed bodies that are being read take all the memory there is for that",
                 problem_code::kDecodeMemoryFull,
                 "Try again when other uploads have ended, or send the body without "
                 "Content-Encoding."};
}

// The allocator of a library whose `opaque` is a DecodeHeap.
void* allocate(void* heap, std::size_t size) {
  return static_cast<DecodeHeap*>(heap)->allocate(size);
}
void release(void* heap, void* block) { static_cast<DecodeHeap*>(heap)->release(block); }

// The result of one call of a coding's library.
struct Step {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  bool ended = false;  // the stream is complete
};

// The part that all codings share: the exact end and the limits.
class LimitedDecoder : public ContentDecoder {
 public:
  LimitedDecoder(Coding coding, DecodeLimits limits) : coding_(coding), limits_(limits) {}

  Result<Progress> decode(ByteView in, ByteSpan out) final {
    if (failure_) return *failure_;
    if (ended_) {
      if (in.empty()) return Progress{};
      return fail(broken(coding_, "goes on behind its end"));
    }
    const auto step = advance(in.substr(0, kAtOnce), out.first(std::min(out.size(), kAtOnce)));
    if (!step) return fail(step.error());
    in_ += step->consumed;
    out_ += step->produced;
    ended_ = step->ended;
    if (out_ > limits_.decoded_bytes) {
      return fail(Failure{
          Code::BodyTooLarge,
          "the body decodes to more than " + std::to_string(limits_.decoded_bytes) + " bytes",
          problem_code::kBodyTooLarge});
    }
    if (out_ > limits_.ratio_after && out_ > in_ * limits_.ratio) {
      return fail(Failure{
          Code::BodyTooLarge,
          "the body decodes to more than " + std::to_string(limits_.ratio) + " times its size",
          problem_code::kCodingBomb, "Send the body without Content-Encoding."});
    }
    return Progress{.consumed = step->consumed, .produced = step->produced};
  }

  Result<> finish() final {
    if (failure_) return *failure_;
    if (!ended_) {
      failure_ = broken(coding_, "ends too early");
      return *failure_;
    }
    return {};
  }

  bool ended() const final { return ended_; }
  std::size_t unseen() const override { return 0; }

 protected:
  virtual Result<Step> advance(ByteView in, ByteSpan out) = 0;
  [[nodiscard]] Coding coding() const { return coding_; }

 private:
  Failure fail(Failure failure) {
    failure_ = std::move(failure);
    return *failure_;
  }

  const Coding coding_;
  const DecodeLimits limits_;
  std::uint64_t in_ = 0;
  std::uint64_t out_ = 0;
  bool ended_ = false;
  std::optional<Failure> failure_;
};

class IdentityDecoder final : public ContentDecoder {
 public:
  explicit IdentityDecoder(DecodeLimits limits) : limits_(limits) {}
  Result<Progress> decode(ByteView in, ByteSpan out) override {
    const std::size_t size = in.copy(out.data(), out.size());
    total_ += size;
    if (total_ > limits_.decoded_bytes) {
      return Failure{Code::BodyTooLarge,
                     "the body has more than " + std::to_string(limits_.decoded_bytes) + " bytes",
                     problem_code::kBodyTooLarge};
    }
    return Progress{.consumed = size, .produced = size};
  }
  Result<> finish() override { return {}; }
  bool ended() const override { return false; }
  std::size_t unseen() const override { return 0; }

 private:
  const DecodeLimits limits_;
  std::uint64_t total_ = 0;
};

class ZlibDecoder final : public LimitedDecoder {
 public:
  ZlibDecoder(Coding coding, DecodeLimits limits, DecodeSpace& space)
      : LimitedDecoder(coding, limits), heap_(space, false) {}
  ~ZlibDecoder() override {
    if (started_) inflateEnd(&stream_);
  }
  ZlibDecoder(const ZlibDecoder&) = delete;
  ZlibDecoder& operator=(const ZlibDecoder&) = delete;

  std::size_t unseen() const override { return first_ ? 1 : 0; }

 private:
  Result<Step> advance(ByteView in, ByteSpan out) override {
    if (started_) return inflate_piece(in, out);
    if (coding() == Coding::Gzip) {
      if (!start(MAX_WBITS + 16)) return out_of_memory(heap_);
      return inflate_piece(in, out);
    }
    // "deflate" is zlib's format (RFC 9110 section 8.4.1.2), but some send the bare one: the first
    // two bytes tell.
    if (in.empty()) return Step{};
    if (!first_) {
      first_ = in.front();
      return Step{.consumed = 1, .produced = 0, .ended = false};
    }
    const auto b0 = static_cast<unsigned char>(*first_);
    const auto b1 = static_cast<unsigned char>(in.front());
    const bool zlib = (b0 & 0x0f) == Z_DEFLATED && (b0 >> 4) <= 7 && (b0 * 256 + b1) % 31 == 0;
    if (!start(zlib ? MAX_WBITS : -MAX_WBITS)) return out_of_memory(heap_);
    const char first = *first_;
    first_.reset();
    // A header's first byte, which was counted when it came and gives nothing out.
    const auto begun = inflate_piece(ByteView(&first, 1), out);
    if (!begun) return begun;
    return inflate_piece(in, out);
  }

  [[nodiscard]] bool start(int window_bits) {
    stream_.opaque = &heap_;
    stream_.zalloc = [](voidpf heap, uInt items, uInt size) {
      return allocate(heap, std::size_t{items} * size);
    };
    stream_.zfree = release;
    started_ = inflateInit2(&stream_, window_bits) == Z_OK;
    return started_;
  }

  Result<Step> inflate_piece(ByteView in, ByteSpan out) {
    // zlib does not write to its input; its interface is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) return out_of_memory(heap_);
    if (status == Z_NEED_DICT) return not_scannable("the body needs a dictionary");
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      return broken(coding(), "is damaged");
    }
    return Step{.consumed = in.size() - stream_.avail_in,
                .produced = out.size() - stream_.avail_out,
                .ended = status == Z_STREAM_END};
  }

  DecodeHeap heap_;
  z_stream stream_{};
  bool started_ = false;
  std::optional<char> first_;  // of a deflate body, until the second is there
};

class BrotliDecoder final : public LimitedDecoder {
 public:
  // Not by use: the library may fill its window before it gives anything out. It makes the window
  // no larger than what the body announces.
  BrotliDecoder(DecodeLimits limits, DecodeSpace& space)
      : LimitedDecoder(Coding::Brotli, limits), heap_(space, false) {}
  ~BrotliDecoder() override {
    if (state_ != nullptr) BrotliDecoderDestroyInstance(state_);
  }
  BrotliDecoder(const BrotliDecoder&) = delete;
  BrotliDecoder& operator=(const BrotliDecoder&) = delete;

 private:
  Result<Step> advance(ByteView in, ByteSpan out) override {
    // Windows above 16 MiB ("large window") are an extension that is off unless asked for.
    if (state_ == nullptr) state_ = BrotliDecoderCreateInstance(allocate, release, &heap_);
    if (state_ == nullptr) return out_of_memory(heap_);
    std::size_t in_left = in.size();
    std::size_t out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const auto status =
        BrotliDecoderDecompressStream(state_, &in_left, &next_in, &out_left, &next_out, nullptr);
    if (status == BROTLI_DECODER_RESULT_ERROR) {
      return heap_.short_of_space() ? out_of_memory(heap_) : broken(coding(), "is damaged");
    }
    return Step{.consumed = in.size() - in_left,
                .produced = out.size() - out_left,
                .ended = status == BROTLI_DECODER_RESULT_SUCCESS};
  }

  DecodeHeap heap_;
  BrotliDecoderState* state_ = nullptr;
};

class ZstdDecoder final : public LimitedDecoder {
 public:
  ZstdDecoder(DecodeLimits limits, DecodeSpace& space)
      : LimitedDecoder(Coding::Zstd, limits), heap_(space, true) {}
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  std::size_t unseen() const override { return blocks_.open_bytes(); }

 private:
  static constexpr int kWindowLog = 23;  // 8 MiB, the most that RFC 9659 allows
  // The library's buffer holds a block as it came, what it has given out, and a block beyond that.
  static constexpr std::size_t kBeyondOutput = 3 * ZSTD_BLOCKSIZE_MAX;

  Result<Step> advance(ByteView in, ByteSpan out) override {
    if (context_ == nullptr) {
      context_ = ZSTD_createDCtx_advanced(
          ZSTD_customMem{.customAlloc = allocate, .customFree = release, .opaque = &heap_});
      if (context_ == nullptr) return out_of_memory(heap_);
      ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLog);
    }
    if (!heap_.wrote(static_cast<std::size_t>(produced_) + out.size() + kBeyondOutput)) {
      return out_of_memory(heap_);
    }
    // The first byte goes alone: a frame that is there as a whole would take the library's other
    // way of decoding, which judges odd frames differently, and the verdict must not hang on the
    // cut.
    if (!started_) in = in.substr(0, 1);
    started_ = started_ || !in.empty();
    ZSTD_inBuffer source{.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer target{.dst = out.data(), .size = out.size(), .pos = 0};
    // The library takes skippable frames, too; the tracker refuses what is not one ordinary frame.
    const std::size_t status = ZSTD_decompressStream(context_, &target, &source);
    if (!blocks_.passed(in.substr(0, source.pos))) return broken(coding(), "is damaged");
    if (ZSTD_isError(status)) {
      switch (ZSTD_getErrorCode(status)) {
        case ZSTD_error_memory_allocation:
          return out_of_memory(heap_);
        case ZSTD_error_frameParameter_windowTooLarge:
          return not_scannable("the zstd body needs a window of more than 8 MiB");
        case ZSTD_error_dictionary_wrong:
        case ZSTD_error_dictionary_corrupted:
          return not_scannable("the zstd body needs a dictionary");
        default:
          return broken(coding(), "is damaged");
      }
    }
    produced_ += target.pos;
    const auto size = blocks_.content_size();
    if (status == 0 && size && *size != produced_) return broken(coding(), "has not its size");
    return Step{.consumed = source.pos, .produced = target.pos, .ended = status == 0};
  }

  DecodeHeap heap_;
  ZSTD_DCtx* context_ = nullptr;
  ZstdBlocks blocks_;
  bool started_ = false;
  std::uint64_t produced_ = 0;
};

class AwsChunkedDecoder final : public LimitedDecoder {
 public:
  // A framing: what comes out is never more than what came in, and may be as large as an upload is.
  AwsChunkedDecoder() : LimitedDecoder(Coding::AwsChunked, without_limits()) {}

 private:
  static DecodeLimits without_limits() {
    DecodeLimits limits;
    limits.decoded_bytes = UINT64_MAX;
    return limits;
  }
  Result<Step> advance(ByteView in, ByteSpan out) override {
    const auto progress = chunks_.read(in, out);
    if (!progress) return broken(coding(), "is not framed as that says");
    return Step{
        .consumed = progress->consumed, .produced = progress->produced, .ended = chunks_.ended()};
  }

  AwsChunks chunks_;
};

std::unique_ptr<ContentDecoder> make_one(Coding coding, DecodeLimits limits, DecodeSpace& space) {
  switch (coding) {
    case Coding::Gzip:
    case Coding::Deflate:
      return std::make_unique<ZlibDecoder>(coding, limits, space);
    case Coding::Brotli:
      return std::make_unique<BrotliDecoder>(limits, space);
    case Coding::Zstd:
      return std::make_unique<ZstdDecoder>(limits, space);
    case Coding::AwsChunked:
      return std::make_unique<AwsChunkedDecoder>();
    case Coding::Identity:
      break;
  }
  return std::make_unique<IdentityDecoder>(limits);
}

}  // namespace

std::unique_ptr<ContentDecoder> ContentDecoder::make(const Codings& codings, DecodeLimits limits,
                                                     DecodeSpace& space) {
  if (codings.empty()) return std::make_unique<IdentityDecoder>(limits);
  std::unique_ptr<ContentDecoder> all;
  for (const Coding coding : codings.list()) {
    auto one = make_one(coding, limits, space);
    all = all ? std::make_unique<DecoderChain>(std::move(one), std::move(all)) : std::move(one);
  }
  return all;
}

Result<Bytes> decode_all(const Codings& codings, DecodeLimits limits, ByteView body) {
  DecodeSpace space(limits.memory_bytes);
  const auto decoder = ContentDecoder::make(codings, limits, space);
  Bytes out;
  bool full = false;
  while (!body.empty() || full) {
    const auto progress = decoder->decode(body, space.room());
    if (!progress) return progress.error();
    body.remove_prefix(progress->consumed);
    out.append(space.room().data(), progress->produced);
    full = progress->produced == space.room().size();
  }
  auto finished = decoder->finish();
  if (!finished) return finished.error();
  return out;
}

}  // namespace bottle
