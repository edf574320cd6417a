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

std::string hint(const Finding& finding) {
  std::string text = "Remove it, or go back to before it came. The person who runs the bottle can ";
  if (finding.part == RequestPart::Body) {
    text += "have such secrets taken out on the way (--on-secret HOST=redact)";
  } else if (finding.part == RequestPart::Header && finding.kind == FindingKind::Secret) {
    text += "add this host to the secret's \"hosts\", if it belongs there";
  } else {
    text += "see more with `bottle logs`";
  }
  if (!finding.fingerprint.empty()) {
    text += "; or let it pass, if it is no secret: bottle allow --secret " + finding.fingerprint;
  }
  return text + ".";
}

}  // namespace

Failure refusal(const Finding& finding) {
  const std::string where = place(finding);
  if (finding.kind == FindingKind::Unread) {
    return Failure{Code::Overloaded, where + " has " + finding.name,
                   problem_code::kDecodeMemoryFull};
  }
  return Failure{Code::Denied, "the request carries a secret (" + finding.name + ") in " + where,
                 reason(finding.part), hint(finding)};
}

}  // namespace bottle
