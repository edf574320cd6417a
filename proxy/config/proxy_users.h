#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "certs/digest.h"
#include "proxy/contract/error.h"
#include "proxy/http/doorkeeper.h"

namespace bottle {

// The users of the proxy: lines "user:password" of a file (--proxy-auth). Clients send one as
// Proxy-Authorization: Basic (RFC 7617). Keeps a digest of each line only. Immutable.
class ProxyUsers final : public Doorkeeper {
 public:
  // `file` is only used in messages, which never hold what stands in a line. Empty lines and lines
  // that begin with '#' are passed over. The Error (kUsage) names the line.
  [[nodiscard]] static Expected<std::unique_ptr<const ProxyUsers>> parse(std::string_view text,
                                                                         const std::string& file);
  // Refuses a file that others than its owner may read or write. Failures also with reason
  // "bad_file", when it cannot be read.
  [[nodiscard]] static Expected<std::unique_ptr<const ProxyUsers>> load(const std::string& file);

  // Takes as long for an unknown user as for a wrong password.
  [[nodiscard]] std::optional<Failure> check(const Fields& fields) const override;

  // Warnings about the file, for the log.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  std::vector<Digest> known_;  // of user, colon and password, as they come out of the base64
  std::vector<std::string> warnings_;
};

inline constexpr std::size_t kMaxProxyUsers = 256;
inline constexpr std::size_t kMaxProxyUsersFile = 64 * 1024;
// A user and its password with the colon; clients put it into one header field.
inline constexpr std::size_t kMaxCredentials = 1024;

}  // namespace bottle
