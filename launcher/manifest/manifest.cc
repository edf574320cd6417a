#include "launcher/manifest/manifest.h"

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "launcher/manifest/command_source.h"
#include "launcher/manifest/keep_out_entry.h"
#include "launcher/manifest/manifest_examples.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/limit_text.h"
#include "proxy/contract/nearest_word.h"
#include "proxy/contract/route.h"
#include "proxy/contract/route_place.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kMaxEntries = 256;  // of any one list or map in a manifest

std::string join(std::span<const std::string_view> words) {
  std::string out;
  for (const auto word : words) out.append(out.empty() ? "" : ", ").append(word);
  return out;
}

// Reads a tree into the Manifest. One error ends it: each function returns false once failed()
// is set, so the first complaint in the text's order is the one reported.
class Reader {
 public:
  Reader(const std::string& file, Manifest& out) : file_(file), out_(out) {}

  bool read(const JsonNode& root) {
    static constexpr std::array<std::string_view, 2> kKeys{"bottles", "agents"};
    if (!object(root, "the manifest", kKeys)) return false;
    for (const auto& member : root.members) {
      const bool ok = member.name == "bottles" ? bottles(member.value) : agents(member.value);
      if (!ok) return false;
    }
    return names_exist();
  }

  std::optional<Error>& failed() { return failed_; }

 private:
  bool fail(TextPosition place, const std::string& what, std::string hint = {}) {
    if (!failed_) failed_ = error_at(file_, place, what, std::move(hint));
    return false;
  }

  bool passes(std::optional<Error> error) {
    if (error && !failed_) failed_ = std::move(error);
    return !failed_;
  }

  bool is(const JsonNode& node, JsonNode::Kind kind, const std::string& key) {
    if (node.kind == kind) return true;
    return fail(node.place,
                "\"" + key + "\" must be " + std::string(kind_name(kind)) + ", but this is " +
                    std::string(kind_name(node.kind)),
                example_of(key));
  }

  bool bounded(std::size_t size, TextPosition place, const std::string& key) {
    if (size <= kMaxEntries) return true;
    return fail(place, "\"" + key + "\" has more than " + std::to_string(kMaxEntries) + " entries");
  }

  bool object(const JsonNode& node, const std::string& key,
              std::span<const std::string_view> allowed) {
    if (!is(node, JsonNode::Kind::kObject, key)) return false;
    for (const auto& member : node.members) {
      if (std::find(allowed.begin(), allowed.end(), member.name) != allowed.end()) continue;
      return fail(member.place, "unknown key \"" + member.name + "\" in \"" + key + "\"",
                  did_you_mean(member.name, allowed) + "allowed here: " + join(allowed));
    }
    return true;
  }

  // An object whose names are the user's own.
  bool map(const JsonNode& node, const std::string& key,
           const std::function<bool(const JsonMember&)>& each) {
    if (!is(node, JsonNode::Kind::kObject, key)) return false;
    if (!bounded(node.members.size(), node.place, key)) return false;
    return std::all_of(node.members.begin(), node.members.end(), each);
  }

  bool string(const JsonNode& node, const std::string& key, std::string& out) {
    if (!is(node, JsonNode::Kind::kString, key)) return false;
    if (node.text.empty()) {
      return fail(node.place, "\"" + key + "\" must not be empty", example_of(key));
    }
    if (node.text.find('\0') != std::string::npos) {
      return fail(node.place, "\"" + key + "\" must not contain a NUL character");
    }
    out = node.text;
    return true;
  }

  bool string(const JsonNode& node, const std::string& key, std::optional<std::string>& out) {
    std::string text;
    if (!string(node, key, text)) return false;
    out = std::move(text);
    return true;
  }

  bool strings(const JsonNode& node, const std::string& key, std::vector<std::string>& out) {
    if (!is(node, JsonNode::Kind::kArray, key)) return false;
    if (!bounded(node.items.size(), node.place, key)) return false;
    for (const auto& item : node.items) {
      std::string text;
      if (!string(item, key, text)) return false;
      out.push_back(std::move(text));
    }
    return true;
  }

  using ParseHost = Expected<HostPattern> (*)(std::string_view);

