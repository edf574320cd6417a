#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/lifetime/audit_summary.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// A host that passed though the allowlist does not have it (`bottle start --learn`).
struct LearnedHost {
  std::string host{};   // as in "allow": HOST or HOST:PORT
  std::string route{};  // empty: the default
  std::uint64_t requests = 0;
};

// The hosts that a bottle learned: the proposal for its manifest.
struct Learned {
  std::filesystem::path manifest{};  // empty: it had none
  std::string bottle{};              // of the manifest
  std::vector<LearnedHost> hosts{};  // the most frequent first, kMostLearned at most
  std::size_t others = 0;            // hosts that are left out
};
inline constexpr std::size_t kMostLearned = 200;

// Fills in hosts and others by the audit lines since `begin` of requests that were answered. With
// `bypass`, registries of packages have the route scan-requests.
void learn_since(const AuditMark& begin, bool bypass, Learned& out);

// The file in a bottle's state directory, which the agent cannot reach.
[[nodiscard]] std::filesystem::path learned_file(const std::filesystem::path& state);
Expected<void> write_learned(const std::filesystem::path& file, const Learned& learned);
// The Error says that it is not there, or not readable.
Expected<Learned> read_learned(const std::filesystem::path& file);

// Whether packages are downloaded from there: large answers that pipelock need not scan.
[[nodiscard]] bool is_registry(std::string_view host);

}  // namespace bottle::launcher
