#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/body/body_form.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/pack_scan.h"
#include "proxy/guard/secret_scanner.h"

namespace bottle {

// Scans a body that is streamed on as it came, coded or not. A coded body is decoded beside the
// stream and both forms are scanned (gzip's header can carry text too). The bytes that are given
// back may be sent on; the rest is held until it has been read: at most one zstd block (128 KiB),
// or DecoderChain::kMaxUnseen.
//
// A body that says nothing of a coding, but begins as gzip, zlib or zstd does, is decoded too, one
// such stream after another, as far as it can be and within the limits; of a git pack, each object.
// It need not be one, and its receiver was told of none, so only a hit (or a lack of memory to
// look) refuses it. Such streams are looked for behind other bytes too (in a part of a multipart
// body, behind a header of text), one at a time, and decoded to at most kMostBehind bytes and three
// times the body in all: pictures and documents have them too.
//
// Of a body of messages (gRPC) the bytes are scanned as they are sent, and what the messages hold,
// one behind the other and inflated, as a body of its own: a value that is cut up over messages is
// whole there, and what a message holds may be coded again.
class BodyScan {
 public:
  // Streams of an undeclared coding in one body: even an empty one costs a decoder.
  static constexpr std::size_t kMaxUndeclared = 512;
  static constexpr std::uint64_t kMostBehind = std::uint64_t{1} << 20;

  // `set`, `scan` and `decode` outlive it. `host` and `scheme` as for SecretScanner.
  BodyScan(const SecretSet& set, ScanSpace& scan, DecodeSpace& decode, std::string_view host,
           Scheme scheme, const BodyForm& form, DecodeLimits limits);

  // feed() calls `report`: with a finding that is refused, and at the end with the notes.
  void set_report(std::function<void(const Finding&)> report);
  // The next piece, and what may go out now (maybe nothing, maybe more than this piece). `end`: it
  // is the last one, and all that is held is given back. A Failure is final: refusal(finding), or
  // the decoder's.
  [[nodiscard]] Result<Bytes> feed(Bytes piece, bool end);
  // The fields behind the body, which go out with its end.
  [[nodiscard]] Result<> look_at(const Fields& trailers);
  // The sender pauses, and what was given back is about to leave: encoded runs that are open are
  // looked at as far as they go (SecretScanner::pause()).
  [[nodiscard]] Result<> pause();

 private:
  [[nodiscard]] Result<> decode(ByteView in);
  [[nodiscard]] Result<> decode_undeclared(ByteView in);
  [[nodiscard]] Result<> finish_decoded();
  [[nodiscard]] Result<> show(std::size_t decoded);
  void begin_undeclared();
  [[nodiscard]] bool seek_stream(ByteView& in);
  [[nodiscard]] bool is_too_much(std::size_t decoded);
  [[nodiscard]] Failure refuse(const Finding& finding);
  void report_notes();
  void report_note(const Finding& note);

  std::function<void(const Finding&)> report_;
  const SecretSet& set_;
  ScanSpace& scan_space_;
  DecodeSpace& space_;
  const std::string host_;
  const Scheme scheme_;
  DecodeLimits limits_;  // of an undeclared coding: what is left of them
  SecretScanner raw_;
  std::optional<SecretScanner> decoded_;
  std::unique_ptr<BodyScan> messages_;  // all that they hold
  std::size_t messages_held_ = 0;       // of that, bytes that were not looked at yet
  std::vector<Finding> told_;           // notes: each is told once
  PackScan pack_;
  std::unique_ptr<ContentDecoder> decoder_;
  Bytes held_;
  // A value seems to end with the last byte: the next one tells.
  bool raw_waits_ = false;
  bool decoded_waits_ = false;
  bool declared_;
  bool sniffing_;  // `beginning_` may become the beginning of a coded stream
  Bytes beginning_;
  std::size_t streams_left_ = kMaxUndeclared;
  // Of streams that began behind other bytes.
  bool seeks_ = true;
  bool is_behind_ = false;
  std::uint64_t fed_ = 0;
  std::uint64_t tried_ = 0;  // places that may begin one, and did not hold a whole one
  std::uint64_t stream_decoded_ = 0;
  std::uint64_t behind_decoded_ = 0;
};

}  // namespace bottle
