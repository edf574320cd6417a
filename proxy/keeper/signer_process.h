#pragma once

#include <string_view>

#include "certs/ca_papers.h"
#include "certs/certificate_authority.h"
#include "certs/signer.h"
#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"

namespace bottle {

// The life of the signer's process: makes the CA, writes its papers (or why there are none) to
// `papers` and closes it, and answers at `answers` until the asking side is gone. Nothing but
// messages of one size comes in. The exit status.
[[nodiscard]] int be_signer(const CaOptions& ca, SignerLimits limits, Fd answers, Fd papers);

// The reading of what it wrote.
[[nodiscard]] Expected<CaPapers> papers_in_words(std::string_view words);

}  // namespace bottle
