#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bottle {

// The processes of the program, by what they may still do once they have begun to serve.
enum class SandboxRole : std::uint8_t {
  Keeper,  // starts and ends the others: all that an engine may, and processes
  Signer,  // reads and writes messages at a socket
  Engine,  // sockets, threads, and files of its own
};

// The files of an engine. A path may be a directory: then all below it. One that does not exist is
// left out.
struct FileAccess {
  std::vector<std::string> read;
  std::vector<std::string> write;  // also made, renamed and removed
};

// Gives up, for this process and its children and for good, all that its role does not need: new
// privileges, system calls (seccomp; a call that only an attacker makes ends the process, any other
// that is not on the list fails with ENOSYS), and files (Landlock, where the kernel has it; not the
// keeper's, whose children need others). To be called while the process has one thread. The value:
// sentences for a person about what the system does not allow. A build with sanitizers keeps its
// calls and files, which its runtime needs.
[[nodiscard]] std::vector<std::string> enter_sandbox(SandboxRole role, const FileAccess& files);

}  // namespace bottle
