#include "proxy/credentials/asked_part.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bottle {
namespace {

constexpr std::uint64_t kMaxPosition = std::uint64_t{1} << 60;

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number > kMaxPosition) return std::nullopt;
  return number;
}

struct Given {
  std::uint64_t first, last, total;
};

// "bytes FIRST-LAST/TOTAL". A total that is not known tells no end.
std::optional<Given> given_part(const Fields& fields) {
  if (fields.count("content-range") != 1) return std::nullopt;
  std::string_view text = fields.find("content-range").value_or("");
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const auto first = number_of(text.substr(0, dash));
  const auto last = number_of(text.substr(dash + 1, slash - dash - 1));
  const auto total = number_of(text.substr(slash + 1));
  if (!first || !last || !total || *first > *last || *last >= *total) return std::nullopt;
  return Given{.first = *first, .last = *last, .total = *total};
}

Failure another_part() {
  return Failure{Code::UpstreamBroken,
                 "the origin gave another part of an answer than it was asked for, in which a "
                 "credential could not be found"};
}

}  // namespace

std::optional<AskedPart> AskedPart::of(const RequestHead& head) {
  if (head.method != "GET" || head.fields.count("range") != 1) return std::nullopt;
  std::string_view text = head.fields.find("range").value_or("");
  if (!text.starts_with("bytes=")) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = text.substr(0, dash);
  const std::string_view last = text.substr(dash + 1);
  AskedPart part;
  part.first_ = number_of(first);
  part.last_ = number_of(last);
  if (part.first_.has_value() == first.empty() || part.last_.has_value() == last.empty()) {
    return std::nullopt;
  }
  if (!part.first_ && part.last_.value_or(0) == 0) return std::nullopt;
  if (part.first_ && part.last_ && *part.first_ > *part.last_) return std::nullopt;
  return part;
}

std::string AskedPart::widen(std::uint64_t bytes) {
  wider_ = bytes;
  const std::string last = last_ ? std::to_string(*last_ + bytes) : "";
  if (!first_) return "bytes=-" + last;
  return "bytes=" + std::to_string(*first_ - std::min(*first_, bytes)) + "-" + last;
}

Result<std::optional<AskedPart::Cut>> AskedPart::cut(ResponseHead& head) const {
  if (head.status != 206) return std::optional<Cut>();
  const auto given = given_part(head.fields);
  if (!given || !head.has_body) return another_part();
  const std::uint64_t end = given->total - 1;
  std::uint64_t first = 0;
  std::uint64_t last = end;
  if (first_) {
    first = *first_;
    if (last_) last = std::min(*last_, end);
  } else {
    first = given->total - std::min(last_.value_or(0), given->total);
  }
  // Values are looked for this far before and behind what the client gets.
  if (given->first != first - std::min(first, wider_) ||
      given->last != std::min(last + wider_, end)) {
    return another_part();
  }
  const bool nothing = first > end;
  const std::string place = nothing ? "*" : std::to_string(first) + "-" + std::to_string(last);
  head.fields.set("content-range", "bytes " + place + "/" + std::to_string(given->total));
  // Digests of what the origin sent.
  head.fields.remove("content-digest");
  head.fields.remove("content-md5");
  if (nothing) {
    head.status = 416;
    head.reason.clear();
    head.has_body = false;
  }
  const std::uint64_t size = nothing ? 0 : last - first + 1;
  head.content_length = size;
  return std::optional<Cut>(Cut{.skipped = nothing ? 0 : first - given->first, .size = size});
}

}  // namespace bottle
