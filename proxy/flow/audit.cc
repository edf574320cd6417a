#include "proxy/flow/audit.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "proxy/base/utf8.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

// Longest text of a field, in bytes as given. A byte becomes at most six ("\u00ff"), so that a
// line stays below kMaxAuditLine: 6 * (512 + 2 * 256 + 256 + 11 * 64) plus names and numbers, and
// for each of 16 findings 6 * (160 + 3 * 64) with its names.
constexpr std::size_t kMaxTarget = 512;
constexpr std::size_t kMaxHost = 256;
constexpr std::size_t kMaxDetail = 256;
constexpr std::size_t kMaxWord = 64;
constexpr std::size_t kMaxPath = 160;
constexpr std::string_view kCut = "...";

bool is_finding(const AuditRecord& record) noexcept {
  if (record.kind == AuditKind::RefusedAtExit) return true;
  return record.verdict == Verdict::Refused &&
         (record.by == DecidedBy::Guard || record.by == DecidedBy::Pipelock ||
          record.by == DecidedBy::Exit);
}

void append_unicode_escape(unsigned char byte, std::string& out) {
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(byte));
  out += buffer;
}

// Bytes that stand in a JSON string as they are: nearly all.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) out[c] = c != '"' && c != '\\';
  return out;
}();

// How many of them are at the front.
std::size_t plain_bytes(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && kPlain[static_cast<unsigned char>(text[n])]) ++n;
  return n;
}

