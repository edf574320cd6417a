#include "launcher/manifest/parent_entry.h"

#include "launcher/manifest/manifest_examples.h"
#include "proxy/contract/proxy_contract.h"

namespace bottle::launcher {
namespace {

constexpr const char* kPasswordExample =
    R"(example: "password": {"file": "~/.config/proxy-password"}; also {"from_host": true}, which takes PARENT_PROXY_PASSWORD, or {"prompt": "Password of the proxy"})";

class ParentReader {
 public:
  explicit ParentReader(const std::string& file) : file_(file) {}

  std::optional<Error> read(const JsonNode& node, ParentEntry& out) {
    if (node.kind == JsonNode::Kind::kString) return address(node, out);
    if (node.kind != JsonNode::Kind::kObject) {
      return wrong(node, "\"parent\" must be a URL or an object");
    }
    for (const JsonMember& member : node.members) {
      if (auto error = one(member, out)) return error;
    }
    if (out.from_host == out.address.has_value()) {
      return wrong(node, "\"parent\" needs either \"from_host\" or \"url\"");
    }
    if (out.from_host && (out.password || !out.no_proxy.empty())) {
      return wrong(node,
                   "\"from_host\" in \"parent\" takes all from your HTTPS_PROXY and NO_PROXY");
    }
    if (out.password && out.address->user.empty()) {
      return wrong(node, "\"parent\" has a password, and its \"url\" names no user",
                   R"(write "url": "http://USER@HOST:PORT")");
    }
    return std::nullopt;
  }

 private:
  std::optional<Error> wrong(const JsonNode& node, const std::string& what,
                             const std::string& hint = example_of("parent")) const {
    return error_at(file_, node.place, what, hint);
  }

  std::optional<Error> one(const JsonMember& member, ParentEntry& out) {
    const JsonNode& value = member.value;
    if (member.name == "url") return address(value, out);
    if (member.name == "password") return password(value, out.password.emplace());
    if (member.name == "from_host") return from_host(value, out.from_host);
    if (member.name != "no_proxy") {
      return error_at(file_, member.place, "unknown key \"" + member.name + "\" in \"parent\"",
                      "allowed here: url, password, no_proxy, from_host");
    }
    const bool fits =
        value.kind == JsonNode::Kind::kString && value.text.find('\0') == std::string::npos;
    if (!fits) {
      return wrong(value, "\"no_proxy\" must be a string",
                   R"(example: "no_proxy": "git.example.com,10.0.0.0/8")");
    }
    out.no_proxy = value.text;
    return std::nullopt;
  }

  std::optional<Error> address(const JsonNode& node, ParentEntry& out) {
    if (node.kind != JsonNode::Kind::kString) return wrong(node, "the parent's URL is no string");
    auto parsed = ParentAddress::parse(node.text);
    if (!parsed) return wrong(node, parsed.error().message, parsed.error().hint);
    if (!parsed->password.empty()) {
      return wrong(node, "a password must not stand in the manifest", kPasswordExample);
    }
    out.address = std::move(*parsed);
    return std::nullopt;
  }

  std::optional<Error> from_host(const JsonNode& node, bool& out) {
    out = node.kind == JsonNode::Kind::kBoolean && node.boolean;
    if (out) return std::nullopt;
    return wrong(node, "\"from_host\" can only be true");
  }

  std::optional<Error> password(const JsonNode& node, ParentPassword& out) {
    using Source = ParentPassword::Source;
    const bool single = node.kind == JsonNode::Kind::kObject && node.members.size() == 1;
    if (!single) return wrong(node, "\"password\" needs exactly one source", kPasswordExample);
    const auto& [name, place, value] = node.members.front();
    out.place = place;
    if (name == "from_host") {
      bool unused = false;
      return from_host(value, unused);
    }
    const bool has_text = value.kind == JsonNode::Kind::kString && !value.text.empty() &&
                          value.text.find('\0') == std::string::npos;
    if ((name != "file" && name != "prompt") || !has_text) {
      return wrong(node, "\"password\" has no source that can be used", kPasswordExample);
    }
    out.source = name == "file" ? Source::kFile : Source::kPrompt;
    out.text = value.text;
    return std::nullopt;
  }

  const std::string& file_;
};

}  // namespace

std::optional<Error> read_parent(const JsonNode& node, const std::string& file,
                                 std::optional<ParentEntry>& out) {
  return ParentReader(file).read(node, out.emplace());
}

}  // namespace bottle::launcher
