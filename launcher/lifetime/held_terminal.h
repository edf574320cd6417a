#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The terminal of a bottle that runs detached: a process of its own holds it, keeps its output, and
// gives it to `bottle attach`. The bottle's launcher has the other side as its standard streams;
// when the holder is killed, the kernel tells the launcher by SIGHUP.

// Messages of `bottle attach` and the holder over the socket kAttachName in the bottle's directory
// (SOCK_SEQPACKET), of at most kMaxAttachMessage bytes. The first byte is the kind:
inline constexpr std::size_t kMaxAttachMessage = 16 * 1024;
inline constexpr const char* kAttachName = "attach";
namespace attach_word {
// To the holder. Each attachment begins with kHello or kTake, and a size like that of kSize.
inline constexpr char kHello = 'h';
inline constexpr char kTake = 't';   // the same, and the attachment that there is ends
inline constexpr char kSize = 's';   // "ROWS COLUMNS"
inline constexpr char kInput = 'i';  // keys of the person
// From the holder:
inline constexpr char kOutput = 'o';
inline constexpr char kBusy = 'b';   // another attachment has the terminal
inline constexpr char kTaken = 'g';  // another attachment took it
inline constexpr char kEnded = 'e';  // "STATUS": the launcher's exit status
}  // namespace attach_word

// A socket connected to the holder, or bound for it: the path may be longer than a socket's can be.
// Empty: errno.
Fd connect_attach(const std::filesystem::path& runtime);

// The most output that is shown again to a new attachment, and that a log has (there are two: the
// file and the one before it).
inline constexpr std::size_t kShownAgain = 128 * 1024;
inline constexpr std::size_t kMaxOutputLog = 1024 * 1024;
inline constexpr const char* kOutputLog = "output.log";  // in the directory of the bottle's logs

// The processes of `bottle start --detach`. start() comes before anything is secret here.
class Detachment {
 public:
  // Starts the holder. The size of the caller's terminal, if there is one, is that of the new one.
  static Expected<Detachment> start();
  Detachment(Detachment&&) = default;
  Detachment& operator=(Detachment&&) = delete;

  // Forks: the child is to be the launcher, in a session of its own with the new terminal as its
  // standard input and output. Its errors go to the holder, which passes them on to the caller as
  // long as that waits. Nothing of the caller's stays open in it. True in the child.
  Expected<bool> split();

  // In the launcher. The bottle runs: from now on errors appear on the new terminal. False: the
  // caller is gone, and does not know of the bottle.
  bool running(const std::string& id, const std::filesystem::path& runtime,
               const std::filesystem::path& state);
  // The launcher is about to end with this status.
  void ended(int status);

  // In the caller: waits for the launcher. The id of the bottle that runs, or the status with which
  // the start failed; then the launcher has said why.
  struct Start {
    std::string id{};
    int status = 0;
  };
  Start wait();

 private:
  Detachment() = default;
  Fd slave_{};
  Fd socket_{};  // where attachments arrive, not yet bound
  Fd to_holder_{};
  Fd errors_{};       // of the launcher, to the holder
  Pipe report_{};     // from the launcher to the caller
  Fd from_holder_{};  // the launcher's errors, for the caller
};

}  // namespace bottle::launcher
