#pragma once

#include <string>
#include <utility>

#include "certs/digest.h"
#include "proxy/ledger/admission.h"

namespace bottle::test {

// A GET of https://api.test/v1 as the front lets it through.
inline Admission admission_of(std::string id) {
  Admission admission;
  admission.id = std::move(id);
  admission.destination.host = "api.test";
  admission.destination.port = 443;
  admission.scheme = Scheme::Https;
  RequestHead& head = admission.scanned.head;
  head.method = "GET";
  head.authority = "api.test";
  head.target = "/v1?q=1";
  head.fields.add("Accept", "*/*");
  admission.scanned.body_digest = sha256("");
  admission.sent.head = head;
  return admission;
}

}  // namespace bottle::test
