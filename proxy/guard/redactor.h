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
#include "proxy/guard/json_leaves.h"
#include "proxy/guard/leaf_text.h"
#include "proxy/guard/span_finder.h"
#include "proxy/http/fields.h"

namespace bottle {

// The kinds of bodies that can be redacted: something can take a text's place in them, and they are
// still what they say.
enum class RedactKind : std::uint8_t { Json, Form, Plain };

// By Content-Type; nothing for every other type, for a charset other than UTF-8 (or its part
// US-ASCII), and if there is no type or more than one.
[[nodiscard]] std::optional<RedactKind> redact_kind(const Fields& fields);
// The body is signed, or a digest of it stands in a field: it must go as it is.
[[nodiscard]] bool is_sealed(const Fields& fields);

// The text in the place of a secret: "[bottle: GitHub token removed]".
[[nodiscard]] std::string redaction_of(std::string_view name);

// Takes what may not leave out of a body's text, which is here as a whole.
//
// The text is scanned as a body is. The value in which a hit ends (a JSON string, a form's value,
// the whole of a plain text) is decoded, and what the scanner finds in it is replaced; if that does
// not end all hits, the whole value is. Refused, with the finding: a hit in a name, outside of
// values or across them, text that is not what its type says or that would be twice as long. The
// same value with the same finds becomes the same text, wherever it stands.
//
// step() does a bounded part of the work, except for a value that is long itself: a value with a
// hit is looked at in one step. `place` outlives the object.
class Redactor {
 public:
  static constexpr std::size_t kMaxTold = 64;  // that are told; all are replaced
  static constexpr std::size_t kStep = 64 * 1024;

  Redactor(const ScanPlace& place, RedactKind kind, Bytes text);
  ~Redactor();
  Redactor(const Redactor&) = delete;
  Redactor& operator=(const Redactor&) = delete;

  // True when it is done; call it until then. A Failure is final.
  [[nodiscard]] Result<bool> step();
  // Once it is done.
  [[nodiscard]] Bytes take_text() { return std::move(text_); }
  // The finds that were replaced. begin and end are places of the text that was given, or, of a
  // value that went as a whole after spans of it had gone, of the text without those.
  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return findings_; }

 private:
  enum class Pass : std::uint8_t {
    Spans,   // replaces the finds
    Values,  // replaces the values that still have a hit
    Check,   // replaces nothing
  };
  struct Value {
    JsonLeaves::Leaf at;  // a form's and a plain text's too
    std::string path;
  };

  void begin_pass(Pass pass);
  [[nodiscard]] Result<bool> end_pass();
  [[nodiscard]] Result<> on_hit(Finding finding, std::size_t end);
  [[nodiscard]] std::optional<Value> value_before(std::size_t end);
  [[nodiscard]] std::vector<FoundSpan> spans_in(const Value& value, const Finding& finding) const;
  void replace(const Value& value, std::vector<FoundSpan> spans);
  [[nodiscard]] LeafCoding coding() const;

  const ScanPlace& place_;
  const SpanFinder finder_;
  const RedactKind kind_;
  Bytes text_;
  Pass pass_ = Pass::Spans;
  std::unique_ptr<SecretScanner> scanner_;
  std::optional<JsonLeaves> leaves_;
  std::size_t from_ = 0;  // where the scanner began
  std::size_t at_ = 0;    // the scanner was fed up to here
  Bytes out_;             // the text so far, with the changes
  std::size_t kept_ = 0;  // so much of `text_` is in `out_`
  bool changed_ = false;  // in this pass
  std::vector<Finding> findings_;
};

}  // namespace bottle
