#include "proxy/scanner/pipelock_verdict.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

using Kind = PipelockVerdict::Kind;

constexpr std::string_view kText = "text/plain; charset=utf-8";

// The fields of a head that tell, and whether there are others.
struct Form {
  std::optional<std::size_t> date;
  std::optional<std::size_t> nosniff;
  std::string_view content_type;
  bool has_content_length = false;
  bool closes = false;
  bool foreign = false;  // a field that pipelock's own answers never have, or one that is doubled
};

Form form_of(const ResponseHead& head) {
  Form form;
  form.has_content_length = head.content_length.has_value();
  form.closes = !head.keep_alive;
  std::size_t types = 0;
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    const Field field = head.fields[i];
    if (iequals(field.name, "date")) {
      form.foreign = form.foreign || form.date.has_value();
      form.date = i;
    } else if (iequals(field.name, "x-content-type-options")) {
      form.foreign = form.foreign || form.nosniff.has_value() || field.value != "nosniff";
      form.nosniff = i;
    } else if (iequals(field.name, "content-type")) {
      form.content_type = field.value;
      form.foreign = form.foreign || ++types > 1;
    } else if (iequals(field.name, "content-length")) {
      form.has_content_length = true;
    } else if (!iequals(field.name, "x-pipelock-hint") && !iequals(field.name, "connection")) {
      form.foreign = true;  // Transfer-Encoding among them
    }
  }
  return form;
}

// Rules 1 to 3 of pipelock's ordinary refusals: their status, exactly their fields, and Date behind
// X-Content-Type-Options (Go writes a handler's fields sorted and its own behind them; a relayed
// answer has the origin's Date in its sorted place, before).
bool has_error_form(const ResponseHead& head, const Form& form) {
  constexpr std::array kStatuses = {403, 405, 429, 502, 503};
  return std::find(kStatuses.begin(), kStatuses.end(), head.status) != kStatuses.end() &&
         !form.foreign && form.content_type == kText && form.nosniff && form.date &&
         *form.date > *form.nosniff && form.has_content_length;
}

bool has_kill_switch_form(const ResponseHead& head, const Form& form) {
  return head.status == 503 && !form.foreign && !form.nosniff &&
         form.content_type == "application/json" && form.has_content_length;
}

// True for the answer of Go's server itself to a request that it cannot read. It has no Date; a
// relayed answer always has one.
bool has_server_form(const ResponseHead& head, const Form& form) {
  constexpr std::array kStatuses = {400, 417, 431, 501, 505};
  return std::find(kStatuses.begin(), kStatuses.end(), head.status) != kStatuses.end() &&
         !form.foreign && !form.date && !form.nosniff && form.closes &&
         (form.content_type == kText || head.status == 417);
}

// Printable ASCII, bounded: the text goes into logs and problem documents.
std::string clean(std::string_view text) {
  constexpr std::size_t kMax = 300;
  std::string out;
  for (const char c : text.substr(0, kMax)) out += c >= 0x20 && c < 0x7f ? c : '?';
  if (text.size() > kMax) out += "...";
  return out;
}

PipelockVerdict refused(std::string_view text, std::string_view word, std::string_view hint) {
  return PipelockVerdict{
      .kind = Kind::Refused,
      .failure = Failure{Code::UpstreamDenied, clean(text), word, std::string(hint)}};
}

PipelockVerdict failed(Code code, std::string_view text, std::string_view word,
                       std::string_view hint = {}) {
  return PipelockVerdict{.kind = Kind::Failed,
                         .failure = Failure{code, clean(text), word, std::string(hint)}};
}

// A refusal's text after "blocked: " begins (or, with `anywhere`, has in it) what; the first row
// that fits counts.
struct Reason {
  std::string_view text;
  bool anywhere;
  std::string_view word;
  std::string_view hint;
  bool in_target = false;  // what it found may stand in the request's target
};

constexpr std::string_view kSecretHint =
    "Take the secret, or what looks like one, out of the request.";
constexpr std::string_view kHostHint =
    "Use a host that is allowed, or ask the person who runs the bottle to allow this one.";
constexpr std::string_view kUrlHint = "Send a plain URL: the scanner does not accept this form.";
constexpr std::string_view kContentHint =
    "The scanner does not let this content through; ask for other content.";

