#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "proxy/guard/secret_scanner.h"

// Feeds every file below the directories to the guard as the body of a request, and prints what it
// would refuse, each with the file and the place, and in sum for each name and 100 MB. The
// corpus of bench/guard/benign_corpus.py has no secret of anybody's, so each line is a refusal too
// many, or a key that was made to be published (tests of TLS libraries have many).
namespace bottle {
namespace {

constexpr std::size_t kChunk = 64 * 1024;

struct Totals {
  std::map<std::string, std::size_t> hits;
  std::uint64_t bytes = 0;
};

// A scanner stays at its first hit; a new one goes on behind it, for at most so many a file.
constexpr int kMostHits = 50;

void scan(const std::filesystem::path& path, const SecretSet& set, ScanSpace& space,
          Totals& totals) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  totals.bytes += text.size();
  std::string_view rest = text;
  for (int i = 0; i < kMostHits && !rest.empty(); ++i) {
    SecretScanner scanner(set, space, "files.invalid", Scheme::Https);
    std::optional<Finding> hit;
    std::size_t fed = 0;
    while (fed < rest.size() && !hit) {
      const std::string_view chunk = rest.substr(fed, kChunk);
      hit = scanner.feed(chunk).refused;
      fed += chunk.size();
    }
    if (!hit) hit = scanner.finish();
    if (!hit) return;
    ++totals.hits[hit->name];
    std::cout << hit->name << "\t" << path.string() << "\n";
    rest.remove_prefix(fed);
  }
}

int run(int count, char** directories) {
  auto set = SecretSet::make({});
  if (!set) {
    std::cerr << set.error().message << "\n";
    return 2;
  }
  ScanSpace space(**set);
  Totals totals;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directories[i])) {
      if (entry.is_regular_file() && !entry.is_symlink()) scan(entry.path(), **set, space, totals);
    }
  }
  const double hundreds = static_cast<double>(totals.bytes) / 1e8;
  std::cerr << static_cast<double>(totals.bytes) / 1e6 << " MB\n";
  for (const auto& [name, hits] : totals.hits) {
    std::cerr << name << ": " << hits << ", in 100 MB " << static_cast<double>(hits) / hundreds
              << "\n";
  }
  return 0;
}

}  // namespace
}  // namespace bottle

int main(int count, char** arguments) { return bottle::run(count, arguments); }
