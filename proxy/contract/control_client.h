#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"

namespace bottle {

// The address of a Unix socket's file. A path of more than 107 bytes goes by a descriptor of its
// directory, which must live while the address is used.
class UnixPath {
 public:
  // nullopt: there is no such directory, or the file's own name is too long.
  [[nodiscard]] static std::optional<UnixPath> of(const std::string& path);
  [[nodiscard]] const sockaddr* address() const noexcept {
    return reinterpret_cast<const sockaddr*>(&address_);
  }
  [[nodiscard]] static constexpr socklen_t size() noexcept { return sizeof(sockaddr_un); }

 private:
  sockaddr_un address_{};
  Fd directory_;
};

// Says one message (a line with its end) at the control socket `path`, and returns the line that
// answers it, without its end. Ends within 2 * kControlWait. The Error (kProxy) says why there is
// none.
[[nodiscard]] Expected<std::string> ask_control(const std::string& path, std::string_view message);

}  // namespace bottle
