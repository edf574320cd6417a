#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "certs/digest.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

namespace bottle {

class SpooledBody;

// The form of a request that the scanner is given, and by which the exit knows it again.
struct ScannedForm {
  RequestHead head;  // canonical, with what the front added for the scanner taken off again
  std::uint64_t body_bytes = 0;
  Digest body_digest{};  // of the body as the scanner gets it; of nothing if there is none
  bool has_body = false;
};

// The form that goes to the origin: `head` is the client's own (order and case kept), and the body
// is the scanner's copy once it has been compared. Of a body that is signed as it stands the
// scanner gets what is in it, and `body` is what goes.
struct SentForm {
  RequestHead head;
  std::shared_ptr<const SpooledBody> body;
};

// A request that the front let through: the only thing that the exit lets out. A value.
struct Admission {
  std::string id;            // the exchange's
  std::uint64_t client = 0;  // ... and its client's connection
  Destination destination;
  // The port by which the scanner knows it, where the exit does not listen at its own.
  std::optional<std::uint16_t> scanned_port{};
  Scheme scheme = Scheme::Https;
  ScannedForm scanned;
  SentForm sent;
  std::uint64_t epoch = 0;  // of the scanner that the shown forms are for (KnownText)
  // Route scan-requests: the scanner gets the response's head only, the body goes past it.
  bool bypass_body = false;
  // The scanner is asked about the head. The exit answers that it came out, and lets nothing out.
  bool head_only = false;
};

}  // namespace bottle
