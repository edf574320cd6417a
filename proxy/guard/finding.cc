#include "proxy/guard/finding.h"

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

Failure refusal(const Finding& finding) {
  const std::string where = place(finding);
  return Failure{Code::Denied, "the request carries a secret (" + finding.name + ") in " + where,
                 "secret_in_" + std::string(to_string(finding.part)),
                 "Take the secret (" + finding.name + ") out of " + where +
                     ". If this host is where it belongs, the person who runs the bottle can add "
                     "it to the \"hosts\" of that secret."};
}

}  // namespace bottle
