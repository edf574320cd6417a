// Run by the build: compiles the token shapes for the matcher, and writes the result as a C++ file.
// Compiling them takes a second, which no start has.
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/guard/compile/byte_array.h"
#include "proxy/guard/matcher.h"
#include "proxy/guard/shapes/scanner_patterns.h"
#include "proxy/guard/shapes/token_shapes.h"

using namespace bottle;

int main(int count, char** arguments) {
  if (count != 2) return 2;
  std::ofstream out(arguments[1], std::ios::binary);
  out << "#include \"proxy/guard/shape_database.h\"\n\nnamespace bottle {\nnamespace {\n";
  std::string views;
  std::vector<MatchPattern> patterns;
  for (const auto& [name, shapes] : {std::pair{"kTokens", token_shapes()},
                                     {"kFinancial", financial_shapes()},
                                     {"kScanner", scanner_shapes()}}) {
    for (const TokenShape& shape : shapes) {
      patterns.push_back(MatchPattern{.expression = std::string(shape.pattern), .any_case = false});
    }
    const auto database = MatchDatabase::compile(patterns, MatchPlatform::Any);
    if (!database) {
      std::fprintf(stderr, "%s\n", database.error().message.c_str());
      return 1;
    }
    const std::string bytes = database->serialize();
    write_bytes(out, name, bytes);
    views += "const std::string_view " + std::string(name) + "(" + std::string(name) + "Bytes, " +
             std::to_string(bytes.size()) + ");\n";
  }
  out << "}  // namespace\n\nnamespace compiled {\n"
      << views << "}  // namespace compiled\n}  // namespace bottle\n";
  return out.flush() ? 0 : 1;
}
