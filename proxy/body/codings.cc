#include "proxy/body/codings.h"

#include <optional>
#include <string>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

std::optional<Coding> coding_named(std::string_view name) {
  struct Name {
    std::string_view name;
    Coding coding;
  };
  static constexpr std::array kNames = {
      Name{"identity", Coding::Identity},
      // The name of a protocol (AWS JSON) and of a character set, which clients write here.
      Name{"amz-1.0", Coding::Identity},
      Name{"utf-8", Coding::Identity},
      Name{"utf8", Coding::Identity},
      Name{"gzip", Coding::Gzip},
      Name{"x-gzip", Coding::Gzip},
      Name{"deflate", Coding::Deflate},
      Name{"br", Coding::Brotli},
      Name{"zstd", Coding::Zstd},
      Name{"aws-chunked", Coding::AwsChunked},
  };
  for (const Name& row : kNames) {
    if (iequals(name, row.name)) return row.coding;
  }
  return std::nullopt;
}

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
    case Coding::AwsChunked:
      return "aws-chunked";
  }
  return "identity";
}

Coding coding_of(StreamMark mark) noexcept {
  switch (mark) {
    case StreamMark::Gzip:
      return Coding::Gzip;
    case StreamMark::Zlib:
      return Coding::Deflate;
    case StreamMark::Zstd:
      return Coding::Zstd;
    case StreamMark::None:
    case StreamMark::Maybe:
      break;
  }
  return Coding::Identity;
}

Failure not_scannable(std::string_view what) {
  return Failure{Code::NotSupported, std::string(what), problem_code::kCodingNotScannable,
                 "Send the body without Content-Encoding, or with gzip, deflate, br, zstd or "
                 "aws-chunked. " +
                     std::string(kUnreadHint)};
}

Result<Codings> codings_of(const Fields& fields) {
  const std::size_t count = fields.count("content-encoding");
  if (count == 0) return Codings();
  if (count > 1) return not_scannable("the body has more than one Content-Encoding");
  std::string_view rest = trim_ows(*fields.find("content-encoding"));
  Coding compressed = Coding::Identity;
  bool framed = false;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const auto coding = coding_named(trim_ows(rest.substr(0, comma)));
    if (!coding) return not_scannable("the body's Content-Encoding is not known");
    const bool again = *coding == Coding::AwsChunked ? framed : compressed != Coding::Identity;
    if (*coding != Coding::Identity && again) {
      return not_scannable("the body has more than one Content-Encoding of a kind");
    }
    if (*coding == Coding::AwsChunked) {
      framed = true;
    } else if (*coding != Coding::Identity) {
      compressed = *coding;
    }
    if (comma == std::string_view::npos) break;
    rest = trim_ows(rest.substr(comma + 1));
    if (rest.empty()) return not_scannable("the body's Content-Encoding ends with a comma");
  }
  Codings codings(compressed);
  if (framed && !codings.add(Coding::AwsChunked)) {
    return not_scannable("the body has too many content codings");
  }
  return codings;
}

}  // namespace bottle
