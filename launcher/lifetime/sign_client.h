#pragma once

#include <string>
#include <vector>

namespace bottle::launcher {

// The program that git runs in a bottle in place of ssh-keygen and gpg, if its commits are signed
// outside (plan/git_sign.h). main() calls it for a program of the name kSignProgram. `words` are
// its arguments, as git gives them; returns the exit status. Everything but signing is passed on to
// the bottle's own ssh-keygen or gpg.
int sign_client_main(const std::vector<std::string>& words);

}  // namespace bottle::launcher
