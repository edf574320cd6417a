#pragma once

#include <cstdint>

namespace bottle {

// The exit statuses of both programs; docs/exit-codes.md is the page for people. Numbers start
// where sysexits(3) starts, since few programs use them. A number from 65 on means one thing in
// `bottle` and another in `bottle-proxy`, so each program uses the names of its own block.
enum class ExitCode : std::uint8_t {
  // Both programs.
  kOk = 0,
  kUsage = 64,  // the command line or bottle-proxy's configuration is wrong

  // bottle-proxy, and nothing else.
  kUnwell = 1,       // --healthcheck: the server does not answer as it should
  kListen = 69,      // an address to listen at is taken or not ours
  kInternal = 70,    // a defect, or the machine lacks what is needed (randomness, CPU)
  kFiles = 73,       // a file that it must read or write cannot be read or written
  kNotDrained = 75,  // stopped by a second signal or the drain's end with exchanges under way

  // `bottle`. The status of the command that ran in the bottle passes through unchanged (128+n when
  // signal n ended it).
  kDemoFailed = 1,    // `bottle start demo`: something that it shows did not happen
  kManifest = 65,     // the manifest cannot be read or is not valid
  kEnvironment = 66,  // a value of the bottle's environment cannot be had
  kCheckFailed = 67,  // `bottle doctor`, `logs --verify`: something is not as it should be
  kIsolation = 69,    // the kernel or a missing program (bwrap) forbids the isolation
  kProxy = 70,        // bottle-proxy is missing, did not become ready, or ended unexpectedly
  kScanner = 71,      // pipelock is missing, did not become ready, or ended unexpectedly
  kSystem = 72,       // a system call or a file of the launcher's own failed
  kEngine = 73,       // the container engine is missing, or did not do what it was told
  kCommandNotRunnable = 126,  // the command exists in the bottle but cannot be executed
  kCommandNotFound = 127,     // the command does not exist in the bottle
};

[[nodiscard]] constexpr int to_status(ExitCode code) noexcept { return static_cast<int>(code); }

}  // namespace bottle
