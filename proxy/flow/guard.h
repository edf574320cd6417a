#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/body/answer_inspection.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/held_body.h"
#include "proxy/body/text_inflater.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/guard/answers/pending_answers.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/http/exchange.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// Looks at everything that goes out and comes back, in front of every upstream. Of a request: host,
// target, each field's name and value, and the body as it is sent and decoded. (A request's
// trailers go nowhere.) One a worker; its arguments outlive it, and it outlives the bodies that
// it has wrapped.
class Guard {
 public:
  struct Limits {
    DecodeLimits decode;
    RedactLimits redact;
  };

  Guard(const SecretSet& secrets, const GuardSettings& settings, const Limits& limits,
        DecodeSpace& decode, const PendingAnswers& answers)
      : secrets_(secrets),
        settings_(settings),
        inflater_(decode, limits.decode),
        scan_(secrets, &inflater_),
        limits_(limits),
        decode_(decode),
        memory_(limits.redact.memory_bytes),
        answers_(answers) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // Refuses what may not leave. The body is looked at while it is read: a hit is a Failure of the
  // piece that holds its last byte. Where hits are to be redacted, and the body's type lets them,
  // the whole body is read first, and the request goes on with a body without them. Failures:
  // refusal(finding), codings_of()'s, BodyRedaction::run()'s.
  [[nodiscard]] awaitable<Result<>> look_out(Request& request, const Exchange& exchange,
                                             Passage& passage);

  // Looks at what came back, while it is read, as the host's rule says. What is found is a note of
  // the passage; under `block` the beginning is looked at before this returns, and a find is a
  // Failure: of this, or of the body. Failures: answer_blocked, the body's.
  [[nodiscard]] awaitable<Result<>> look_back(Response& response, Exchange& exchange,
                                              Passage& passage);

  // True if `host` has a secret in its name.
  [[nodiscard]] bool knows_host(std::string_view host);
  // For what is written down of a request that was refused: it was looked at up to the first hit,
  // or not at all, and the audit log must not become the place where a secret ends up.
  void keep_secrets_out(Exchange& exchange);

 private:
  [[nodiscard]] std::unique_ptr<AnswerInspection> inspection(const Response& response);
  [[nodiscard]] bool redacts_for(const Destination& destination) const;

  const SecretSet& secrets_;
  const GuardSettings& settings_;
  TextInflater inflater_;
  ScanSpace scan_;
  std::optional<ScanSpace> scanner_scan_;  // of secrets_.for_scanner(), from its first use on
  const Limits limits_;
  DecodeSpace& decode_;
  BodyMemory memory_;
  const PendingAnswers& answers_;
  std::optional<AnswerSpace> answer_space_;  // from the first answer on
};

}  // namespace bottle