// A JSON string. Control characters, DEL, bytes that are no UTF-8, and the two line separators that
// some log viewers take for a line's end are escaped: one record is one line for every reader.
void append_string(std::string_view text, std::size_t max, std::string& out) {
  const bool cut = text.size() > max;
  if (cut) text = text.substr(0, max - kCut.size());
  out += '"';
  while (!text.empty()) {
    const std::size_t plain = plain_bytes(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text.front());
    const std::size_t size = utf8_size(text);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text.front();
    } else if (byte < 0x20 || byte == 0x7f || size == 0) {
      append_unicode_escape(byte, out);
    } else if (size == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      append_unicode_escape(static_cast<unsigned char>(text[1]), out);  // C1 controls, NEL
    } else if (text.starts_with("\xe2\x80\xa8")) {
      out += "\\u2028";
    } else if (text.starts_with("\xe2\x80\xa9")) {
      out += "\\u2029";
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  if (cut) out += kCut;
  out += '"';
}

class Line {
 public:
  void string(std::string_view name, std::string_view text, std::size_t max = kMaxWord) {
    key(name);
    append_string(text, max, out_);
  }
  void string_or_null(std::string_view name, std::string_view text, std::size_t max = kMaxWord) {
    key(name);
    if (text.empty()) {
      out_ += "null";
    } else {
      append_string(text, max, out_);
    }
  }
  void raw(std::string_view name, std::string_view json) {
    key(name);
    out_ += json;
  }
  template <class Number>
  void number(std::string_view name, Number value) {
    raw(name, std::to_string(value));
  }
  std::string object() && {
    out_ += '}';
    return std::move(out_);
  }
  std::string end() && {
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kUsual = 640;  // bytes of a line: one allocation for most
  void key(std::string_view name) {
    if (out_.empty()) out_.reserve(kUsual);
    out_ += out_.empty() ? "{\"" : ",\"";
    out_ += name;
    out_ += "\":";
  }
  std::string out_;
};

std::string findings_list(const FindingRecords& findings) {
  std::string out = "[";
  for (const FindingRecord& one : findings.kept) {
    Line item;
    item.string(finding_key::kName, one.name);
    item.string(finding_key::kKind, one.kind);
    item.string(finding_key::kSeverity, one.severity);
    item.string(finding_key::kPart, one.part);
    if (!one.field.empty()) item.string(finding_key::kField, one.field);
    if (!one.json_path.empty()) item.string(finding_key::kJsonPath, one.json_path, kMaxPath);
    if (!one.fingerprint.empty()) item.string(finding_key::kFingerprint, one.fingerprint);
    item.string(finding_key::kAction, to_string(one.action));
    if (out.size() > 1) out += ',';
    out += std::move(item).object();
  }
  return out + "]";
}

std::string left_out_object(const ShownRecord& shown) {
  Line item;
  item.number(left_out_key::kSeen, shown.seen);
  item.number(left_out_key::kTheirs, shown.theirs);
  item.number(left_out_key::kUnreadable, shown.unreadable);
  item.number(left_out_key::kRepeated, shown.repeated);
  return std::move(item).object();
}

// RFC 3339, UTC, milliseconds. Good until the thread's next call.
std::string_view timestamp(std::chrono::system_clock::time_point time) {
  using std::chrono::milliseconds;
  const auto ms = std::chrono::floor<milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
  const std::time_t whole = static_cast<std::time_t>(seconds.count());
  // Many lines are of the same second.
  thread_local std::time_t of = -1;
  thread_local std::array<char, 40> text{};
  thread_local std::size_t size = 0;
  if (whole != of) {
    std::tm utc{};
    if (gmtime_r(&whole, &utc) == nullptr) return "1970-01-01T00:00:00.000Z";
    of = -1;
    size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.000Z", &utc);
    if (size == 0) return "1970-01-01T00:00:00.000Z";
    of = whole;
  }
  char* digit = text.data() + size - 2;
  for (auto rest = (ms - seconds).count(); digit != text.data() + size - 5; rest /= 10) {
    *digit-- = static_cast<char>('0' + rest % 10);
  }
  return {text.data(), size};
}

}  // namespace

std::string path_without_values(std::string_view target) {
  target = target.substr(0, target.find('#'));
  // No path: a URL that was refused. Its host has a place of its own in the line, and what may be a
  // password in front of it has none.
  if (!target.starts_with('/') && target != "*") {
    const std::size_t scheme = target.find("://");
    const std::size_t path = target.find_first_of("/?", scheme == target.npos ? 0 : scheme + 3);
    const bool none = path == target.npos || target.find('@') != target.npos;
    target = none ? std::string_view() : target.substr(path);
  }
  const std::size_t question = target.find('?');
  std::string out(target.substr(0, question));
  if (question == std::string_view::npos) return out;
  std::string_view query = target.substr(question + 1);
  out += '?';
  for (;;) {
    const std::size_t end = query.find_first_of("&;");
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos) {
      out += pair.substr(0, equals);
      out += "=*";
    } else if (!pair.empty()) {
      out += '*';  // without "=" it may be a value as well as a key
    }
    if (end == std::string_view::npos) return out;
    out += '&';
    query.remove_prefix(end + 1);
  }
}

AuditPart part_of(const AuditRecord& record) noexcept {
  const bool sent = record.begun || record.kind == AuditKind::Begin ||
                    record.kind == AuditKind::LostLines || record.verdict == Verdict::Allowed ||
                    record.verdict == Verdict::Cut;
  if (sent) return AuditPart::Exchanges;
  return is_finding(record) ? AuditPart::Findings : AuditPart::Refusals;
}

bool is_late_finding(const AuditRecord& record) noexcept {
  return record.begun && is_finding(record);
}

