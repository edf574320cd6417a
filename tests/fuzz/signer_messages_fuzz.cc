// The messages between the engine and the signer: whatever is read writes itself again, byte by
// byte.
#include <cstddef>
#include <cstdint>
#include <string>

#include "certs/signer_messages.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  if (const auto request = read_signer_request(message)) {
    FUZZ_CHECK(size == kSignerRequestBytes && request->name.size() <= kMostNameBytes);
    FUZZ_CHECK(encode(*request) == message);
  }
  if (const auto answer = read_signer_answer(message)) {
    FUZZ_CHECK(size == kSignerAnswerBytes && answer->leaf.size() <= kMostLeafBytes);
    FUZZ_CHECK(encode(*answer) == message);
  }
  // An input of any size stands for a message: libFuzzer seldom finds the right one.
  std::string padded(message.substr(0, kSignerRequestBytes));
  padded.resize(kSignerRequestBytes, '\0');
  const auto request = read_signer_request(padded);
  if (request) FUZZ_CHECK(encode(*request) == padded);
  padded = message.substr(0, kSignerAnswerBytes);
  padded.resize(kSignerAnswerBytes, '\0');
  const auto answer = read_signer_answer(padded);
  if (answer) FUZZ_CHECK(encode(*answer) == padded);
  return 0;
}
