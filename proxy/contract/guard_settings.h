#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/host_pattern.h"

// A person's settings of the guard: the same words in the manifest, on both command lines and
// in the proxy's configuration (docs/guard.md).
namespace bottle {

// For a request in whose body a secret is.
enum class OnSecret : std::uint8_t { Refuse, Redact };
// For an answer in which the guard found something.
enum class AnswerRule : std::uint8_t { Off, Note, Block };
// For strings of a JSON body that no pattern for text can read: images, PDFs, ciphertext. Guard:
// the guard alone reads them, decoded; Scan: the scanner is shown them too.
enum class OpaqueRule : std::uint8_t { Guard, Scan, Refuse };

[[nodiscard]] std::string_view to_string(OnSecret rule) noexcept;
[[nodiscard]] std::string_view to_string(AnswerRule rule) noexcept;
[[nodiscard]] std::string_view to_string(OpaqueRule rule) noexcept;
[[nodiscard]] std::optional<OnSecret> on_secret_by_word(std::string_view word) noexcept;
[[nodiscard]] std::optional<AnswerRule> answer_rule_by_word(std::string_view word) noexcept;
[[nodiscard]] std::optional<OpaqueRule> opaque_rule_by_word(std::string_view word) noexcept;

// One rule of a person. It speaks of one of these.
struct GuardRule {
  HostPattern host;  // without a port
  std::optional<OnSecret> on_secret = {};
  std::optional<AnswerRule> responses = {};
  std::optional<OpaqueRule> opaque = {};
};

// "HOST=WORD", or the word alone for every host. The Error (kUsage) says what is wrong.
[[nodiscard]] Expected<GuardRule> parse_on_secret(std::string_view text);
[[nodiscard]] Expected<GuardRule> parse_responses(std::string_view text);
[[nodiscard]] Expected<GuardRule> parse_opaque(std::string_view text);

// A fingerprint names a value without showing it: 80 bits of a keyed hash, as 16 characters of
// base32 (a-z, 2-7). Empty answer: fine; else what is wrong with it.
inline constexpr std::size_t kFingerprintCharacters = 16;
[[nodiscard]] std::string problem_with_fingerprint(std::string_view text);

// Makes fingerprints stable for one user and useless to everyone else.
using FingerprintKey = std::array<std::uint8_t, 32>;
[[nodiscard]] std::optional<FingerprintKey> fingerprint_key_of_hex(std::string_view hex) noexcept;
[[nodiscard]] std::string to_hex(const FingerprintKey& key);

// Services that answer with a language model's text. Their answers speak of attacks as a matter of
// course, and a secret in a conversation comes again with every turn.
[[nodiscard]] bool is_model_api(std::string_view host) noexcept;

inline constexpr std::size_t kMaxGuardRules = 256;
inline constexpr std::size_t kMaxIgnored = 256;

// All of it. A value; immutable once the configuration is complete, shared by all threads.
class GuardSettings {
 public:
  // The first rule that names the host and speaks of this counts. None does: a secret is refused;
  // answers are noted, and those of model APIs are not looked at. `host` is canonical.
  [[nodiscard]] OnSecret on_secret(HostKind kind, std::string_view host) const;
  [[nodiscard]] AnswerRule responses(HostKind kind, std::string_view host) const;
  // No rule: OpaqueRule::Guard.
  [[nodiscard]] OpaqueRule opaque(HostKind kind, std::string_view host) const;
  // A rule says OpaqueRule::Guard: then a body in a coding that is not known may go to the host,
  // too, after the guard has read its bytes as they are.
  [[nodiscard]] bool passes_unread(HostKind kind, std::string_view host) const;
  [[nodiscard]] bool ignores(std::string_view fingerprint) const noexcept;

  std::vector<GuardRule> rules;
  std::vector<std::string> ignore;  // fingerprints of values that may leave
  bool financial = false;           // look for card numbers, IBANs and wallets, too
  FingerprintKey key{};
};

}  // namespace bottle
