#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "launcher/backend/local/scanner_room.h"
#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// Where pipelock listens: 127.0.0.1 of its room, at a port that is none of the exit's.
std::uint16_t pipelock_port(const PipelockPlan& plan);

// Starts pipelock in its room and waits until it answers GET /health there. It runs under
// bubblewrap: of the host's files it sees the system's programs and libraries and its own
// configuration, of the network the exit alone, whose CA (`ca`, a file that exists) is the only one
// that it trusts; names are asked of the exit's name server. Its configuration goes into
// `directory`, its logs into `state` (pipelock.jsonl is its own, pipelock.log what it prints).
Expected<void> start_pipelock(const Plan& plan, ScannerRoom& room, const std::filesystem::path& ca,
                              const std::filesystem::path& directory,
                              const std::filesystem::path& state, SignalWatch& signals);

}  // namespace bottle::launcher::local
