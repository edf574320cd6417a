#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/guard/fingerprint.h"
#include "proxy/guard/shape_database.h"

namespace bottle {

struct SecretSetImpl;

// A value that only the proxy has. The agent has a placeholder, which stands for the value in those
// parts of requests to the value's hosts; the proxy puts the value there. A placeholder is made as
// long as the value; a later value may have another length.
struct KeptOut {
  std::string placeholder;
  bool in_header = true;  // fields in which credentials are usual: see carries_credential()
  bool in_any_header = false;
  bool in_query = false;
  bool in_body = false;
  // Alone: the value is a key that requests are signed with, and is in none of them.
  bool in_aws_signature = false;
  // A token of a login, which LoginUpstream puts in: its value changes by itself.
  bool of_login = false;
};

// One value that must not leave, given by the user that started the bottle.
struct SecretSpec {
  std::string name;   // shown in refusals and logs, so not itself secret: "GITHUB_TOKEN"
  std::string value;  // kMinSecret to kMaxSecret bytes, any bytes
  // The hosts that may get it, each exact or "*.x.y" (names below x.y). In header fields, and only
  // over https. Absent: if the value has a well-known shape, where that shape belongs; otherwise
  // nowhere. An empty list: nowhere.
  std::optional<std::vector<std::string>> hosts;
  bool in_body = false;  // these hosts may get it in a body too
  // Present: the value itself may go nowhere, and the placeholder may go where its parts and
  // `hosts`, of which there is one at least, say. Finds of both have the value's name and
  // fingerprint.
  std::optional<KeptOut> kept_out = {};
  // Values that it had before, the newest first, kMaxFormer at most. They are guarded as `value`
  // is, and never put into a request.
  std::vector<std::string> former = {};
};

inline constexpr std::size_t kMinSecret = 8;  // shorter values hit ordinary text
inline constexpr std::size_t kMaxSecret = 16 * 1024;
inline constexpr std::size_t kMinKeptOut = 16;  // a placeholder must not be met by chance
inline constexpr std::size_t kMaxSecrets = 256;
// A token that lives for an hour may be in a log or a cache of the last day's work.
inline constexpr std::size_t kMaxFormer = 24;

struct GuardOptions {
  // Fingerprints are made with it. All zeros: they are the same for everybody.
  FingerprintKey key{};
  std::vector<std::string> ignore;  // fingerprints of values that are no secrets
  bool financial = false;           // financial_shapes() too
  bool scanner = false;             // there is a set for_scanner() too
};

// Everything to look for, ready. Immutable, shared by reference between threads; outlives every
// ScanSpace and SecretScanner made from it. Making one takes a few milliseconds.
//
// Values are found in whole, and each half of 16 bytes and more by itself; those of fewer than 16
// bytes as whole words alone. docs/guard.md has the table of encodings.
class SecretSet {
 public:
  // Fails where check() does, and when memory is short.
  [[nodiscard]] static Expected<std::unique_ptr<const SecretSet>> make(
      std::vector<SecretSpec> secrets, GuardOptions options = {});
  // Fails on a value that is too short or too long, too many or double names, a malformed host, a
  // placeholder that cannot stand for its value, and on a CPU without the instructions vectorscan
  // needs.
  [[nodiscard]] static Expected<> check(const std::vector<SecretSpec>& secrets);
  ~SecretSet();
  SecretSet(const SecretSet&) = delete;
  SecretSet& operator=(const SecretSet&) = delete;

  // Looks for all of this, and for what pipelock refuses (scanner_shapes(), financial_shapes()):
  // for bodies that are redacted and then go to pipelock. Null without GuardOptions::scanner. It
  // lives as long as this.
  [[nodiscard]] const SecretSet* for_scanner() const noexcept { return for_scanner_.get(); }

  [[nodiscard]] std::size_t exact_count() const noexcept;
  [[nodiscard]] const SecretSetImpl& impl() const noexcept { return *impl_; }

 private:
  explicit SecretSet(std::unique_ptr<SecretSetImpl> impl);
  [[nodiscard]] static Expected<std::unique_ptr<SecretSet>> make_one(
      std::vector<SecretSpec> secrets, GuardOptions options, ShapeChoice choice);
  std::unique_ptr<SecretSetImpl> impl_;
  std::unique_ptr<SecretSet> for_scanner_;
};

}  // namespace bottle
