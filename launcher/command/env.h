#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct EnvOptions {
  std::optional<std::string> id{};
  std::optional<std::string> proxy{};
  std::optional<std::string> ca{};
  std::optional<std::string> bundle{};
  std::optional<std::string> shell{};
};

// `bottle env`: lines for a shell that make the programs it starts use a proxy and trust its CA:
// one that runs by itself (--proxy, --ca), or a bottle's, as its command has them. To be evaluated:
// eval "$(bottle env --proxy URL --ca FILE)".
Expected<int> run_env(const EnvOptions& options, const Context& context);

// One line for each pair. Shells: sh (also bash and zsh), fish, csh. nullopt: another word.
std::optional<std::string> export_lines(const std::map<std::string, std::string>& variables,
                                        std::string_view shell);

}  // namespace bottle::launcher
