#include "launcher/command/proxy_talk.h"

#include <algorithm>
#include <utility>

#include "launcher/command/command.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {

Expected<BottleRecord> the_bottle(const std::optional<std::string>& id, const Context& context) {
  const auto base = runtime_base(context.around);
  if (id) return find_bottle(base, *id);
  auto living = living_bottles(base);
  if (living.size() == 1) return std::move(living.front());
  if (living.empty()) return usage_error("no bottle is running", "bottle start starts one");
  return usage_error("which bottle? There are " + std::to_string(living.size()),
                     "bottle list shows the ids");
}

Expected<ProxyTalk> ProxyTalk::with(const BottleRecord& record, const Context& context) {
  const auto found =
      std::find_if(context.backends.begin(), context.backends.end(),
                   [&record](const BackendEntry& one) { return one.name == record.backend; });
  if (found == context.backends.end()) {
    return Error{ExitCode::kIsolation,
                 "this bottle command does not know the backend " + record.backend,
                 "use the bottle command that started the bottle"};
  }
  return ProxyTalk(record, runtime_base(context.around) / record.id, found->control());
}

Expected<std::string> ProxyTalk::line(const std::string& message) const {
  return control_->tell_proxy(record_, runtime_, message);
}

Expected<ControlAnswer> ProxyTalk::tell(const std::string& message) const {
  const auto answer = line(message);
  if (!answer) return answer.error();
  return read_control_answer(*answer);
}

}  // namespace bottle::launcher
