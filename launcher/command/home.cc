#include "launcher/command/home.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "launcher/command/command.h"
#include "launcher/lifetime/kept_home.h"
#include "launcher/manifest/manifest.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using Colour = Style::Colour;
using Homes = std::vector<KnownHome>;

constexpr std::chrono::milliseconds kMeasuring{1000};  // of all homes of a list together

std::string verb_of(const HomeOptions& options) {
  return options.words.empty() ? "list" : options.words.front();
}

std::vector<std::string> names_of(const HomeOptions& options) {
  if (options.words.empty()) return {};
  return {options.words.begin() + 1, options.words.end()};
}

std::string listed(const Homes& homes) {
  std::string out;
  for (const auto& one : homes) out += (out.empty() ? "" : ", ") + one.name;
  return out.empty() ? "no home is kept" : "kept homes: " + out;
}

Expected<KnownHome> home_named(const Homes& homes, const std::string& name) {
  Homes matches;
  for (const auto& one : homes) {
    if (one.name == name) return one;
    if (one.name.starts_with(name)) matches.push_back(one);
  }
  if (matches.size() == 1) return matches.front();
  return usage_error(matches.empty() ? "no kept home has the name \"" + printable(name) + "\""
                                     : "\"" + printable(name) + "\" could be more than one home",
                     listed(matches.empty() ? homes : matches));
}

// The project's own, as a start in this folder finds it.
Expected<KnownHome> home_here(const Homes& homes, const Context& context) {
  const auto manifest = find_manifest(context.around.directory, context.around.home);
  std::error_code ec;
  const auto project = manifest ? fs::weakly_canonical(*manifest, ec).parent_path()
                                : fs::weakly_canonical(context.around.directory, ec);
  Homes matches;
  std::copy_if(homes.begin(), homes.end(), std::back_inserter(matches),
               [&project](const KnownHome& one) { return one.project == project; });
  if (matches.size() == 1) return matches.front();
  if (matches.empty()) {
    return usage_error("no home is kept for " + project.string(),
                       listed(homes) + "; \"home\": \"kept\" in a manifest keeps one");
  }
  return usage_error("which home? " + project.string() + " has bottles with different homes",
                     listed(matches));
}

struct Measured {
  const KnownHome& home;
  TreeSize size;
};

std::vector<Measured> measured(const Homes& homes) {
  const auto until = std::chrono::steady_clock::now() + kMeasuring;
  std::vector<Measured> out;
  for (const auto& one : homes) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    out.push_back({one, size_of_tree(one.home(), std::max(left, std::chrono::milliseconds(1)))});
  }
  return out;
}

void print_json(const Homes& homes, std::ostream& out) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& [one, size] : measured(homes)) {
    json.push_back({{"name", one.name},
                    {"path", one.home().string()},
                    {"project", one.project.string()},
                    {"bottle", one.bottle},
                    {"used_by", one.user},
                    {"used", one.used},
                    {"bytes", size.bytes},
                    {"whole", size.whole}});
  }
  out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void print_table(const Homes& homes, const Context& context) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  std::vector<std::array<std::string, 4>> rows{{"NAME", "SIZE", "USED", "PROJECT"}};
  for (const auto& [one, size] : measured(homes)) {
    const std::string used =
        one.user.empty() ? duration_words(now - one.used) + " ago" : "by " + printable(one.user);
    rows.push_back({one.name, size_words(size), used, printable(one.project.string())});
  }
  std::array<std::size_t, 4> width{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      line += rows[r][i];
      if (i + 1 < rows[r].size()) line += std::string(width[i] - rows[r][i].size() + 2, ' ');
    }
    context.out << (r == 0 ? context.style.in(Colour::kFaint, line) : line) << "\n";
  }
}

}  // namespace

Expected<void> check_home(const HomeOptions& options) {
  const std::string verb = verb_of(options);
  constexpr std::array<std::string_view, 3> kVerbs{"list", "path", "rm"};
  if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end()) {
    return usage_error("bottle home has no \"" + printable(verb) + "\"",
                       "bottle home list, bottle home path [NAME], bottle home rm [NAME...]");
  }
  const auto names = names_of(options).size();
  if (names > 1 && verb == "path") {
    return usage_error("bottle home path takes one name", "bottle home list shows all");
  }
  if (verb == "list" && names > 0) {
    return usage_error("bottle home list takes no name", "bottle home path NAME prints one");
  }
  if (options.json && verb != "list") {
    return usage_error("--json is for the list", "bottle home --json");
  }
  return {};
}

Expected<int> run_home(const HomeOptions& options, const Context& context) {
  context.reap();
  const auto base = state_base(context.around);
  if (!base) return base.error();
  const auto homes = known_homes(*base);
  if (verb_of(options) == "list") {
    if (options.json) {
      print_json(homes, context.out);
    } else {
      print_table(homes, context);
    }
    return 0;
  }
  Homes wanted;
  const auto names = names_of(options);
  for (const auto& name : names) {
    auto found = home_named(homes, name);
    if (!found) return std::move(found.error());
    wanted.push_back(std::move(*found));
  }
  if (names.empty()) {
    auto found = home_here(homes, context);
    if (!found) return std::move(found.error());
    wanted.push_back(std::move(*found));
  }
  for (const auto& one : wanted) {
    if (verb_of(options) == "path") {
      context.out << one.home().string() << "\n";
      continue;
    }
    if (auto removed = remove_home(one); !removed) return std::move(removed.error());
    context.out << one.name << "\n";
  }
  return 0;
}

}  // namespace bottle::launcher
