#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "certs/digest.h"
#include "proxy/base/awaitable.h"
#include "proxy/base/cancellable.h"
#include "proxy/base/result.h"
#include "proxy/contract/decided_by.h"
#include "proxy/http/chunk.h"
#include "proxy/http/exchange.h"
#include "proxy/http/head.h"
#include "proxy/ledger/admission.h"
#include "proxy/ledger/known_text.h"

// How the front (the half that the agent speaks to) and the exit (the half that speaks to origins)
// tell each other about an exchange, past the scanner that stands between them. Values only, so
// that the two may one day be two processes.
namespace bottle {

// ---- what the exit tells -----------------------------------------------------------------------

// A 1xx head that the origin sent, vetted, as it came.
struct InterimNews {
  ResponseHead head;
};
// The origin's final head, vetted, order and case kept; as it came except for the coding that the
// exit took off (`decoded`: then without Content-Encoding and Content-Length).
struct HeadNews {
  ResponseHead head;
  bool decoded = false;
  bool h2 = false;  // the protocol towards the origin
};
// The response's body is here as a whole, and the scanner is given a form of it. Once it has passed
// that, the texts of `passing` are remembered.
struct WholeNews {
  // Set: the form is another one, of at most kMostShownAnswer bytes, and the client gets this body,
  // with the trailers. Null: it is the body itself.
  std::shared_ptr<const SpooledBody> whole;
  std::optional<Fields> trailers;
  PassedTexts passing;
};
// A piece of the response's body: with `bypass_body` all of it; with an event stream on the route
// scan the bytes as the origin sent them, a moment before the scanner gets them. At most
// kSidePiece bytes.
struct BodyNews {
  Bytes data;
};
// The response's body came to its end. Of what the exit passed on (decoded, if it decoded).
struct EndNews {
  std::uint64_t bytes = 0;
  Digest digest{};  // of the body; not computed for bypass_body and event streams
  std::optional<Fields> trailers;
};
// It will not. Before HeadNews: the answer; after it: the body broke. `by` is Exit (refused there,
// or it had to give up), Origin (it failed), Policy (an address that may not be dialled), or
// Pipelock (it let go of the exit's answer before its end, code Cancelled: what it told the front
// counts). The last news, as EndNews is.
struct FailureNews {
  Failure failure;
  DecidedBy by = DecidedBy::Exit;
  std::string upstream_protocol = {};  // Passage::protocol
};
// The scanner changed the request's body, which was allowed to it, and its version is what goes.
struct BodyChangedNews {};

using ExitNews =
    std::variant<InterimNews, HeadNews, WholeNews, BodyNews, EndNews, FailureNews, BodyChangedNews>;

inline constexpr std::size_t kSidePiece = 64 * 1024;
// The front has a shown form of an answer in memory until it has been compared.
inline constexpr std::size_t kMostShownAnswer = 256 * 1024;
// Body bytes that may be on their way from exit to front before any was taken.
inline constexpr std::size_t kBypassWindow = 256 * 1024;

// ---- the two ends ------------------------------------------------------------------------------

// The front's end of one exchange. Owned by the coroutine that answers the client; when it goes,
// the exchange is over: its ticket is void and the exit's end is told. One thread. cancel() ends
// the wait that is pending, so that a Deadline can bound it.
class FrontEnd : public Cancellable {
 public:
  // Goes with the request to the scanner. Good for two uses as long as nothing went to the origin.
  [[nodiscard]] virtual std::string_view ticket() const = 0;
  // The oldest news that has not been taken; nothing if there is none now.
  [[nodiscard]] virtual std::optional<ExitNews> next() = 0;
  // Until next() may have something: look, and wait again. False when the wait was cancelled. One
  // waiter.
  virtual awaitable<bool> wait() = 0;
  // So many more BodyNews bytes may come.
  virtual void credit(std::size_t bytes) = 0;
  // The exit has the request (true from claim to the end): it must not be sent again.
  [[nodiscard]] virtual bool claimed() const = 0;
  // True if something of the request may have gone to the origin.
  [[nodiscard]] virtual bool began() const = 0;
};

// The exit's end. Owned by the coroutine that carries the exchange to the origin. One thread.
class ExitEnd {
 public:
  // If begin() was not called and no failure told, the ticket may be used once more (the scanner's
  // transport sends a request again when its connection died). If it was, and neither EndNews nor
  // FailureNews was told, a FailureNews is (UpstreamTruncated, "exit_ended").
  virtual ~ExitEnd() = default;
  [[nodiscard]] virtual const Admission& admission() const = 0;
  // From now on something may have gone to the origin. False if nothing may go: over().
  [[nodiscard]] virtual bool begin() = 0;
  // Ignored when over(). InterimNews: at most Exchange::kMaxInterim. BodyNews: not more bytes than
  // room() said; those that the front has not taken may become one.
  virtual void tell(ExitNews news) = 0;
  [[nodiscard]] virtual std::size_t room() const = 0;
  // Until room() is above 0 or over() is true. False when cancelled. One waiter.
  virtual awaitable<bool> wait() = 0;
  // `target` is cancelled once, in a later turn of the loop, when over() turns true before the last
  // news was told; until the end goes, or another (or null) takes its place.
  virtual void on_over(Cancellable* target) noexcept = 0;
  // The front's end is gone, or the ticket was used once more before this one's begin(): news are
  // not taken any more, and nothing may go to the origin.
  [[nodiscard]] virtual bool over() const = 0;
};

// Thread-safe; outlives both kinds of ends. Failures of claim(), all Denied: "no_ticket" (the form
// is wrong), "stale_ticket" (no such exchange, or it is over), "used_ticket".
class ExchangeLedger {
 public:
  virtual ~ExchangeLedger() = default;
  // The id must not be live. Events of the end run on `executor`.
  [[nodiscard]] virtual std::unique_ptr<FrontEnd> admit(Admission admission, Executor executor) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<ExitEnd>> claim(std::string_view ticket,
                                                               Executor executor) = 0;
  // An exchange to this host is live, whatever the policy says by now. `host` in lower case.
  [[nodiscard]] virtual bool expects(std::string_view host) const = 0;
};

}  // namespace bottle
