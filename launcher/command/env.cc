#include "launcher/command/env.h"

#include <filesystem>
#include <optional>

#include "launcher/lifetime/registry.h"
#include "launcher/manifest/trust_env.h"

namespace bottle::launcher {
namespace {

constexpr const char* kShells = "sh, fish or csh (sh is also for bash, zsh and dash)";

// Every shell takes '…' literally; they differ in how a quote gets in.
std::string quoted(std::string_view text, std::string_view quote, bool backslash_escapes) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += quote;
    } else if (backslash_escapes && c == '\\') {
      out += "\\\\";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string shell_of(const EnvOptions& options, const Surroundings& around) {
  if (options.shell) {
    const auto& name = *options.shell;
    if (name == "bash" || name == "zsh" || name == "dash" || name == "ksh") return "sh";
    return name == "tcsh" ? "csh" : name;
  }
  const std::string own =
      std::filesystem::path(around.variable("SHELL").value_or("sh")).filename().string();
  if (own == "fish") return own;
  return own == "csh" || own == "tcsh" ? "csh" : "sh";
}

// http://[USER:PASSWORD@]HOST:PORT[/]
std::optional<TrustSettings> settings_from(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  if (url.ends_with("/")) url.remove_suffix(1);
  TrustSettings out;
  if (const auto at = url.rfind('@'); at != std::string_view::npos) {
    out.proxy_credentials = url.substr(0, at);
    url.remove_prefix(at + 1);
  }
  const auto colon = url.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  out.proxy_host = url.substr(0, colon);
  const auto digits = url.substr(colon + 1);
  if (digits.empty() || digits.size() > 5 ||
      digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const int port = std::stoi(std::string(digits));
  const bool plain = out.proxy_host.find_first_of(" \t\"'\\/?#") == std::string::npos &&
                     out.proxy_credentials.find_first_of(" \t\"'\\/?#") == std::string::npos;
  if (port < 1 || port > 65535 || !plain) return std::nullopt;
  out.proxy_port = static_cast<std::uint16_t>(port);
  return out;
}

Expected<std::string> certificate(const std::string& name, const std::string& option,
                                  const Context& context) {
  const auto file = expand_path(name, context.around.directory, context.around.home);
  std::error_code ec;
  if (!std::filesystem::is_regular_file(file, ec)) {
    return Error{ExitCode::kUsage, option + ": " + file.string() + " is not a file",
                 "bottle-proxy writes it: --ca-out and --bundle-out"};
  }
  return file.string();
}

Expected<TrustSettings> of_standalone_proxy(const EnvOptions& options, const Context& context) {
  if (!options.proxy || !options.ca) {
    return Error{ExitCode::kUsage, "which proxy?",
                 "bottle env --proxy http://HOST:PORT --ca FILE, or bottle env ID for a bottle"};
  }
  auto settings = settings_from(*options.proxy);
  if (settings) settings->own_name.clear();
  if (!settings) {
    // It may hold a password, so it is not repeated.
    return Error{
        ExitCode::kUsage, "the value of --proxy is not the URL of a proxy",
        "it looks like http://127.0.0.1:3128 or http://USER:PASSWORD@HOST:PORT, with percent "
        "escapes for characters that a URL does not allow"};
  }
  auto ca = certificate(*options.ca, "--ca", context);
  if (!ca) return std::move(ca.error());
  settings->ca = *ca;
  // Without a bundle the CA alone is trusted: enough for whatever goes through the proxy.
  auto bundle = certificate(options.bundle.value_or(*options.ca), "--bundle", context);
  if (!bundle) return std::move(bundle.error());
  settings->bundle = *bundle;
  return std::move(*settings);
}

Expected<TrustSettings> of_bottle(const std::string& id, const Context& context) {
  auto found = find_bottle(runtime_base(context.around), id);
  if (!found) return std::move(found.error());
  auto settings = settings_from("http://" + found->proxy);
  if (!settings) {
    return Error{ExitCode::kSystem, "bottle " + found->id + " does not say where its proxy is",
                 "use the bottle command that started it"};
  }
  settings->java = found->java;
  return std::move(*settings);
}

}  // namespace

std::optional<std::string> export_lines(const std::map<std::string, std::string>& variables,
                                        std::string_view shell) {
  std::string out;
  for (const auto& [name, value] : variables) {
    if (shell == "sh") {
      out += "export " + name + "=" + quoted(value, "'\\''", false) + "\n";
    } else if (shell == "fish") {
      out += "set -gx " + name + " " + quoted(value, "\\'", true) + "\n";
    } else if (shell == "csh") {
      out += "setenv " + name + " " + quoted(value, "'\\''", false) + "\n";
    } else {
      return std::nullopt;
    }
  }
  return out;
}

Expected<int> run_env(const EnvOptions& options, const Context& context) {
  if (options.id && (options.proxy || options.ca || options.bundle)) {
    return Error{ExitCode::kUsage, "a bottle knows its own proxy and CA",
                 "bottle env ID, or bottle env --proxy URL --ca FILE"};
  }
  const auto settings =
      options.id ? of_bottle(*options.id, context) : of_standalone_proxy(options, context);
  if (!settings) return settings.error();
  const auto lines = export_lines(trust_environment(*settings), shell_of(options, context.around));
  if (!lines) {
    return Error{ExitCode::kUsage, "--shell " + *options.shell + " is not known",
                 std::string("it takes ") + kShells};
  }
  context.out << *lines;
  return 0;
}

}  // namespace bottle::launcher
