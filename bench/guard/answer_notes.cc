// Looks at every file below the directories as the answer of a host under `note`, and prints those
// in which something is found, with its classes, and the share of all:
//   answer_notes DIRECTORY...
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "proxy/guard/answers/answer_scanner.h"

namespace bottle {
namespace {

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html") || name.ends_with(".htm")) return "text/html";
  return name.ends_with(".json") ? "application/json" : "text/plain";
}

// The classes that are found, in a row.
std::string notes_on(const AnswerSet& set, AnswerSpace& space, const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  AnswerScanner scanner(set, space, type_of(path.native()));
  (void)scanner.feed(text);
  (void)scanner.finish();
  std::string notes;
  for (const Finding& finding : scanner.findings()) notes += " " + finding.name;
  return notes;
}

int run(int count, char** directories) {
  const auto set = AnswerSet::make();
  if (!set) {
    std::fprintf(stderr, "%s\n", set.error().message.c_str());
    return 2;
  }
  AnswerSpace space(**set);
  std::size_t pages = 0;
  std::size_t noted = 0;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directories[i])) {
      if (!entry.is_regular_file()) continue;
      ++pages;
      const std::string notes = notes_on(**set, space, entry.path());
      if (notes.empty()) continue;
      ++noted;
      std::printf("%s:%s\n", entry.path().c_str(), notes.c_str());
    }
  }
  if (pages == 0) {
    std::fprintf(stderr, "no pages\n");
    return 2;
  }
  std::printf("%zu of %zu pages noted: %.2f %%\n", noted, pages,
              100.0 * static_cast<double>(noted) / static_cast<double>(pages));
  return 0;
}

}  // namespace
}  // namespace bottle

int main(int count, char** arguments) { return bottle::run(count, arguments); }