  bool hosts(const JsonNode& node, const std::string& key, std::vector<std::string>& out,
             ParseHost parse) {
    if (!strings(node, key, out)) return false;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto parsed = parse(out[i]);
      if (!parsed) return bad_host(node.items[i].place, out[i], parsed.error());
    }
    return true;
  }

  bool bad_host(TextPosition place, const std::string& host, const Error& error) {
    return fail(place, "\"" + host + "\" is not allowed here: " + error.message, error.hint);
  }

  bool bottles(const JsonNode& node) {
    return map(node, "bottles", [this](const JsonMember& member) {
      if (!name(member)) return false;
      BottleEntry entry{.place = member.place};
      if (!bottle(member.value, member.name, entry)) return false;
      out_.bottles.emplace(member.name, std::move(entry));
      return true;
    });
  }

  bool bottle(const JsonNode& node, const std::string& name, BottleEntry& out) {
    static constexpr std::array<std::string_view, 18> kKeys{
        "image",    "workspace", "home",  "backend",     "egress",    "scanner",
        "pipelock", "guard",     "ask",   "ask_command", "limits",    "login",
        "env",      "mounts",    "ports", "protect",     "unprotect", "git"};
    if (!object(node, name, kKeys)) return false;
    for (const auto& [key, place, value] : node.members) {
      bool ok = true;
      if (key == "image") ok = string(value, key, out.image);
      if (key == "workspace") ok = string(value, key, out.workspace);
      if (key == "backend") ok = string(value, key, out.backend);
      if (key == "pipelock") ok = string(value, key, out.pipelock);
      if (key == "scanner") {
        ok = choice(value, key, scanner_by_name, "pipelock, guard", out.scanner);
      }
      if (key == "home") ok = choice(value, key, home_by_name, "private, kept", out.home);
      if (key == "egress") ok = egress(value, out);
      if (key == "guard") ok = passes(read_guard(value, file_, out.guard));
      if (key.starts_with("ask")) ok = passes(read_ask(value, file_, key, out.ask));
      if (key == "limits") ok = limits(value, out);
      if (key == "login") ok = logins(value, out);
      if (key == "env") ok = env(value, out);
      if (key == "mounts") ok = mounts(value, out);
      if (key == "git") ok = git(value, out);
      if (key == "ports") ok = passes(read_ports(value, file_, out.ports));
      if (key.ends_with("protect")) ok = passes(read_protect(value, file_, key, out.protect));
      if (!ok) return false;
    }
    return true;
  }

  // One of the words in `allowed`.
  template <class T>
  bool choice(const JsonNode& node, const std::string& key,
              std::optional<T> (*by_name)(std::string_view), const char* allowed,
              std::optional<T>& out) {
    std::string word;
    if (!string(node, key, word)) return false;
    out = by_name(word);
    if (out) return true;
    return fail(node.place, "unknown " + key + " \"" + word + "\"",
                std::string("allowed here: ") + allowed);
  }

  bool egress(const JsonNode& node, BottleEntry& out) {
    static constexpr std::array<std::string_view, 6> kKeys{"allow",  "allow_addresses", "routes",
                                                           "parent", "methods",         "tls"};
    if (!object(node, "egress", kKeys)) return false;
    for (const auto& [key, place, value] : node.members) {
      bool ok = key != "allow" || hosts(value, key, out.allow, HostPattern::parse);
      if (key == "allow_addresses") ok = strings(value, key, out.allow_addresses);
      if (key == "routes") ok = routes(value, out);
      if (key == "parent") ok = passes(read_parent(value, file_, out.parent));
      if (key == "methods" || key == "tls")
        ok = passes(read_origins(value, file_, key, out.origins));
      if (!ok) return false;
    }
    return true;
  }

  bool routes(const JsonNode& node, BottleEntry& out) {
    return map(node, "routes", [this, &out](const JsonMember& member) {
      const auto place = RoutePlace::parse(member.name);
      if (!place) return bad_host(member.place, member.name, place.error());
      std::string route;
      if (!string(member.value, member.name, route)) return false;
      const auto known = route_by_word(route);
      if (!known) {
        return fail(member.value.place, "\"" + member.name + "\": " + no_such_route(route));
      }
      if (place->has_path() && row_of(*known).whole_host) {
        return fail(member.value.place, "\"" + member.name + "\": the route " + route +
                                            " is for a whole host; leave the path out");
      }
      out.routes.emplace(member.name, std::move(route));
      return true;
    });
  }

  bool limits(const JsonNode& node, BottleEntry& out) {
    return map(node, "limits", [this, &out](const JsonMember& member) {
      if (is_resource(member.name)) {
        const auto wrong = set_resource(member.name, member.value, out.resources);
        return wrong.empty() || fail(member.value.place, wrong, example_of(member.name));
      }
      if (!is(member.value, JsonNode::Kind::kNumber, member.name)) return false;
      const std::string problem = problem_with_limit(member.name, member.value.text);
      if (!problem.empty()) {
        return fail(member.place, "\"" + member.name + "\" is no limit: " + problem,
                    "docs/limits.md has them: " + std::string(R"("write_stall_ms": 600000)"));
      }
      out.limits.emplace(member.name, member.value.text);
      return true;
    });
  }

  bool git(const JsonNode& node, BottleEntry& out) {
    static constexpr std::array<std::string_view, 1> kKeys{"sign"};
    if (!object(node, "git", kKeys)) return false;
    return std::all_of(node.members.begin(), node.members.end(), [&](const JsonMember& member) {
      out.sign = member.value.boolean;
      return is(member.value, JsonNode::Kind::kBoolean, member.name);
    });
  }

  // Whether there is one of the name is known where they are kept.
  bool logins(const JsonNode& node, BottleEntry& out) {
    if (node.kind == JsonNode::Kind::kArray) return strings(node, "login", out.logins);
    return string(node, "login", out.logins.emplace_back());
  }

  bool env(const JsonNode& node, BottleEntry& out) {
    return map(node, "env", [this, &out](const JsonMember& member) {
      const std::string problem = problem_with_variable(member.name);
      if (!problem.empty()) {
        return fail(member.place, "\"" + member.name + "\" cannot be set here: " + problem,
                    "remove it, or choose another name");
      }
      EnvValue value{.place = member.place};
      if (!env_value(member.value, member.name, value)) return false;
      out.env.emplace(member.name, std::move(value));
      return true;
    });
  }

  bool env_value(const JsonNode& node, const std::string& name, EnvValue& out) {
    if (node.kind == JsonNode::Kind::kString) {
      if (node.text.find('\0') != std::string::npos) {
        return fail(node.place, "\"" + name + "\" must not contain a NUL character");
      }
      out.text = node.text;
      return true;
    }
    if (node.kind != JsonNode::Kind::kObject) {
      return fail(node.place,
                  "\"" + name + "\" must be a string or an object, but this is " +
                      std::string(kind_name(node.kind)),
                  R"(allowed here: "text", {"from_host": true}, {"prompt": "question"}, )"
                  R"({"file": "path"}, {"command": ["program", "argument"]})");
    }
    static constexpr std::array<std::string_view, 9> kKeys{
        "from_host", "prompt", "file", "command", "ttl", "secret", "hosts", "keep_out", "in"};
    if (!object(node, name, kKeys)) return false;
    out.secret = true;
    int sources = 0;
    for (const auto& [key, place, value] : node.members) {
      bool ok = true;
      if (key == "from_host") {
        ok = is(value, JsonNode::Kind::kBoolean, key);
        if (ok && !value.boolean) {
          return fail(value.place, "\"from_host\" can only be true",
                      "leave the variable out when the bottle should not have it");
        }
        out.source = EnvValue::Source::kFromHost;
        ++sources;
      } else if (key == "prompt" || key == "file") {
        ok = string(value, key, out.text);
        out.source = key == "file" ? EnvValue::Source::kFile : EnvValue::Source::kPrompt;
        ++sources;
      } else if (key == "command") {
        ok = strings(value, key, out.command) &&
             passes(check_command_words(value, file_, out.command));
        out.source = EnvValue::Source::kCommand;
        ++sources;
      } else if (key == "ttl") {
        ok = passes(read_ttl(value, file_, out.ttl));
      } else if (key == "secret") {
        ok = is(value, JsonNode::Kind::kBoolean, key);
        out.secret = value.boolean;
      } else if (key == "hosts") {
        ok = hosts(value, key, out.hosts, HostPattern::parse_home);
      } else if (key == "keep_out") {
        ok = is(value, JsonNode::Kind::kBoolean, key);
        out.keep_out = value.boolean;
      } else if (key == "in") {
        ok = strings(value, key, out.in) && passes(check_parts(value, file_, out.in));
      }
      if (!ok) return false;
    }
    if (!passes(check_keep_out(node, file_, name, out))) return false;
    if (sources != 1) {
      return fail(node.place, "\"" + name + "\" needs exactly one source of its value",
                  "one of: from_host, prompt, file, command");
    }
    return passes(check_command_keys(node, file_, name, out));
  }

  bool mounts(const JsonNode& node, BottleEntry& out) {
    if (!is(node, JsonNode::Kind::kArray, "mounts")) return false;
    if (!bounded(node.items.size(), node.place, "mounts")) return false;
    return std::all_of(node.items.begin(), node.items.end(),
                       [this, &out](const JsonNode& item) { return mount(item, out); });
  }

  bool mount(const JsonNode& node, BottleEntry& out) {
    static constexpr std::array<std::string_view, 3> kKeys{"host", "at", "read_only"};
    if (!object(node, "mounts", kKeys)) return false;
    Mount result{.place = node.place};
    for (const auto& [key, place, value] : node.members) {
      bool ok = true;
      if (key == "host") ok = string(value, key, result.host);
      if (key == "at") ok = string(value, key, result.at) && mount_point(value);
      if (key == "read_only") {
        ok = is(value, JsonNode::Kind::kBoolean, key);
        result.read_only = value.boolean;
      }
      if (!ok) return false;
    }
    if (result.host.empty() || result.at.empty()) {
      return fail(node.place, R"(a mount needs both "host" and "at")",
                  R"(example: {"host": "~/.gitconfig", "at": "/home/agent/.gitconfig"})");
    }
    out.mounts.push_back(std::move(result));
    return true;
  }

  bool mount_point(const JsonNode& node) {
    const std::filesystem::path at(node.text);
    const bool plain = at.is_absolute() && at.has_relative_path() && at == at.lexically_normal();
    if (!plain) {
      return fail(node.place, R"("at" must be an absolute path without "." or "..")",
                  "example: /home/agent/.gitconfig");
    }
    for (const std::string_view kept : {"/proc", "/dev", "/run/bottle"}) {
      if (node.text == kept || node.text.starts_with(std::string(kept) + "/")) {
        return fail(node.place, "\"at\" lies in " + std::string(kept) + ", which the bottle keeps",
                    "choose another place, for example below /home/agent");
      }
    }
    return true;
  }

  bool agents(const JsonNode& node) {
    return map(node, "agents", [this](const JsonMember& member) {
      if (!name(member)) return false;
      AgentEntry entry{.place = member.place, .bottle = {}, .command = {}};
      static constexpr std::array<std::string_view, 2> kKeys{"bottle", "command"};
      if (!object(member.value, member.name, kKeys)) return false;
      for (const auto& [key, place, value] : member.value.members) {
        const bool ok =
            key == "bottle" ? string(value, key, entry.bottle) : strings(value, key, entry.command);
        if (!ok) return false;
      }
      if (entry.bottle.empty() || entry.command.empty()) {
        return fail(member.value.place,
                    "agent \"" + member.name + R"(" needs both "bottle" and "command")",
                    R"(example: {"bottle": "default", "command": ["claude"]})");
      }
      out_.agents.emplace(member.name, std::move(entry));
      return true;
    });
  }

  bool name(const JsonMember& member) {
    const auto& text = member.name;
    if (!is_entry_name(text)) {
      return fail(member.place, "\"" + text + "\" is not a name for a bottle or an agent",
                  "allowed: up to 64 letters, digits, '-', '_' and '.', not beginning with '-'");
    }
    if (text == kDemoName) {
      return fail(member.place, "the name \"demo\" is taken: `bottle start demo` is the demo",
                  "rename it");
    }
    return true;
  }

  std::string bottle_names() const {
    std::string out;
    for (const auto& [name, bottle] : out_.bottles) out += (out.empty() ? "" : ", ") + name;
    return out.empty() ? "no bottle" : out;
  }

  bool names_exist() {
    for (const auto& [name, agent] : out_.agents) {
      if (!out_.bottles.contains(agent.bottle)) {
        return fail(agent.place,
                    "agent \"" + name + "\" names the bottle \"" + agent.bottle +
                        "\", which this manifest does not have",
                    "it has: " + bottle_names());
      }
      if (out_.bottles.contains(name)) {
        return fail(agent.place, "\"" + name + "\" is the name of a bottle and of an agent",
                    "rename one: `bottle start " + name + "` could mean both");
      }
    }
    return true;
  }

  const std::string& file_;
  Manifest& out_;
  std::optional<Error> failed_;
};

}  // namespace

Expected<Manifest> parse_manifest(std::string_view text, const std::string& file,
                                  const std::filesystem::path& directory) {
  auto tree = parse_json(text, file);
  if (!tree) return std::move(tree.error());
  Manifest manifest{.file = file, .directory = directory, .bottles = {}, .agents = {}};
  Reader reader(file, manifest);
  if (!reader.read(*tree)) return std::move(*reader.failed());
  return manifest;
}

}  // namespace bottle::launcher
