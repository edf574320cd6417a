#pragma once

#include <filesystem>
#include <string>

#include "launcher/plan.h"
#include "launcher/process.h"
#include "launcher/result.h"

namespace bottle::launcher {

// The bottle's proxy, ready. It dies with the launcher; stop() drains it.
struct RunningProxy {
  Child child;
  std::string fingerprint;  // of the CA, SHA-256, AA:BB:…
  Fd output;                // its stdout, kept open so that it never writes to a closed pipe
};

// Where one start's files are.
struct ProxyFiles {
  std::filesystem::path ca;      // written by the proxy
  std::filesystem::path bundle;  // written by the proxy
  std::filesystem::path log;     // its stderr
};

// Starts bottle-proxy on a socket that listens already, hands it the secrets over a pipe, and waits
// until it says that it is ready. On failure the Error carries the end of its log.
Result<RunningProxy> start_proxy(const Plan& plan, const ProxyFiles& files, const Fd& listener,
                                 const std::string& pipelock_url, SignalWatch& signals);

// One JSON line a secret, as bottle-proxy's --secrets takes them.
std::string secret_lines(const std::vector<KnownSecret>& secrets);

}  // namespace bottle::launcher
