#include "proxy/scanner/pipelock_verdict.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/scanner/block_reason.h"
#include "proxy/scanner/refusal_rows.h"

namespace bottle {
namespace {

using Kind = PipelockVerdict::Kind;

// pipelock counts requests and bytes over a minute.
constexpr std::chrono::seconds kWindow{60};
// As the proxy says of its own 503s.
constexpr std::chrono::seconds kSoon{5};

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kBlocked = "blocked: ";
constexpr std::string_view kEndedEarly = "the origin's answer ended early";

// The fields of a head that tell, and whether there are others.
struct Form {
  std::optional<std::size_t> date;
  std::optional<std::size_t> nosniff;
  std::optional<std::size_t> last_mark;  // of the fields that mark a refusal
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
    } else if (is_block_field(field.name)) {
      form.last_mark = i;
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
         !form.foreign && !form.last_mark && form.content_type == kText && form.nosniff &&
         form.date && *form.date > *form.nosniff && form.has_content_length;
}

bool has_kill_switch_form(const ResponseHead& head, const Form& form) {
  return head.status == 503 && !form.foreign && !form.last_mark && !form.nosniff &&
         form.content_type == "application/json" && form.has_content_length;
}

// True for the answer of Go's server itself to a request that it cannot read. It has no Date; a
// relayed answer always has one.
bool has_server_form(const ResponseHead& head, const Form& form) {
  constexpr std::array kStatuses = {400, 417, 431, 501, 505};
  return std::find(kStatuses.begin(), kStatuses.end(), head.status) != kStatuses.end() &&
         !form.foreign && !form.last_mark && !form.date && !form.nosniff && form.closes &&
         (form.content_type == kText || head.status == 417);
}

// A marked refusal: the type and the status may be others, but no field may be an origin's. The
// mark is among the sorted fields of the handler, so Date stands behind it.
bool has_marked_form(const ResponseHead& head, const Form& form) {
  return head.status >= 400 && !form.foreign && form.last_mark && form.date &&
         *form.date > *form.last_mark && form.has_content_length;
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

PipelockVerdict refused(std::string_view text, const RefusalRow& row) {
  PipelockVerdict verdict = refused(text, row.word, row.hint);
  verdict.target_has_secret = row.in_target;
  return verdict;
}

PipelockVerdict failed(Code code, std::string_view text, std::string_view word,
                       std::string_view hint = {}) {
  return PipelockVerdict{.kind = Kind::Failed,
                         .failure = Failure{code, clean(text), word, std::string(hint)}};
}

// A 403. `code_row`: of the code that came with the line, or null.
PipelockVerdict blocked(std::string_view line, const RefusalRow* code_row) {
  const std::string_view reason =
      line.starts_with(kBlocked) ? line.substr(kBlocked.size()) : std::string_view();
  if (reason.starts_with("SSRF check failed: DNS")) {
    return failed(Code::DnsFailed, "the scanner could not resolve the host",
                  problem_code::kDnsFailed);
  }
  if (reason.starts_with("response read error")) {
    return failed(Code::UpstreamBroken, kEndedEarly, problem_code::kUpstreamBroken);
  }
  const RefusalRow* row = row_of_line(reason);
  if (code_row != nullptr && (row == nullptr || row->vague)) row = code_row;
  return row != nullptr ? refused(line, *row) : refused(line, problem_code::kScannerDenied, {});
}

PipelockVerdict rate_limited(std::string_view line) {
  return refused(line, problem_code::kRateLimited, "Too many requests to this host.");
}

PipelockVerdict kill_switch() {
  return failed(Code::ScannerUnavailable, "the scanner's kill switch is on",
                problem_code::kKillSwitchActive,
                "The person who runs the bottle has stopped all traffic.");
}

void add_hint(Failure& failure, std::string_view sentence) {
  if (!failure.hint.empty()) failure.hint += ' ';
  failure.hint += sentence;
}

PipelockVerdict later(PipelockVerdict verdict) {
  const bool counted = word(verdict.failure) == problem_code::kRateLimited ||
                       word(verdict.failure) == problem_code::kBudgetExceeded;
  verdict.retry_after = counted ? kWindow : kSoon;
  add_hint(verdict.failure, "Try again later.");
  return verdict;
}

PipelockVerdict by_status(int status, std::string_view line) {
  switch (status) {
    case 429:
      return later(rate_limited(line));
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

// The meaning of a marked refusal, by its text and its code.
PipelockVerdict by_code(int status, std::string_view line, const BlockReason& told) {
  if (told.code == problem_code::kKillSwitchActive) return kill_switch();
  // 2.3 says "response read error".
  if (told.code == "parse_error" && told.layer == "response_scan") {
    return failed(Code::UpstreamBroken, kEndedEarly, problem_code::kUpstreamBroken);
  }
  const RefusalRow* row = row_of_code(told.code);
  if (line.empty()) line = "the scanner refused it";
  return status == 429 && row == nullptr ? rate_limited(line) : blocked(line, row);
}

// ... and when the request may come again.
PipelockVerdict marked(int status, std::string_view line, const BlockReason& told) {
  PipelockVerdict verdict = by_code(status, line, told);
  verdict.failure.detail += in_brackets(told);
  switch (told.retry) {
    case BlockRetry::Unknown:
      break;
    case BlockRetry::None:
      add_hint(verdict.failure, "The same request will be refused again.");
      break;
    case BlockRetry::Transient:
      return later(std::move(verdict));
    case BlockRetry::Policy:
      if (verdict.kind != Kind::Refused) break;
      add_hint(verdict.failure,
               "It can pass when the person who runs the bottle has changed something for it.");
      break;
  }
  return verdict;
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
         has_server_form(head, form) || has_marked_form(head, form);
}

PipelockVerdict pipelock_verdict(const ResponseHead& head, ByteView body, bool request_was_head,
                                 BlockMark mark) {
  const auto told = block_reason_of(head.fields);
  const bool proven = told && mark == BlockMark::PipelockAlone;
  const bool whole = body.size() <= kPipelockBlockBody;
  if (!proven && (!whole || !may_be_pipelocks_own(head))) return PipelockVerdict{};
  const bool one_line = whole && !body.empty() && body.find('\n') == body.size() - 1;
  const std::string_view line =
      one_line ? std::string_view(body.substr(0, body.size() - 1)) : std::string_view();
  if (told) return marked(head.status, line, *told);
  const Form form = form_of(head);
  if (has_server_form(head, form)) {
    return failed(
        Code::UpstreamBroken,
        "the scanner could not read the request (status " + std::to_string(head.status) + ")",
        problem_code::kScannerRejectedRequest, "Send a plainer request.");
  }
  if (has_kill_switch_form(head, form)) {
    const bool own = request_was_head || is_kill_switch_body(line);
    return own ? kill_switch() : PipelockVerdict{};
  }
  // A relayed answer to HEAD has lost its Content-Length on the way, so the form alone tells.
  if (request_was_head) return by_status(head.status, "the scanner refused a HEAD request");
  if (!has_own_text(head.status, line)) return PipelockVerdict{};
  if (head.status != 403) return by_status(head.status, line);
  if (line.starts_with(kBlocked)) return blocked(line, nullptr);
  return refused(line, problem_code::kSessionRefused, {});
}

}  // namespace bottle
