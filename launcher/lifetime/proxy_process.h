#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"
#include "proxy/contract/guard_settings.h"

namespace bottle::launcher {

// The bottle's proxy, ready. It dies with the launcher; stop() drains it.
struct RunningProxy {
  Child child;
  std::string fingerprint;  // of the CA, SHA-256, AA:BB:…
  Fd output;                // its stdout, kept open so that it never writes to a closed pipe
};

// Where one start's files are.
struct ProxyFiles {
  std::filesystem::path ca;       // written by the proxy
  std::filesystem::path bundle;   // written by the proxy
  std::filesystem::path log;      // its stderr
  std::filesystem::path control;  // where it takes commands
};

// The control socket's name in a bottle's runtime directory, whose processes share this machine.
inline constexpr const char* kControlName = "control";

// A descriptor that bottle-proxy is handed, and the option that names it ("--listen").
struct HandedSocket {
  std::string option;
  int fd = -1;
};

// Asks the bottle-proxy of this machine, if there is one, whether it accepts what the plan gives
// it. Nothing is started and no file is made. The value: its notes on what it accepts. The Error
// has its words.
Expected<std::vector<std::string>> check_with_proxy(const Plan& plan);

// Asks the pipelock that runs elsewhere, if the plan names one, from this machine. An Error of
// kScanner if nothing answers.
Expected<void> check_pipelock(const Plan& plan);

// Starts bottle-proxy on sockets that are open already, hands it the secrets over a pipe, and waits
// until it says that it is ready: its files are written then. The caller's copies of the sockets
// stay the caller's. On failure the Error carries the end of its log.
Expected<RunningProxy> start_proxy(const Plan& plan, const ProxyFiles& files,
                                   const std::vector<HandedSocket>& sockets,
                                   const std::string& pipelock_url, SignalWatch& signals);

// From "bottle-proxy ready listen=… ca_sha256=AA:BB:…". An Error of kProxy when it says something
// else.
Expected<std::string> fingerprint_in(const std::string& line);

// Of a proxy that has ended: whether it says that lines of its audit log are missing.
bool lost_audit_lines(Child& proxy);

// Writes `data` into a pipe whose reader is a process that may have died or may not read. A reader
// that is gone is no error: waiting for what it should have said tells why.
Expected<void> hand_over(const Fd& pipe, const std::string& data);

// Why bottle-proxy (or what runs it, with its status) is not ready: its statuses for wrong options
// and for files (docs/exit-codes.md) are the caller's to mend, everything else is its own failure.
// Sets the code, and adds the end of its log.
void explain_proxy_end(Child& child, const std::filesystem::path& log, Error& error);

// One JSON line a secret and one for the key, as bottle-proxy's --secrets takes them.
std::string secret_lines(const std::vector<KnownSecret>& secrets, const FingerprintKey& key);
// The same for a login that the proxy is to put in.
std::string login_line(const LoginSpec& login);
// Those of a plan, with the user's key, which is made if there is none.
Expected<std::string> secret_lines(const Plan& plan);

}  // namespace bottle::launcher
