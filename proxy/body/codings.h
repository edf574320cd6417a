#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/guard/views/stream_mark.h"
#include "proxy/http/fields.h"

namespace bottle {

// The codings that a body's bytes can have. AwsChunked is no compression: a signed framing around
// the body (AWS Signature Version 4, "aws-chunked").
enum class Coding : std::uint8_t { Identity, Gzip, Deflate, Brotli, Zstd, AwsChunked };
[[nodiscard]] std::string_view to_string(Coding coding) noexcept;

// The codings of a body, the outermost last. Empty: the body is what it is.
class Codings {
 public:
  static constexpr std::size_t kMaxCodings = 3;  // a decoder and its memory for each

  Codings() = default;
  Codings(Coding only) {  // NOLINT(google-explicit-constructor): a list of one, or none
    if (only != Coding::Identity) list_[size_++] = only;
  }
  // False if there are kMaxCodings already.
  [[nodiscard]] bool add(Coding coding) noexcept {
    if (size_ == kMaxCodings) return false;
    list_[size_++] = coding;
    return true;
  }
  [[nodiscard]] std::span<const Coding> list() const noexcept {
    return std::span(list_).first(size_);
  }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  // The body is signed as it stands on the wire: taking a coding off would break it.
  [[nodiscard]] bool is_framed() const noexcept {
    return size_ > 0 && list_[size_ - 1] == Coding::AwsChunked;
  }
  [[nodiscard]] bool operator==(const Codings&) const = default;

 private:
  std::array<Coding, kMaxCodings> list_{};
  std::size_t size_ = 0;
};

// Reads Content-Encoding. Names that stand for plain text ("identity", "amz-1.0", "utf-8") are
// left out. "aws-chunked" is the outermost wherever it stands in the list, since services take it
// off first. A name that is not known, two that compress (no client needs that, and what expands
// twice expands without end), "aws-chunked" twice and a repeated field are NotSupported with reason
// "coding_not_scannable": a body that cannot be read cannot be scanned.
[[nodiscard]] Result<Codings> codings_of(const Fields& fields);

// The coding whose mark it is; Identity for None and Maybe.
[[nodiscard]] Coding coding_of(StreamMark mark) noexcept;

// How a person lets a host have bodies that cannot be read.
inline constexpr std::string_view kUnreadHint =
    "A person can let others through to a host: by the route relay (\"routes\" in the manifest, or "
    "--route HOST=relay), or by the word guard in \"opaque\" (--opaque HOST=guard). The guard then "
    "reads their bytes as they are.";

// The refusal of a body that cannot be read; `what` says why.
[[nodiscard]] Failure not_scannable(std::string_view what);

}  // namespace bottle
