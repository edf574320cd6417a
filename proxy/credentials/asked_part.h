#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/http/head.h"

namespace bottle {

// The part of an answer that a client asks for (RFC 9110 section 14). A value that stands at its
// edge could not be found in it, so the origin is asked for a wider part, and the client gets its
// own out of that.
class AskedPart {
 public:
  // Of a GET that asks for one range of bytes. Nothing for all others.
  [[nodiscard]] static std::optional<AskedPart> of(const RequestHead& head);

  // Makes it wider on both sides by so many bytes; gives the field Range for it.
  [[nodiscard]] std::string widen(std::uint64_t bytes);

  // Where the client's part is in the body of the answer to the wider one.
  struct Cut {
    std::uint64_t skipped;
    std::uint64_t size;  // 0: there is nothing of it, and no body
  };
  // Makes the answer's head that of the client's part, or 416. Nothing if the answer is not
  // partial: it stays as it is. Fails if the origin gave another part than it was asked for.
  [[nodiscard]] Result<std::optional<Cut>> cut(ResponseHead& head) const;

 private:
  std::optional<std::uint64_t> first_, last_;  // no first: the last bytes, so many as `last_` says
  std::uint64_t wider_ = 0;
};

}  // namespace bottle
