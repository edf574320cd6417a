#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/upstream/content_decoder.h"

namespace bottle {

// Scans a body that is streamed on as it came, coded or not. A coded body is decoded beside the
// stream and both forms are scanned (gzip's header can carry text too). What is given back may be
// sent on; the rest is held until it has been read: at most one zstd block (128 KiB).
class BodyScan {
 public:
  // `set` and `space` outlive it. `host` and `scheme` as for SecretScanner.
  BodyScan(const SecretSet& set, ScanSpace& space, std::string_view host, Scheme scheme,
           Coding coding, DecodeLimits limits);

  // The next piece, and what may go out now (maybe nothing, maybe more than this piece). `end`: it
  // is the last one, and all that is held is given back. A Failure is final: refusal(hit), or the
  // decoder's.
  [[nodiscard]] Result<Bytes> feed(Bytes piece, bool end);

 private:
  [[nodiscard]] Result<> decode(ByteView in);

  SecretScanner raw_;
  std::optional<SecretScanner> decoded_;
  std::unique_ptr<ContentDecoder> decoder_;
  Bytes held_;
  std::unique_ptr<char[]> room_;
};

}  // namespace bottle
