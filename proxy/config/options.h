#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/config/config.h"

namespace bottle {

// One option: the same word on the command line ("--ca-out FILE") and in the configuration file
// ("ca-out": "FILE"; a list where it may be given more than once).
struct OptionRow {
  std::string_view name;
  std::string_view value;  // the value's name in --help; empty: a switch, "true" or "false"
  bool repeatable;
  std::string_view help;
  Expected<void> (*set)(Config& config, const std::string& value);
  [[nodiscard]] bool is_switch() const noexcept { return value.empty(); }
};
[[nodiscard]] std::span<const OptionRow> option_rows();

// One limit: "--limit NAME=NUMBER", or "limits": {"NAME": NUMBER} in the file. Times are in
// milliseconds and end in "_ms", sizes are bytes.
struct LimitRow {
  std::string_view name;
  std::uint64_t least;
  std::uint64_t most;
  std::uint64_t (*get)(const Config& config);
  void (*set)(Config& config, std::uint64_t value);
};
[[nodiscard]] std::span<const LimitRow> limit_rows();
[[nodiscard]] Expected<void> set_limit(Config& config, std::string_view name, std::uint64_t value);

}  // namespace bottle
