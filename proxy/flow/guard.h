#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/body/answer_inspection.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/held_body.h"
#include "proxy/body/text_inflater.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/flow/message_guard.h"
#include "proxy/guard/answers/pending_answers.h"
#include "proxy/guard/head_scan.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/http/exchange.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// Secrets with the memory to look for them on one thread. Each exchange keeps its own to its end
// (Passage), so bodies have references into it.
struct SecretLook {
  SecretLook(std::shared_ptr<const SecretSet> secrets_in, InflaterMaker* inflaters_in)
      : secrets(std::move(secrets_in)), space(*secrets, inflaters_in), inflaters(inflaters_in) {}
  // Of secrets->for_scanner(), which must be there; from its first use on.
  [[nodiscard]] ScanSpace& scanner_space() {
    return for_scanner ? *for_scanner : for_scanner.emplace(*secrets->for_scanner(), inflaters);
  }
  const std::shared_ptr<const SecretSet> secrets;
  ScanSpace space;
  CleanTexts clean;
  InflaterMaker* const inflaters;
  std::optional<ScanSpace> for_scanner{};
};

// Looks at everything that goes out and comes back, in front of every upstream. Of a request: host,
// target, each field's name and value, and the body as it is sent and decoded, and the
// trailers behind it. One a worker; its arguments outlive it, and it outlives the bodies that
// it has wrapped. An exchange is looked at with the secrets that it began with.
class Guard {
 public:
  struct Limits {
    DecodeLimits decode;
    RedactLimits redact;
    MemoryBudget* memory = nullptr;  // of which held bodies are a part; null: of none
  };

  Guard(std::shared_ptr<const SecretSet> secrets, const GuardSettings& settings,
        const Limits& limits, DecodeSpace& decode, const PendingAnswers& answers)
      : settings_(settings),
        inflater_(decode, limits.decode),
        limits_(limits),
        decode_(decode),
        memory_(limits.redact.memory_bytes, limits.memory),
        answers_(answers) {
    take(std::move(secrets));
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // For exchanges that begin from now on. On the worker's thread. Throws std::bad_alloc.
  void take(std::shared_ptr<const SecretSet> secrets) {
    current_ = std::make_shared<SecretLook>(std::move(secrets), &inflater_);
  }

  // Refuses what may not leave. The body is looked at while it is read: a hit is a Failure of the
  // piece that holds its last byte. Where hits are to be redacted, and the body's type lets them,
  // the whole body is read first, and the request goes on with a body without them. Failures:
  // refusal(finding), codings_of()'s, BodyRedaction::run()'s.
  [[nodiscard]] awaitable<Result<>> look_out(Request& request, const Exchange& exchange,
                                             Passage& passage);

  // Looks at what came back, while it is read, as the host's rule says. A find is a note of
  // the passage; under `block` the beginning is looked at before this returns, and a find is a
  // Failure: of this, or of the body. Failures: answer_blocked, the body's.
  [[nodiscard]] awaitable<Result<>> look_back(Response& response, Exchange& exchange,
                                              Passage& passage);

  // For the messages of a tunnel that the exchange becomes, after look_out().
  [[nodiscard]] MessageGuard for_messages(const Exchange& exchange, Passage& passage);

  // True if `host` has a secret in its name.
  [[nodiscard]] bool knows_host(std::string_view host);
  // For what is written down of a request that was refused: it was looked at up to the first hit,
  // or not at all, and the audit log must not become the place where a secret ends up.
  void keep_secrets_out(Exchange& exchange);

 private:
  [[nodiscard]] std::unique_ptr<AnswerInspection> inspection(const Response& response,
                                                             SecretLook& look);
  [[nodiscard]] bool redacts_for(const Destination& destination) const;
  // Null: there is nothing to look with. Else answer_space_ is there, too.
  [[nodiscard]] const AnswerSet* answer_set();

  const GuardSettings& settings_;
  TextInflater inflater_;
  std::shared_ptr<SecretLook> current_;
  const Limits limits_;
  DecodeSpace& decode_;
  BodyMemory memory_;
  const PendingAnswers& answers_;
  std::optional<AnswerSpace> answer_space_;  // from the first answer on
};

}  // namespace bottle
