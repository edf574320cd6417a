#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/lifetime/runtime_dir.h"
#include "launcher/plan/plan.h"
#include "launcher/process/desktop.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Signs the commits and tags of a bottle's git (plan/git_sign.h), one after the other, in a process
// of its own. It has the person's key, or their agent, in reach; the bottle has its socket.
//
// A client says the object and ends its side. The answer is "signed" and a signature, or "refused"
// and why, with a line end behind the first word.

inline constexpr std::string_view kSigned = "signed\n";
inline constexpr std::string_view kRefused = "refused\n";
inline constexpr std::size_t kMaxSignature = 64 * 1024;
// For a person who is asked for a passphrase or touches a key.
inline constexpr std::chrono::seconds kSignLimit{120};
// A list of signed objects that is longer takes no more: nothing is signed then.
inline constexpr std::size_t kMaxSignatureLog = 4 * 1024 * 1024;
// Bytes of a name, a person or a subject in that list; the rest of it is left out.
inline constexpr std::size_t kMaxListedText = 200;
// In the directory that stays of a bottle: a JSON line for each request.
inline constexpr const char* kSignatureLog = "signatures.jsonl";

class GitSigner {
 public:
  // Makes the socket, before the bottle's files are mounted. `state` is where the list stays. Both
  // outlive the signer, as the plan does. Nothing signs yet.
  static Expected<GitSigner> open(const Plan& plan, const RuntimeDir& runtime,
                                  std::filesystem::path state);
  GitSigner(GitSigner&&) = default;

  // Starts the process, once. It ends with this object, and with the launcher.
  Expected<void> start();
  // Lines about the signatures, for the end of the bottle. Empty: nothing was asked for.
  std::string report() const;

 private:
  GitSigner(const SignPlan& plan, Fd socket, std::filesystem::path work,
            std::filesystem::path state, bool tells)
      : plan_(plan),
        socket_(std::move(socket)),
        work_(std::move(work)),
        state_(std::move(state)),
        tells_(tells) {}
  [[noreturn]] void serve();
  void answer(const Fd& client);
  void tell(const std::string& words);

  SignPlan plan_;
  Fd socket_;
  std::filesystem::path work_;        // the bottle cannot see it
  std::filesystem::path state_;       // where the list is
  bool tells_;                        // each on standard error, which no command's screen uses
  std::optional<Desktop> desktop_{};  // shows some of them, unless the start is quiet
  std::chrono::steady_clock::time_point notified_{};
  Child child_{};
};

// The signature of `object` by the person's program, or why there is none. Its files are in `work`,
// and removed.
Expected<std::string> signature_of(const SignPlan& plan, std::string_view object,
                                   const std::filesystem::path& work,
                                   std::chrono::milliseconds limit = kSignLimit);

}  // namespace bottle::launcher
