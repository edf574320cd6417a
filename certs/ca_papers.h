#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "certs/leaf_issuer.h"

namespace bottle {

class CertificateAuthority;

// All of a CA that may leave the process with its key.
struct CaPapers {
  std::string root_pem;
  std::string fingerprint;  // SHA-256 over the root's DER, "AA:BB:…"
  std::string intermediate_pem;
  WallClock::time_point not_after{};
  // For a person, at start: why the intermediate is not constrained although that was asked.
  std::vector<std::string> warnings{};

  [[nodiscard]] static CaPapers of(const CertificateAuthority& ca);
};

// One JSON object.
[[nodiscard]] std::string to_text(const CaPapers& papers);
[[nodiscard]] std::optional<CaPapers> papers_in(std::string_view text);

}  // namespace bottle
