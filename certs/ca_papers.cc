#include "certs/ca_papers.h"

#include <nlohmann/json.hpp>

#include "certs/certificate_authority.h"

namespace bottle {

using Json = nlohmann::json;

CaPapers CaPapers::of(const CertificateAuthority& ca) {
  return CaPapers{.root_pem = ca.root_pem(),
                  .fingerprint = ca.fingerprint(),
                  .intermediate_pem = ca.intermediate_pem(),
                  .not_after = ca.not_after(),
                  .warnings = ca.warnings()};
}

std::string to_text(const CaPapers& papers) {
  return Json{{"root", papers.root_pem},
              {"fingerprint", papers.fingerprint},
              {"intermediate", papers.intermediate_pem},
              {"not_after", WallClock::to_time_t(papers.not_after)},
              {"warnings", papers.warnings}}
      .dump();
}

std::optional<CaPapers> papers_in(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    return CaPapers{.root_pem = json.at("root").get<std::string>(),
                    .fingerprint = json.at("fingerprint").get<std::string>(),
                    .intermediate_pem = json.at("intermediate").get<std::string>(),
                    .not_after = WallClock::from_time_t(json.at("not_after").get<std::time_t>()),
                    .warnings = json.at("warnings").get<std::vector<std::string>>()};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace bottle
