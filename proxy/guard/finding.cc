#include "proxy/guard/finding.h"

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

std::string place(const Finding& finding) {
  switch (finding.part) {
    case RequestPart::Host:
      return "the host's name";
    case RequestPart::Url:
      return "the URL";
    case RequestPart::Header:
      return finding.field.empty() ? "a header field's name" : "the header field " + finding.field;
    case RequestPart::Body:
      break;
  }
  if (!finding.json_path.empty()) return "the body at " + finding.json_path;
  return "the body (it ends at byte " + std::to_string(finding.end) + ")";
}

std::string_view reason(RequestPart part) noexcept {
  switch (part) {
    case RequestPart::Host:
      return problem_code::kSecretInHost;
    case RequestPart::Url:
      return problem_code::kSecretInUrl;
    case RequestPart::Header:
      return problem_code::kSecretInHeader;
    case RequestPart::Body:
      break;
  }
  return problem_code::kSecretInBody;
}

}  // namespace

std::string_view to_string(RequestPart part) noexcept {
  switch (part) {
    case RequestPart::Host:
      return "host";
    case RequestPart::Url:
      return "url";
    case RequestPart::Header:
      return "header";
    case RequestPart::Body:
      return "body";
  }
  return "body";
}

namespace {

std::string hint(const Finding& finding, const std::string& where) {
  std::string text =
      "Take the secret (" + finding.name + ") out of " + where +
      ". If it belongs to this host, the person who runs the bottle can add the host "
      "to the secret's \"hosts\"";
  if (!finding.fingerprint.empty()) {
    text += "; if it is no secret: bottle allow --secret " + finding.fingerprint;
  }
  return text + ".";
}

}  // namespace

Failure refusal(const Finding& finding) {
  const std::string where = place(finding);
  return Failure{Code::Denied, "the request carries a secret (" + finding.name + ") in " + where,
                 reason(finding.part), hint(finding, where)};
}

}  // namespace bottle
