#pragma once

#include <memory>

#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/held_body.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/guard/answers/answer_set.h"

namespace bottle {

struct SecretLook;  // proxy/flow/guard.h

// Lent by the guard to a tunnel, whose messages are looked at for as long as it lasts. The guard
// outlives it.
struct MessageGuard {
  std::shared_ptr<SecretLook> look;
  DecodeSpace& decode;
  const DecodeLimits& decode_limits;
  const RedactLimits& redact_limits;
  BodyMemory& memory;
  bool redacts = false;                   // secrets in texts, instead of refusing them
  AnswerRule answers = AnswerRule::Off;   // the host's
  const AnswerSet* answer_set = nullptr;  // null: there is nothing to look at answers with
  AnswerSpace* answer_space = nullptr;    // there if the set is
};

}  // namespace bottle
