#include "proxy/keeper/signer_process.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "certs/process_memory.h"
#include "proxy/contract/exit_code.h"
#include "proxy/sandbox/sandbox.h"

namespace bottle {
namespace {

constexpr char kGood = '+';
constexpr char kBad = '-';

bool write_words(const Fd& out, std::string_view words) {
  while (!words.empty()) {
    const ssize_t written = ::write(out.get(), words.data(), words.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    words.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// It neither reads nor tells a person anything.
void leave_standard_streams() {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDOUT_FILENO);
  ::close(nothing);
}

}  // namespace

int be_signer(const CaOptions& options, SignerLimits limits, Fd answers, Fd papers) {
  leave_standard_streams();
  for (const std::string& warning : harden_process_memory()) spdlog::warn("signer: {}", warning);
  const auto ca = CertificateAuthority::create(options);
  if (!ca) {
    write_words(papers, kBad + ca.error().detail);
    return to_status(ExitCode::kInternal);
  }
  if (!write_words(papers, kGood + to_text(CaPapers::of(**ca)))) {
    return to_status(ExitCode::kInternal);
  }
  papers.reset();
  Signer signer(**ca, limits, Signer::Clock::now());
  for (const std::string& warning : enter_sandbox(SandboxRole::Signer, {})) {
    spdlog::warn("signer: {}", warning);
  }
  signer.serve(answers.get());
  return to_status(ExitCode::kOk);
}

Expected<CaPapers> papers_in_words(std::string_view words) {
  if (words.starts_with(kGood)) {
    if (auto papers = papers_in(words.substr(1))) return std::move(*papers);
  }
  const std::string why(words.starts_with(kBad) ? words.substr(1) : "its process ended");
  return Error{ExitCode::kInternal, "no CA could be made: " + why, ""};
}

}  // namespace bottle
