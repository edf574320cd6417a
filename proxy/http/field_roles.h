#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/fields.h"

namespace bottle {

// The meaning of a field's name to a proxy. One table for requests, responses and trailers; what is
// done about each role is framing_rules' business.
enum class FieldRole : std::uint8_t {
  Keep,
  Single,  // kept, but two of them have two readings
  Host,    // the rest leaves the head: read here and written anew, or dropped
  Length,
  Coding,
  Connection,
  Expect,
  Te,
  Trailer,  // names the fields behind a body: of a request kept as long as those are
  Cookie,
  Signature,
  Hop,         // of one connection only, RFC 9110 section 7.6.1
  Control,     // neither a client's nor an origin's to write (control_fields.h)
  AltService,  // RFC 7838: would lead the client past the proxy
};

// `lower_name` in lower case.
[[nodiscard]] FieldRole role_of(std::string_view lower_name) noexcept;
// False for what RFC 9110 section 6.5.1 keeps to the head: framing, routing, authentication,
// request modifiers, response controls and content format; and for what leaves a head, too.
[[nodiscard]] bool may_be_trailer(std::string_view lower_name) noexcept;

// The fields' names in lower case, one after another. Those of a usual head need no allocation.
class LowerNames {
 public:
  explicit LowerNames(const Fields& fields);
  LowerNames(const LowerNames&) = delete;
  LowerNames& operator=(const LowerNames&) = delete;

  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_ + begin, ends_[i] - begin};
  }

 private:
  static constexpr std::size_t kUsualBytes = 512;
  static constexpr std::size_t kUsualFields = 32;

  std::array<char, kUsualBytes> usual_bytes_;
  std::array<std::size_t, kUsualFields> usual_ends_;
  std::string more_bytes_;
  std::vector<std::size_t> more_ends_;
  char* bytes_ = usual_bytes_.data();
  std::size_t* ends_ = usual_ends_.data();
};

// The names that "Connection" lists, without case. Bounded, since each name is compared with each
// field.
class ConnectionOptions {
 public:
  static constexpr std::size_t kMax = 32;
  // False if there are too many. Keeps views into `list`.
  [[nodiscard]] bool add(std::string_view list);
  [[nodiscard]] bool lists(std::string_view name) const noexcept;
  // A name with one of `roles`; empty if none is listed.
  [[nodiscard]] std::string_view one_of(std::initializer_list<FieldRole> roles) const;

 private:
  std::vector<std::string_view> options_;
};

// The members of a Signature or Signature-Input dictionary (RFC 9421 section 4) except those with a
// label that neither a client nor an origin may use (control_fields.h).
[[nodiscard]] std::string without_control_members(std::string_view dictionary);

}  // namespace bottle