constexpr std::array kReasons = {
    Reason{"redirect blocked: ", false, problem_code::kRedirectRefused,
           "The redirect leads where the bottle may not go; ask for its target to be allowed."},
    Reason{"domain not in allowlist", false, problem_code::kHostNotAllowed, kHostHint},
    Reason{"domain blocked", false, problem_code::kHostNotAllowed, kHostHint},
    Reason{"SSRF", false, problem_code::kAddressNotAllowed, "The host leads to a private address."},
    Reason{"core SSRF", false, problem_code::kAddressNotAllowed,
           "The host leads to a private address."},
    Reason{"DLP match", true, problem_code::kSecretInUrl, kSecretHint, true},
    Reason{"environment variable leak", false, problem_code::kSecretInUrl, kSecretHint, true},
    Reason{"known secret leak", false, problem_code::kSecretInUrl, kSecretHint, true},
    Reason{"request body contains secret", false, problem_code::kSecretInBody, kSecretHint},
    Reason{"request header contains secret", false, problem_code::kSecretInHeader, kSecretHint},
    Reason{"cross-request", false, problem_code::kSecretInRequests, kSecretHint, true},
    Reason{"high entropy", false, problem_code::kUrlLooksLikeSecret,
           "Part of the URL looks like encoded data; use a shorter or plainer one.", true},
    Reason{"request body exceeds", false, problem_code::kBodyTooLarge, "Send a smaller body."},
    Reason{"invalid JSON body", false, problem_code::kBodyNotReadable,
           "The body is not the JSON that Content-Type says; correct one of them."},
    Reason{"invalid application/x-www-form-urlencoded", false, problem_code::kBodyNotReadable,
           "The body is not the form that Content-Type says (curl -d sets that type); set the real "
           "type."},
    Reason{"multipart", false, problem_code::kBodyNotReadable, "Send a simpler multipart body."},
    Reason{"request body uses Content-Encoding", false, problem_code::kBodyNotReadable,
           "Send the body without Content-Encoding."},
    Reason{"error reading request body", false, problem_code::kBodyNotReadable, {}},
    Reason{"request body", false, problem_code::kBodyRefused, {}},
    Reason{"compressed", false, problem_code::kResponseNotReadable,
           "The origin compressed its answer although it was asked not to; ask for another form."},
    Reason{"response contains injection", false, problem_code::kInjectionInResponse, kContentHint},
    Reason{"media_policy", false, problem_code::kMediaRefused, kContentHint},
    Reason{"response body exceeds", false, problem_code::kResponseTooLarge,
           "Ask for less at a time."},
    Reason{"data budget", false, problem_code::kBudgetExceeded, "Wait a minute, or send less."},
    Reason{"URL length", false, problem_code::kUrlRefused, "Use a shorter URL."},
    Reason{"invalid URL", false, problem_code::kUrlRefused, kUrlHint},
    Reason{"scheme ", false, problem_code::kUrlRefused, kUrlHint},
    Reason{"CRLF", false, problem_code::kUrlRefused, kUrlHint},
    Reason{"double-encoded", false, problem_code::kUrlRefused, kUrlHint},
    Reason{"encoded CR", false, problem_code::kUrlRefused, kUrlHint},
    Reason{"path traversal", false, problem_code::kUrlRefused, kUrlHint},
    Reason{"session escalation", false, problem_code::kSessionRefused, {}},
};

PipelockVerdict blocked(std::string_view line, std::string_view reason) {
  if (reason.starts_with("SSRF check failed: DNS")) {
    return failed(Code::DnsFailed, "the scanner could not resolve the host",
                  problem_code::kDnsFailed);
  }
  if (reason.starts_with("response read error")) {
    return failed(Code::UpstreamBroken, "the origin's answer ended early",
                  problem_code::kUpstreamBroken);
  }
  for (const Reason& row : kReasons) {
    const bool fits = row.anywhere ? reason.find(row.text) != std::string_view::npos
                                   : reason.starts_with(row.text);
    if (!fits) continue;
    PipelockVerdict verdict = refused(line, row.word, row.hint);
    verdict.target_has_secret = row.in_target;
    return verdict;
  }
  return refused(line, problem_code::kScannerDenied, {});
}

