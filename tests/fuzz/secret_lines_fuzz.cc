// The lines by which the launcher hands secrets over, and its JSON with comments: no error has a
// part of a line in it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/config/secrets_file.h"
#include "proxy/contract/json_tree.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  const auto secrets = parse_secret_lines(in);
  if (!secrets) {
    // "SECRETVALUE" stands for a value in the corpus.
    FUZZ_CHECK(secrets.error().message.find("SECRETVALUE") == std::string::npos);
  } else {
    for (const SecretSpec& secret : secrets->values) FUZZ_CHECK(!secret.name.empty());
  }
  const auto tree = parse_json(in, "file");
  if (!tree) FUZZ_CHECK(tree.error().message.starts_with("file:"));
  return 0;
}
