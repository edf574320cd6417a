#include "launcher/command/allow.h"

#include <utility>

#include "launcher/command/command.h"
#include "launcher/command/host_save.h"
#include "launcher/command/ignored_secret.h"
#include "launcher/command/learned.h"
#include "launcher/command/proxy_talk.h"
#include "launcher/manifest/command_source.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/route.h"

namespace bottle::launcher {
namespace {

constexpr std::chrono::hours kLongest{24L * 30};

// "[ID] HOST".
struct HostTarget {
  std::optional<std::string> id{};
  std::string host{};
};

HostTarget target_of(const std::vector<std::string>& words) {
  if (words.size() == 1) return {.id = {}, .host = words.front()};
  return {.id = words.front(), .host = words.back()};
}

Expected<void> check_target(const std::vector<std::string>& words, const std::string& verb,
                            Expected<HostPattern> (*parse)(std::string_view)) {
  if (words.empty() || words.size() > 2) {
    return usage_error("bottle " + verb + " takes a host, and before it perhaps the bottle's id",
                       "bottle " + verb + " api.example.com");
  }
  const auto host = parse(words.back());
  if (host) return {};
  return usage_error("\"" + printable(words.back()) + "\": " + host.error().message,
                     host.error().hint);
}

Expected<void> check_fingerprint(const std::string& secret, const AllowOptions& options) {
  if (options.words.size() > 1 || options.route || options.once || options.lasts || options.save) {
    return usage_error("--secret is for the manifest, and takes one bottle or agent of it",
                       "bottle allow --secret FINGERPRINT [NAME]");
  }
  const std::string problem = problem_with_fingerprint(secret);
  if (problem.empty()) return {};
  return usage_error("--secret " + printable(secret) + ": " + problem,
                     "the refusal and `bottle logs` have the fingerprint; never write the secret "
                     "itself here");
}

Expected<void> check_learned(const AllowOptions& options) {
  if (options.words.size() > 1 || options.route || options.once || options.lasts || options.save ||
      options.secret || options.manifest) {
    return usage_error("--learned takes the id of a bottle, and no other option",
                       "bottle allow --learned [ID]");
  }
  return {};
}

Expected<void> check_length(const AllowOptions& options) {
  if (options.once && options.lasts) {
    return usage_error("--once and --for do not go together", "leave one of them out");
  }
  if (options.save && (options.once || options.lasts)) {
    return usage_error("--save is for good, and goes with neither --once nor --for",
                       "leave --save out");
  }
  if (options.lasts && !read_time(*options.lasts, kLongest)) {
    return usage_error("--for " + printable(*options.lasts) + " is not a time",
                       "write 90s, 10m, 2h or 7d; 30 days at most");
  }
  return {};
}

// Says the message to the proxy, and tells what came of it.
Expected<void> change_policy(const BottleRecord& record, const std::string& message,
                             const std::string& done, const std::string& as_before,
                             const Context& context) {
  const auto proxy = ProxyTalk::with(record, context);
  if (!proxy) return proxy.error();
  const auto answer = proxy->tell(message);
  if (!answer) return answer.error();
  const bool changed = !answer->changed.empty();
  context.err << "bottle: bottle " << record.id << (changed ? done : as_before) << "\n";
  return {};
}

}  // namespace

Expected<void> check_allow(const AllowOptions& options) {
  if (options.learned) return check_learned(options);
  if (options.secret) return check_fingerprint(*options.secret, options);
  if (options.words.empty()) {
    return usage_error("there is nothing to allow",
                       "bottle allow HOST for a host; bottle allow --secret FINGERPRINT for a "
                       "value that the guard refuses: the refusal and `bottle logs` have the "
                       "fingerprint");
  }
  if (auto checked = check_target(options.words, "allow", HostPattern::parse); !checked) {
    return checked;
  }
  if (options.manifest) {
    return usage_error("--manifest goes with --secret", "a bottle that runs is named by its id");
  }
  if (options.route && !route_by_word(*options.route)) {
    return usage_error("--route: " + no_such_route(*options.route), "");
  }
  return check_length(options);
}

Expected<int> run_allow(const AllowOptions& options, const Context& context) {
  std::optional<std::string> name;
  if (!options.words.empty()) name = options.words.front();
  if (options.learned) return save_learned(name, context);
  if (options.secret) return ignore_secret(*options.secret, name, options.manifest, context);
  const HostTarget target = target_of(options.words);
  const auto record = the_bottle(target.id, context);
  if (!record) return record.error();
  AskedAllow asked{.host = target.host, .route = options.route.value_or(""), .once = options.once};
  std::optional<HostSave> save;
  if (options.save) {
    auto prepared =
        HostSave::prepare(*record, {.host = target.host, .route = asked.route}, context);
    if (!prepared) return prepared.error();
    save = std::move(*prepared);
  }
  std::string done = " allows " + printable(target.host);
  if (options.once) done += " for one request";
  if (options.lasts) {
    const auto time = read_time(*options.lasts, kLongest);
    if (time) asked.seconds = time->count();
    done += " for " + *options.lasts;
  }
  if (!options.once && !options.lasts) done += " until it ends";
  const auto changed = change_policy(*record, allow_message(asked), done,
                                     " allows " + printable(target.host) + " already", context);
  if (!changed) return changed.error();
  if (save) {
    if (const auto saved = save->write(context); !saved) return saved.error();
  }
  return 0;
}

Expected<void> check_deny(const DenyOptions& options) {
  return check_target(options.words, "deny", HostPattern::parse_without_port);
}

Expected<int> run_deny(const DenyOptions& options, const Context& context) {
  const HostTarget target = target_of(options.words);
  const auto record = the_bottle(target.id, context);
  if (!record) return record.error();
  const auto changed =
      change_policy(*record, deny_message(target.host),
                    " refuses " + printable(target.host) + " from the next request on",
                    " refuses " + printable(target.host) + " already", context);
  if (!changed) return changed.error();
  return 0;
}

}  // namespace bottle::launcher
