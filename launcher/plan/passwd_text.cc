#include "launcher/plan/passwd_text.h"

#include <sstream>
#include <vector>

namespace bottle::launcher {

std::string passwd_text(const std::string& of_host, unsigned uid, unsigned gid) {
  std::istringstream in(of_host);
  std::string out;
  std::string name = "agent";
  std::string shell = "/bin/sh";
  for (std::string line; std::getline(in, line);) {
    // name:password:uid:gid:comment:home:shell
    std::vector<std::string> fields;
    std::istringstream parts(line);
    for (std::string field; std::getline(parts, field, ':');) fields.push_back(field);
    if (fields.size() == 7 && fields[6].ends_with("/bash") && shell == "/bin/sh") shell = fields[6];
    if (fields.size() >= 6 && fields[2] == std::to_string(uid)) {
      name = fields[0];
      continue;
    }
    out += line + "\n";
  }
  return name + ":x:" + std::to_string(uid) + ":" + std::to_string(gid) + "::/home/agent:" + shell +
         "\n" + out;
}

}  // namespace bottle::launcher
