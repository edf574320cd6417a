// A line of the control channel: what is refused says nothing of a value, and every answer is one
// line.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/control/control_message.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  const ParsedControl parsed = parse_control(in);
  const auto one_line = [](const std::string& line) {
    FUZZ_CHECK(line.size() > 1 && line.find('\n') == line.size() - 1);
  };
  if (parsed.error) {
    one_line(error_answer(parsed.request.id, *parsed.error));
    return 0;
  }
  using Verb = ControlRequest::Verb;
  const ControlRequest& request = parsed.request;
  if (request.verb == Verb::SetSecrets) FUZZ_CHECK(!request.secrets.empty());
  if (request.verb == Verb::AnswerAsk) FUZZ_CHECK(request.number.has_value());
  std::vector<std::string> names;
  for (const NewSecret& secret : request.secrets) names.push_back(secret.name);
  one_line(changed_answer(request.id, names));
  return 0;
}
