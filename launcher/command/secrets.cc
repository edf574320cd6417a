#include "launcher/command/secrets.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "launcher/command/command.h"
#include "launcher/command/proxy_talk.h"
#include "launcher/lifetime/control_talk.h"
#include "launcher/lifetime/registry.h"
#include "launcher/plan/host_path.h"
#include "launcher/plan/resolved_env.h"

namespace bottle::launcher {
namespace {

constexpr std::string_view kList = "list";
constexpr std::string_view kReload = "reload";

struct Asked {
  bool reload = false;
  std::optional<std::string> id{};
  std::vector<std::string> names{};
};

Asked asked_by(const std::vector<std::string>& words) {
  Asked out;
  auto rest = words.begin();
  if (rest != words.end() && (*rest == kList || *rest == kReload)) {
    out.reload = *rest == kReload;
    ++rest;
  }
  if (rest != words.end()) out.id = *rest++;
  out.names.assign(rest, words.end());
  return out;
}

const SecretSource* source_of(const BottleRecord& record, const std::string& name) {
  const auto found = std::find_if(record.sources.begin(), record.sources.end(),
                                  [&name](const SecretSource& one) { return one.name == name; });
  return found == record.sources.end() ? nullptr : &*found;
}

std::string since_words(const ListedSecret& secret, std::int64_t now) {
  if (!secret.since) return "start";
  return duration_words(std::max<std::int64_t>(now - *secret.since, 0)) + " ago";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

void print_json(const BottleRecord& record, const std::vector<ListedSecret>& secrets,
                std::ostream& out) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& one : secrets) {
    nlohmann::ordered_json item{{"name", one.name}, {"kept_out", one.kept_out}};
    if (const auto* source = source_of(record, one.name)) {
      item["source"] = source_word(source->source);
      if (source->ttl.count() > 0) item["ttl_seconds"] = source->ttl.count();
    }
    item["hosts"] = one.hosts;
    item["old_values"] = one.former;
    if (one.since) item["since"] = *one.since;
    if (!one.trouble.empty()) item["trouble"] = one.trouble;
    json.push_back(std::move(item));
  }
  out << json.dump(2) << "\n";
}

void print_table(const BottleRecord& record, const std::vector<ListedSecret>& secrets,
                 std::ostream& out) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  std::vector<std::array<std::string, 5>> rows{{"NAME", "AGENT HAS", "FROM", "VALUE OF", "HOSTS"}};
  for (const auto& one : secrets) {
    const auto* const source = source_of(record, one.name);
    rows.push_back({printable(one.name), one.kept_out ? "placeholder" : "value",
                    source == nullptr ? "-" : std::string(source_word(source->source)),
                    since_words(one, now), printable(joined(one.hosts))});
  }
  std::array<std::size_t, 5> width{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      out << row[i] << (last ? "\n" : std::string(width[i] - row[i].size() + 2, ' '));
    }
  }
  for (const auto& one : secrets) {
    if (one.trouble.empty()) continue;
    out << printable(one.name) << " could not be renewed: " << printable(one.trouble, 600) << "\n";
  }
}

// Those that are to get new values: the ones that were named, else all that can without a person.
Expected<std::vector<SecretSource>> wanted_sources(const BottleRecord& record, const Asked& asked,
                                                   const EnvSources& sources, std::ostream& err) {
  std::vector<SecretSource> out;
  for (const auto& name : asked.names) {
    const auto* const source = source_of(record, name);
    if (source == nullptr) {
      return usage_error(name + " is not kept out of bottle " + record.id,
                         "bottle secrets " + record.id + " lists those that are");
    }
    out.push_back(*source);
  }
  if (!asked.names.empty()) return out;
  for (const auto& source : record.sources) {
    const bool unset = source.source == EnvValue::Source::kFromHost && !sources.host(source.name);
    if (unset) {
      err << "bottle: " << source.name << " is not set in this environment and stays as it is\n";
    } else if (source.source == EnvValue::Source::kPrompt) {
      err << "bottle: " << source.name << " stays as it is; to be asked for it: bottle secrets "
          << "reload " << record.id << " " << source.name << "\n";
    } else {
      out.push_back(source);
    }
  }
  return out;
}

Expected<int> reload(const BottleRecord& record, const Asked& asked, const ProxyTalk& proxy,
                     const Context& context) {
  BottleSpec agents;
  agents.workspace = record.workspace;
  agents.around = context.around;
  use_host_path(
      host_path(context.around.variable("PATH").value_or(""), folders_of_agents(agents)).path);
  const EnvSources sources = host_sources(context.around.directory, context.around.home);
  const auto wanted = wanted_sources(record, asked, sources, context.err);
  if (!wanted) return wanted.error();
  if (wanted->empty()) {
    context.err << "bottle: nothing to reload\n";
    return 0;
  }
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& source : *wanted) {
    auto value = newer_value(source, sources);
    if (!value) return std::move(value.error());
    values.emplace_back(source.name, std::move(*value));
  }
  const auto answer = proxy.tell(set_secrets_message(values));
  if (!answer) return answer.error();
  for (const auto& [name, value] : values) {
    const bool changed =
        std::find(answer->changed.begin(), answer->changed.end(), name) != answer->changed.end();
    context.out << name << (changed ? ": new value\n" : ": the same value as before\n");
  }
  return 0;
}

}  // namespace

Expected<void> check_secrets(const SecretsOptions& options) {
  const Asked asked = asked_by(options.words);
  if (!asked.reload && !asked.names.empty()) {
    return usage_error("bottle secrets takes one id", "bottle secrets reload ID NAME for one name");
  }
  if (asked.reload && options.json) {
    return usage_error("--json is for the list", "bottle secrets --json ID");
  }
  return {};
}

Expected<int> run_secrets(const SecretsOptions& options, const Context& context) {
  const Asked asked = asked_by(options.words);
  const auto record = the_bottle(asked.id, context);
  if (!record) return record.error();
  const auto proxy = ProxyTalk::with(*record, context);
  if (!proxy) return proxy.error();
  if (asked.reload) return reload(*record, asked, *proxy, context);
  const auto answer = proxy->tell(list_secrets_message());
  if (!answer) return answer.error();
  if (options.json) {
    print_json(*record, answer->secrets, context.out);
  } else if (answer->secrets.empty()) {
    context.err << "bottle: no secret is guarded by name in bottle " << record->id << "\n";
  } else {
    print_table(*record, answer->secrets, context.out);
  }
  return 0;
}

}  // namespace bottle::launcher