std::string audit_line(const AuditRecord& record, AuditPart part) {
  Line line;
  line.string(audit_key::kTime, timestamp(record.time));
  line.string(audit_key::kPart, to_string(part));
  line.string_or_null(audit_key::kId, record.id);
  line.string(audit_key::kKind, to_string(record.kind));
  line.string_or_null(audit_key::kRoute, record.route);
  line.string_or_null(audit_key::kClientProtocol, record.client_protocol);
  if (record.kind != AuditKind::Begin) {
    line.string_or_null(audit_key::kUpstreamProtocol, record.upstream_protocol);
  }
  line.string_or_null(audit_key::kMethod, record.method);
  line.string_or_null(audit_key::kHost, record.host, kMaxHost);
  if (record.port == 0) {
    line.raw(audit_key::kPort, "null");
  } else {
    line.number(audit_key::kPort, record.port);
  }
  line.string_or_null(
      audit_key::kPath,
      record.target_has_secret ? std::string("[redacted]") : path_without_values(record.target),
      kMaxTarget);
  if (record.not_inspected) line.raw(audit_key::kNotInspected, "true");
  if (record.kind == AuditKind::Begin) return std::move(line).end();
  line.number(audit_key::kStatus, record.status);
  line.number(audit_key::kBytesIn, record.bytes_in);
  line.number(audit_key::kBytesOut, record.bytes_out);
  if (record.ttfb) {
    line.number(audit_key::kTtfb, record.ttfb->count());
  } else {
    line.raw(audit_key::kTtfb, "null");
  }
  line.number(audit_key::kTotal, record.total.count());
  line.string(audit_key::kVerdict, to_string(record.verdict));
  line.string_or_null(audit_key::kReason, record.reason);
  line.string_or_null(audit_key::kDetail, record.detail, kMaxDetail);
  line.string_or_null(audit_key::kBy, to_string(record.by));
  line.raw(audit_key::kScanned,
           record.scanned_request_body
               ? (record.scanned_response_body ? R"(["request_body","response_body"])"
                                               : R"(["request_body"])")
               : (record.scanned_response_body ? R"(["response_body"])" : "[]"));
  if (record.request_body_changed) line.raw(audit_key::kChanged, R"(["request_body"])");
  if (record.shown.sent_bytes != 0) {
    line.number(audit_key::kShownBytes, record.shown.shown_bytes);
    line.number(audit_key::kSentBytes, record.shown.sent_bytes);
    line.raw(audit_key::kLeftOut, left_out_object(record.shown));
  }
  if (!record.findings.empty()) line.raw(audit_key::kFindings, findings_list(record.findings));
  if (record.findings.others != 0) {
    line.number(audit_key::kMoreFindings, record.findings.others);
  }
  if (record.learned) line.raw(audit_key::kLearned, "true");
  if (record.begun && part != AuditPart::Exchanges) line.raw(audit_key::kBegun, "true");
  if (record.count != 1) line.number(audit_key::kCount, record.count);
  if (!record.answer.empty()) {
    line.string(audit_key::kAnswer, record.answer);
    line.string_or_null(audit_key::kWho, record.who);
  }
  return std::move(line).end();
}

std::string audit_end_line(std::chrono::system_clock::time_point time,
                           const std::array<ChainLink, kAuditParts>& ends) {
  Line parts;
  for (std::size_t part = 0; part < kAuditParts; ++part) {
    Line end;
    end.number(audit_key::kLine, ends[part].line);
    end.string(audit_key::kChain, ends[part].value);
    parts.raw(to_string(static_cast<AuditPart>(part)), std::move(end).object());
  }
  Line line;
  line.string(audit_key::kTime, timestamp(time));
  line.string(audit_key::kPart, to_string(AuditPart::Exchanges));
  line.raw(audit_key::kId, "null");
  line.string(audit_key::kKind, to_string(AuditKind::LogEnd));
  line.raw(audit_key::kEnds, std::move(parts).object());
  return std::move(line).end();
}

std::string audit_torn_line(std::chrono::system_clock::time_point time, AuditPart part,
                            std::uint64_t bytes) {
  AuditRecord record;
  record.time = time;
  record.kind = AuditKind::TornLine;
  record.verdict = Verdict::Failed;
  record.by = DecidedBy::Proxy;
  record.reason = problem_code::kAuditUnwritable;
  record.detail =
      std::to_string(bytes) + " bytes before this line are a line that was not finished";
  return audit_line(record, part);
}

}  // namespace bottle
