#pragma once

#include <cstdint>

namespace bottle::launcher {

// The exit codes of `bottle` itself. The status of the command that ran in the bottle passes
// through unchanged (128+n when signal n ended it), so these numbers start where sysexits(3)
// starts: few programs use them. docs/exit-codes.md is the page for people.
enum class ExitCode : std::uint8_t {
  kOk = 0,
  kDemoFailed = 1,    // `bottle start demo`: something that it shows did not happen
  kUsage = 64,        // the command line is wrong, or names what does not exist
  kManifest = 65,     // the manifest cannot be read or is not valid
  kEnvironment = 66,  // a value of the bottle's environment cannot be had
  kCheckFailed = 67,  // `bottle doctor`: something is not as it should be
  kNotYet = 68,       // a reserved word: the feature has not been built
  kIsolation = 69,    // the kernel or a missing program (bwrap) forbids the isolation
  kProxy = 70,        // bottle-proxy is missing, did not become ready, or ended unexpectedly
  kScanner = 71,      // pipelock is missing, did not become ready, or ended unexpectedly
  kSystem = 72,       // a system call or a file of the launcher's own failed
  kEngine = 73,       // the container engine is missing, or did not do what it was told
  kCommandNotRunnable = 126,  // the command exists in the bottle but cannot be executed
  kCommandNotFound = 127,     // the command does not exist in the bottle
};

}  // namespace bottle::launcher
