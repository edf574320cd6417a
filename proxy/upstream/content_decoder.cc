#include "proxy/upstream/content_decoder.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <utility>

#include "proxy/upstream/zstd_blocks.h"

namespace bottle {
namespace {

constexpr std::size_t kAtOnce = 1u << 20;  // zlib counts in 32 bits

Failure broken(Coding coding, std::string_view what) {
  return Failure{Code::ClientBad,
                 "the " + std::string(to_string(coding)) + " body " + std::string(what),
                 "coding_broken",
                 "Send the body again without Content-Encoding, or as one complete stream of it."};
}

Failure not_scannable(std::string_view what) {
  return Failure{Code::NotSupported, std::string(what), "coding_not_scannable",
                 "Send the body without Content-Encoding, or with one of gzip, deflate, br, zstd."};
}

// What a coding's library does with a piece.
struct Step {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  bool ended = false;  // the stream is complete
};

// What all codings share: the exact end and the limits.
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
          "body_too_large"});
    }
    if (out_ > limits_.ratio_after && out_ > in_ * limits_.ratio) {
      return fail(Failure{
          Code::BodyTooLarge,
          "the body decodes to more than " + std::to_string(limits_.ratio) + " times its size",
          "coding_bomb", "Send the body without Content-Encoding."});
    }
    if (ended_ && step->consumed < in.size()) {
      return fail(broken(coding_, "goes on behind its end"));
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
                     "body_too_large"};
    }
    return Progress{.consumed = size, .produced = size};
  }
  Result<> finish() override { return {}; }
  std::size_t unseen() const override { return 0; }

 private:
  const DecodeLimits limits_;
  std::uint64_t total_ = 0;
};

class ZlibDecoder final : public LimitedDecoder {
 public:
  ZlibDecoder(Coding coding, DecodeLimits limits) : LimitedDecoder(coding, limits) {
    if (coding == Coding::Gzip) start(MAX_WBITS + 16);
  }
  ~ZlibDecoder() override {
    if (started_) inflateEnd(&stream_);
  }
  ZlibDecoder(const ZlibDecoder&) = delete;
  ZlibDecoder& operator=(const ZlibDecoder&) = delete;

  std::size_t unseen() const override { return first_ ? 1 : 0; }

 private:
  Result<Step> advance(ByteView in, ByteSpan out) override {
    if (started_) return inflate_piece(in, out);
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
    start(zlib ? MAX_WBITS : -MAX_WBITS);
    const char first = *first_;
    first_.reset();
    auto step = inflate_piece(ByteView(&first, 1), out);
    if (step) step->consumed = 0;  // it was counted when it came
    return step;
  }

  void start(int window_bits) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
    started_ = true;
  }

  Result<Step> inflate_piece(ByteView in, ByteSpan out) {
    // zlib does not write to its input; its interface is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_NEED_DICT) return not_scannable("the body needs a dictionary");
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      return broken(coding(), "is damaged");
    }
    return Step{.consumed = in.size() - stream_.avail_in,
                .produced = out.size() - stream_.avail_out,
                .ended = status == Z_STREAM_END};
  }

  z_stream stream_{};
  bool started_ = false;
  std::optional<char> first_;  // of a deflate body, until the second is there
};

class BrotliDecoder final : public LimitedDecoder {
 public:
  explicit BrotliDecoder(DecodeLimits limits)
      : LimitedDecoder(Coding::Brotli, limits),
        state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    // Windows above 16 MiB ("large window") are an extension that is off unless asked for.
    if (state_ == nullptr) throw std::bad_alloc();
  }
  ~BrotliDecoder() override { BrotliDecoderDestroyInstance(state_); }
  BrotliDecoder(const BrotliDecoder&) = delete;
  BrotliDecoder& operator=(const BrotliDecoder&) = delete;

 private:
  Result<Step> advance(ByteView in, ByteSpan out) override {
    std::size_t in_left = in.size();
    std::size_t out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const auto status =
        BrotliDecoderDecompressStream(state_, &in_left, &next_in, &out_left, &next_out, nullptr);
    if (status == BROTLI_DECODER_RESULT_ERROR) return broken(coding(), "is damaged");
    return Step{.consumed = in.size() - in_left,
                .produced = out.size() - out_left,
                .ended = status == BROTLI_DECODER_RESULT_SUCCESS};
  }

  BrotliDecoderState* const state_;
};

class ZstdDecoder final : public LimitedDecoder {
 public:
  explicit ZstdDecoder(DecodeLimits limits)
      : LimitedDecoder(Coding::Zstd, limits), context_(ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLog);
  }
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  std::size_t unseen() const override { return blocks_.open_bytes(); }

 private:
  static constexpr int kWindowLog = 23;  // 8 MiB, what RFC 8878 section 3.1.1.1.2 recommends

  Result<Step> advance(ByteView in, ByteSpan out) override {
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
          throw std::bad_alloc();
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

  ZSTD_DCtx* const context_;
  ZstdBlocks blocks_;
  bool started_ = false;
  std::uint64_t produced_ = 0;
};

}  // namespace

std::string_view to_string(Coding coding) noexcept {
  switch (coding) {
    case Coding::Identity:
      return "identity";
    case Coding::Gzip:
      return "gzip";
    case Coding::Deflate:
      return "deflate";
    case Coding::Brotli:
      return "br";
    case Coding::Zstd:
      return "zstd";
  }
  return "identity";
}

Result<Coding> coding_of(const Fields& fields) {
  struct Name {
    std::string_view name;
    Coding coding;
  };
  static constexpr std::array kNames = {
      Name{"", Coding::Identity},   Name{"identity", Coding::Identity}, Name{"gzip", Coding::Gzip},
      Name{"x-gzip", Coding::Gzip}, Name{"deflate", Coding::Deflate},   Name{"br", Coding::Brotli},
      Name{"zstd", Coding::Zstd}};
  const std::size_t count = fields.count("content-encoding");
  if (count == 0) return Coding::Identity;
  if (count > 1) return not_scannable("the body has more than one Content-Encoding");
  const std::string_view value = trim_ows(*fields.find("content-encoding"));
  for (const Name& name : kNames) {
    if (iequals(value, name.name)) return name.coding;
  }
  return not_scannable(value.find(',') == std::string_view::npos
                           ? "the body's Content-Encoding is not known"
                           : "the body has more than one Content-Encoding");
}

std::unique_ptr<ContentDecoder> ContentDecoder::make(Coding coding, DecodeLimits limits) {
  switch (coding) {
    case Coding::Gzip:
    case Coding::Deflate:
      return std::make_unique<ZlibDecoder>(coding, limits);
    case Coding::Brotli:
      return std::make_unique<BrotliDecoder>(limits);
    case Coding::Zstd:
      return std::make_unique<ZstdDecoder>(limits);
    case Coding::Identity:
      break;
  }
  return std::make_unique<IdentityDecoder>(limits);
}

Result<Bytes> decode_all(Coding coding, DecodeLimits limits, ByteView body) {
  const auto decoder = ContentDecoder::make(coding, limits);
  Bytes out;
  std::array<char, 65536> room;
  bool full = false;
  while (!body.empty() || full) {
    const auto progress = decoder->decode(body, room);
    if (!progress) return progress.error();
    body.remove_prefix(progress->consumed);
    out.append(room.data(), progress->produced);
    full = progress->produced == room.size();
  }
  auto finished = decoder->finish();
  if (!finished) return finished.error();
  return out;
}

}  // namespace bottle
