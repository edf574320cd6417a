#pragma once

#include <optional>
#include <string>

#include "proxy/body/pack_reader.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/guard/views/view.h"

namespace bottle {

// Looks into the objects of a git pack that a body holds, as a push sends them: they are compressed
// one by one. A body that is no pack costs the look at its first bytes. `set`, `scan` and `decode`
// outlive it.
class PackScan final : private ViewSink {
 public:
  PackScan(const SecretSet& set, ScanSpace& scan, DecodeSpace& decode, std::string host,
           Scheme scheme);
  PackScan(const PackScan&) = delete;
  PackScan& operator=(const PackScan&) = delete;
  ~PackScan() = default;

  // The body's next piece; `end`: the last one. Returns a finding to refuse, once; its place is the
  // body alone.
  [[nodiscard]] std::optional<Finding> feed(ByteView piece, bool end);
  // There was no memory to look into the pack.
  [[nodiscard]] bool lacks_memory() const noexcept { return reader_.lacks_memory(); }
  // The next bytes may belong to a pack.
  [[nodiscard]] bool reading() const noexcept { return reader_.reading(); }

 private:
  void view(ByteView text, ViewSpec where) override;

  const SecretSet& set_;
  ScanSpace& scan_;
  const std::string host_;
  const Scheme scheme_;
  PackReader reader_;
  std::optional<SecretScanner> object_;
  std::optional<Finding> found_;
};

}  // namespace bottle
