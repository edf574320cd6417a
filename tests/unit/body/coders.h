#pragma once

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "proxy/body/content_decoder.h"

namespace bottle::test {

inline std::string zlib_encode(std::string_view text, int window_bits, int level = 6) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string zstd_encode(std::string_view text, int window_log = 0, bool sized = true) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, sized ? 1 : 0);
  if (window_log != 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_inBuffer source{text.data(), text.size(), 0};
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  // Twice, so that the encoder does not know the size and shrink the window to it.
  if (!sized) {
    ZSTD_inBuffer first{text.data(), text.size() / 2, 0};
    EXPECT_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &target, &first, ZSTD_e_continue)));
    source = ZSTD_inBuffer{text.data() + first.pos, text.size() - first.pos, 0};
  }
  EXPECT_EQ(ZSTD_compressStream2(context, &target, &source, ZSTD_e_end), 0u);
  out.resize(target.pos);
  ZSTD_freeCCtx(context);
  return out;
}

// As an SDK frames a body whose checksum follows it: chunks of `size` bytes, without signatures
// unless `signature` says otherwise, and `trailers` (with their CRLF).
inline std::string aws_encode(std::string_view text, std::size_t size,
                              std::string_view signature = {},
                              std::string_view trailers = "x-amz-checksum-crc32:AAAAAA==\r\n") {
  std::string out;
  const auto line = [&](std::size_t length) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%zx", length);
    out += digits;
    if (!signature.empty()) out += ";chunk-signature=" + std::string(signature);
    out += "\r\n";
  };
  for (std::size_t at = 0; at < text.size(); at += size) {
    const std::string_view chunk = text.substr(at, size);
    line(chunk.size());
    out += std::string(chunk) + "\r\n";
  }
  line(0);
  return out + std::string(trailers) + "\r\n";
}

inline std::string encode(Coding coding, std::string_view text) {
  switch (coding) {
    case Coding::Gzip:
      return zlib_encode(text, MAX_WBITS + 16);
    case Coding::Deflate:
      return zlib_encode(text, MAX_WBITS);
    case Coding::Brotli: {
      std::size_t size = BrotliEncoderMaxCompressedSize(text.size()) + 64;
      std::string out(size, '\0');
      EXPECT_TRUE(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, text.size(),
                                        reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                                        reinterpret_cast<std::uint8_t*>(out.data())));
      out.resize(size);
      return out;
    }
    case Coding::Zstd:
      return zstd_encode(text);
    case Coding::AwsChunked:
      return aws_encode(text, 100);
    case Coding::Identity:
      break;
  }
  return std::string(text);
}

// Text that compresses like text: neither noise nor a bomb.
inline std::string prose(std::size_t size) {
  static constexpr std::string_view kWords[] = {"agent ", "bottle ", "stream ", "header ", "proxy ",
                                                "scan ",  "the ",    "of ",     "and\n",   "0x"};
  std::string out;
  std::uint32_t state = 7;
  while (out.size() < size) {
    state = state * 1664525u + 1013904223u;
    out += kWords[(state >> 20) % 10];
    out += std::to_string((state >> 8) % 1000);
  }
  out.resize(size);
  return out;
}

}  // namespace bottle::test
