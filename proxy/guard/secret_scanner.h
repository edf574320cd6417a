#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/contract/error.h"
#include "proxy/guard/finding.h"
#include "proxy/http/fields.h"
#include "proxy/http/head.h"

namespace bottle {

class MatchScratch;

// One value that must not leave, given by the user that started the bottle.
struct SecretSpec {
  std::string name;   // shown in refusals and logs, so not itself secret: "GITHUB_TOKEN"
  std::string value;  // kMinSecret to kMaxSecret bytes, any bytes
  // The hosts that may get it, each exact or "*.x.y" (names below x.y). In header fields, and only
  // over https. Absent: if the value has a well-known shape, where that shape belongs; otherwise
  // nowhere. An empty list: nowhere.
  std::optional<std::vector<std::string>> hosts;
  bool in_body = false;  // these hosts may get it in a body too
};

inline constexpr std::size_t kMinSecret = 8;  // shorter values hit ordinary text
inline constexpr std::size_t kMaxSecret = 16 * 1024;
// Of a longer value the first so many bytes are looked for: that is past what all keys of a kind
// share, and bounds the matcher's memory.
inline constexpr std::size_t kMatchedSecret = 1024;
inline constexpr std::size_t kMaxSecrets = 256;

// Everything to look for, compiled once. Immutable, shared by reference between threads; outlives
// every ScanSpace and SecretScanner made from it.
//
// Exact values are found raw, with any mix of %XX (and '+' for a space) and literal bytes, with
// JSON's string escapes, in base64 (standard and URL-safe, all three alignments; the characters
// that the value alone determines), and in hex of either case. Shapes are found raw,
// percent-decoded and JSON-unescaped. Not found: base64 broken into lines, other encodings,
// compression and encryption of the agent's own making.
class SecretSet {
 public:
  // Fails on a value that is too short or too long, too
  // many or double names, a malformed host, and on a CPU without the instructions vectorscan needs.
  [[nodiscard]] static Expected<std::unique_ptr<const SecretSet>> make(
      std::vector<SecretSpec> secrets);
  // Fails where make() would, but does not compile: compiling takes long, and fails only when
  // memory is short or a list is beyond what the matcher can hold.
  [[nodiscard]] static Expected<> check(const std::vector<SecretSpec>& secrets);
  ~SecretSet();
  SecretSet(const SecretSet&) = delete;
  SecretSet& operator=(const SecretSet&) = delete;

  [[nodiscard]] std::size_t exact_count() const noexcept;

 private:
  friend class ScanSpace;
  friend class SecretScanner;
  struct Impl;
  explicit SecretSet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Working memory of the matcher: one a thread, used by that thread's scanners in turn.
class ScanSpace {
 public:
  explicit ScanSpace(const SecretSet& set);  // throws std::bad_alloc
  ~ScanSpace();
  ScanSpace(const ScanSpace&) = delete;
  ScanSpace& operator=(const ScanSpace&) = delete;

 private:
  friend class SecretScanner;
  std::unique_ptr<MatchScratch> scratch_;
};

struct ScanResult {
  // How many bytes of the chunk just fed may go out. All of them, or none if there is a hit: the
  // hit is found when its last byte (for a shape: the last byte of the shortest real token) is fed.
  std::size_t safe = 0;
  std::optional<Finding> refused;
};

// Looks at one request. Not copyable; `set` and `space` outlive it. Memory is bounded: the state
// of at most five matcher streams and a few bytes each for cut-off escapes.
class SecretScanner {
 public:
  // `host`: the destination, canonical. Only `Scheme::Https` has exemptions: nothing secret may
  // travel in clear text, wherever to.
  SecretScanner(const SecretSet& set, ScanSpace& space, std::string_view host, Scheme scheme);
  ~SecretScanner();
  SecretScanner(const SecretScanner&) = delete;
  SecretScanner& operator=(const SecretScanner&) = delete;

  // The destination's name, the target and all fields, in this order.
  [[nodiscard]] std::optional<Finding> scan_head(const RequestHead& head);
  [[nodiscard]] std::optional<Finding> scan_host();
  [[nodiscard]] std::optional<Finding> scan_url(std::string_view target);
  // Names and values; what "Authorization: Basic" carries also decoded. Also for trailers.
  [[nodiscard]] std::optional<Finding> scan_fields(const Fields& fields);
  // The next piece of the body. After a hit every further call reports the same hit.
  [[nodiscard]] ScanResult feed(ByteView chunk);
  // The body is complete: an escape that its end cut off is taken as the text it is. Call it before
  // the last piece goes out.
  [[nodiscard]] std::optional<Finding> finish();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bottle
