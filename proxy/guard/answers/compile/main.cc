// Run by the build: compiles the patterns of answers for the matcher, and writes the result
// as a C++ file. Compiling takes a tenth of a second, which no start has.
#include <cstdio>
#include <fstream>
#include <string>

#include "proxy/guard/answers/raw_database.h"
#include "proxy/guard/compile/byte_array.h"
#include "proxy/guard/matcher.h"

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const auto database =
      bottle::MatchDatabase::compile(bottle::raw_patterns(), bottle::MatchPlatform::Any);
  if (!database) {
    std::fprintf(stderr, "%s\n", database.error().message.c_str());
    return 1;
  }
  std::ofstream out(arguments[1], std::ios::binary);
  out << "#include \"proxy/guard/answers/raw_database.h\"\n\nnamespace bottle {\nnamespace {\n";
  const std::string bytes = database->serialize();
  bottle::write_bytes(out, "kAnswerPatterns", bytes);
  out << "}  // namespace\n\nnamespace compiled {\n"
      << "const std::string_view kAnswerPatterns(kAnswerPatternsBytes, " << bytes.size()
      << ");\n}  // namespace compiled\n}  // namespace bottle\n";
  return out.flush() ? 0 : 1;
}
