#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/guard/finding.h"
#include "proxy/guard/secret_set.h"
#include "proxy/http/fields.h"
#include "proxy/http/head.h"

namespace bottle {

class InflaterMaker;
class MatchScratch;

// Working memory of the matcher: one a thread, used by that thread's scanners in turn.
class ScanSpace {
 public:
  // `inflaters` outlives it; without one, compressed streams in texts are not looked into. Throws
  // std::bad_alloc.
  explicit ScanSpace(const SecretSet& set, InflaterMaker* inflaters = nullptr);
  ~ScanSpace();
  ScanSpace(const ScanSpace&) = delete;
  ScanSpace& operator=(const ScanSpace&) = delete;

 private:
  friend class SecretScanner;
  std::unique_ptr<MatchScratch> scratch_;
  InflaterMaker* const inflaters_;
};

struct ScanResult {
  // How many bytes of the chunk just fed may go out: none if something is refused; all but the last
  // while a value seems to end with it that is found as a whole word alone; else all. A value
  // that is refused is found when its last byte is fed (of a token: the last byte of the shortest
  // real one).
  std::size_t safe = 0;
  std::optional<Finding> refused;
};

// Looks at one request. Not copyable; `set` and `space` outlive it. Memory is bounded (see
// ScanTree).
//
// A value of the set may go to its hosts. A token of a known shape that is no such value is told,
// as a note, where its kind belongs, and refused elsewhere.
class SecretScanner {
 public:
  static constexpr std::size_t kMaxNotes = 16;
  static constexpr std::size_t kMaxFindings = 256;  // of find_all()
  static constexpr std::size_t kRecent = 8192;      // of pause()

  // `host`: the destination, canonical. Only `Scheme::Https` has exemptions: nothing secret may
  // travel in clear text, wherever to.
  SecretScanner(const SecretSet& set, ScanSpace& space, std::string_view host, Scheme scheme);
  ~SecretScanner();
  SecretScanner(const SecretScanner&) = delete;
  SecretScanner& operator=(const SecretScanner&) = delete;

  // Of a head, one after another (HeadScan): the destination's name, the target, the fields. Each
  // returns the first finding that is to be refused.
  [[nodiscard]] std::optional<Finding> scan_host();
  [[nodiscard]] std::optional<Finding> scan_url(std::string_view target);
  // Names and values; what credentials and binary metadata carry also decoded (carried_text).
  [[nodiscard]] std::optional<Finding> scan_fields(const Fields& fields);
  // The next piece of the body. Once something is refused, every further call reports the same.
  [[nodiscard]] ScanResult feed(ByteView chunk);
  // The body's sender pauses, and what was fed is about to leave: an encoded run that is open is
  // looked at as if the body ended here, as far as it is in the last kRecent bytes. The body goes
  // on after it. Costs nothing if no run is open.
  [[nodiscard]] std::optional<Finding> pause();
  // The body is complete: an escape that its end cut off is taken as the text it is. Call it before
  // the last piece goes out.
  [[nodiscard]] std::optional<Finding> finish();

  // All that is to be refused in a text of the body, in no order; one thing may be in it more than
  // once, with different spans. If there are kMaxFindings, more may be in it.
  [[nodiscard]] std::vector<Finding> find_all(ByteView text);

  // The notes so far, which are told and not refused: each thing once, at most kMaxNotes.
  [[nodiscard]] const std::vector<Finding>& notes() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bottle
