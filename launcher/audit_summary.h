#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bottle::launcher {

struct Refused {
  std::string host;    // as the proxy wrote it, printable characters only; empty: there was none
  std::string reason;  // the word of docs/errors.md
  std::size_t times = 0;
};

struct Refusals {
  std::size_t count = 0;
  std::vector<Refused> most;  // the most frequent ones, at most 8
  std::size_t others = 0;     // refusals that are not in `most`
};

// The host that `bottle doctor` asks for and expects to be refused.
inline constexpr const char* kDoctorHost = "doctor.bottle.invalid";

// What an audit log tells of refusals from byte `begin` on (a log may hold earlier bottles' lines),
// but for those of kDoctorHost.
// Looks at 64 MiB at most; a log that cannot be read has none.
Refusals refusals_in(const std::filesystem::path& audit, std::uintmax_t begin);

// Lines for a person: which hosts were refused and why. Each ends with a line end.
std::string refusal_lines(const Refusals& refusals);

// What a bottle says at its end: how many requests were refused, where the log is, and those lines.
// Nothing if there were none.
std::string refusal_report(const std::filesystem::path& audit, std::uintmax_t begin);

}  // namespace bottle::launcher
