#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/guard/address_guard.h"

namespace bottle {

// The answers of a name server. `knows` and `refused` are given names in lower
// case and without the last dot.
struct NameAnswers {
  // Every A question for a name that `knows` gets the one, an AAAA question the other; where there
  // is none, and to questions of other types, the answer is empty.
  std::optional<IpAddress> v4;
  std::optional<IpAddress> v6;
  std::function<bool(std::string_view name)> knows;  // others: NXDOMAIN
  // Told of a name that was not known; bytes other than letters, digits, '-' and '_' stand as
  // "\ddd" (RFC 1035 section 5.1).
  std::function<void(std::string_view name)> refused;
};

inline constexpr std::size_t kMaxDnsMessage = 512;  // RFC 1035 section 2.3.4; questions take 300

// The answer to one DNS query (RFC 1035), or nothing for what is not worth one: shorter than a
// header, or itself a response. Exactly one question, class IN, no compression, at most one record
// beside it, which is the OPT of RFC 6891; anything else is FORMERR, NOTIMP, BADVERS or REFUSED.
// The answer is never larger than the question plus one record, so it amplifies nothing.
[[nodiscard]] std::optional<Bytes> answer_query(ByteView query, const NameAnswers& answers);

}  // namespace bottle
