#pragma once

#include <string>

namespace bottle::launcher {

// /etc/passwd of the bottle: the system's own, with this user's home moved to /home/agent. The
// user's shell, by which agents run commands, is bash if some user of the system has that.
std::string passwd_text(const std::string& of_host, unsigned uid, unsigned gid);

}  // namespace bottle::launcher
