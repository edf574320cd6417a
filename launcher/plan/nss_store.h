#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bottle::launcher {

// Chromium, Chrome and other programs with NSS read no bundle and no variable: they trust what is
// in a database in the home. Programs open it for writing, so it cannot be mounted read-only.
inline constexpr std::string_view kNssDirectory = "/home/agent/.pki/nssdb";
// Chromium's, where no HOME is set (`env -i`).
inline constexpr std::string_view kNssWithoutHome = "/tmp/.pki/nssdb";
inline constexpr std::string_view kNssFile = "cert9.db";  // NSS makes the others

// That file (an SQLite database, format 3) with the one certificate in `pem` as a root for servers.
// Written here because NSS's own tool (certutil) is on few machines. nullopt: there is no
// certificate, which is no reason not to start.
std::optional<std::string> nss_store(std::string_view pem);

}  // namespace bottle::launcher