PipelockVerdict by_status(int status, std::string_view line) {
  switch (status) {
    case 429:
      return refused(line, problem_code::kRateLimited,
                     "Too many requests to this host; wait a minute.");
    case 502:
      return failed(Code::ConnectFailed, "the scanner could not fetch from the origin",
                    problem_code::kOriginUnreachable,
                    "The origin cannot be reached, or its certificate is not trusted.");
    case 503:
      return failed(Code::ScannerUnavailable, "the scanner is not ready",
                    problem_code::kScannerUnavailable);
    case 405:
      return failed(Code::ScannerUnavailable, "the scanner's forward proxy is switched off",
                    problem_code::kScannerMisconfigured);
    default:
      return refused(line, problem_code::kScannerDenied, {});
  }
}

// Exactly {"error":"kill_switch_active","message":"…"}, in Go's encoding.
bool is_kill_switch_body(std::string_view line) {
  constexpr std::string_view kBegin = R"({"error":"kill_switch_active","message":")";
  constexpr std::string_view kEnd = "\"}";
  if (!line.starts_with(kBegin) || !line.ends_with(kEnd) ||
      line.size() < kBegin.size() + kEnd.size()) {
    return false;
  }
  // The message is one JSON string: no quote in it is free.
  const std::string_view message =
      line.substr(kBegin.size(), line.size() - kBegin.size() - kEnd.size());
  for (std::size_t i = 0; i < message.size(); ++i) {
    if (message[i] == '"') return false;
    if (message[i] == '\\' && ++i == message.size()) return false;
  }
  return true;
}

bool has_own_text(int status, std::string_view line) {
  constexpr std::string_view kBlocked = "blocked: ";
  switch (status) {
    case 403:
      return line.starts_with(kBlocked) || line.starts_with("airlock: ") ||
             line.starts_with("session anomaly: ");
    case 429:
      return line.starts_with("blocked: rate limit ") ||
             (line.starts_with(kBlocked) &&
              line.find(" budget exceeded") != std::string_view::npos);
    case 502:
      return line == "forward proxy fetch failed";
    case 503:
      return line == "scanner unavailable during reload";
    case 405:
      return line == "forward proxy not enabled" || line == "CONNECT not supported";
    default:
      return false;
  }
}

}  // namespace

bool may_be_pipelocks_own(const ResponseHead& head) {
  const Form form = form_of(head);
  if (head.content_length && *head.content_length > kPipelockBlockBody) return false;
  return has_error_form(head, form) || has_kill_switch_form(head, form) ||
         has_server_form(head, form);
}

PipelockVerdict pipelock_verdict(const ResponseHead& head, ByteView body, bool request_was_head) {
  const Form form = form_of(head);
  if (!may_be_pipelocks_own(head) || body.size() > kPipelockBlockBody) return PipelockVerdict{};
  if (has_server_form(head, form)) {
    return failed(
        Code::UpstreamBroken,
        "the scanner could not read the request (status " + std::to_string(head.status) + ")",
        problem_code::kScannerRejectedRequest, "Send a plainer request.");
  }
  const bool one_line = !body.empty() && body.find('\n') == body.size() - 1;
  if (has_kill_switch_form(head, form)) {
    const bool own =
        request_was_head || (one_line && is_kill_switch_body(body.substr(0, body.size() - 1)));
    if (!own) return PipelockVerdict{};
    return failed(Code::ScannerUnavailable, "the scanner's kill switch is on",
                  problem_code::kKillSwitchActive,
                  "The person who runs the bottle has stopped all traffic.");
  }
  // A relayed answer to HEAD has lost its Content-Length on the way, so the form alone tells.
  if (request_was_head) return by_status(head.status, "the scanner refused a HEAD request");
  if (!one_line) return PipelockVerdict{};
  const std::string_view line = body.substr(0, body.size() - 1);
  if (!has_own_text(head.status, line)) return PipelockVerdict{};
  if (head.status != 403) return by_status(head.status, line);
  constexpr std::string_view kBlocked = "blocked: ";
  if (line.starts_with(kBlocked)) return blocked(line, line.substr(kBlocked.size()));
  return refused(line, problem_code::kSessionRefused, {});
}

}  // namespace bottle
