#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "proxy/contract/error.h"

namespace bottle {

// Where this system keeps its roots: SSL_CERT_FILE if it is set, else the first of the usual
// bundle files that exists. The Error (kFiles) names what was looked for.
[[nodiscard]] Expected<std::filesystem::path> system_bundle_path();

// The PEM text of a bundle file, at most 16 MiB. An Error (kFiles) otherwise, or
// when it holds no certificate.
[[nodiscard]] Expected<std::string> read_bundle(const std::filesystem::path& path);

// `roots` followed by the CA's certificate: what clients get that take one bundle only.
[[nodiscard]] std::string merge_bundle(std::string_view roots, std::string_view ca_pem);

// Writes a public PEM file: a temporary file beside it, mode 0644, fsync, rename. Readers see the
// old file or the new one, never half of one. The Error (kFiles) says which path and why.
[[nodiscard]] Expected<void> write_public_file(const std::filesystem::path& path,
                                               std::string_view text);

}  // namespace bottle
