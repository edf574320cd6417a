#include "launcher/manifest/manifest_examples.h"

#include <algorithm>
#include <array>

namespace bottle::launcher {

std::string example_of(std::string_view key) {
  struct Example {
    std::string_view key;
    std::string_view text;
  };
  constexpr std::array kExamples{
      Example{"the manifest", R"({"bottles": {"default": {}}})"},
      Example{"bottles", R"("bottles": {"default": {}})"},
      Example{"agents", R"("agents": {"claude": {"bottle": "default", "command": ["claude"]}})"},
      Example{"image", R"("image": "bottle-agent:latest")"},
      Example{"workspace", R"("workspace": ".")"},
      Example{"home", R"("home": "kept")"},
      Example{"backend", R"("backend": "local")"},
      Example{"scanner", R"("scanner": "pipelock")"},
      Example{"pipelock", R"("pipelock": "http://127.0.0.1:8888")"},
      Example{"egress", R"("egress": {"allow": ["api.example.com"]})"},
      Example{"allow", R"("allow": ["api.example.com", "*.example.org"])"},
      Example{"allow_addresses", R"("allow_addresses": ["10.1.0.0/16"])"},
      Example{"routes", R"("routes": {"tracker.example.com": "deny"})"},
      Example{"parent", R"("parent": "http://proxy.example.com:3128" or {"from_host": true})"},
      Example{"methods", R"("methods": {"dav.example.com": ["PROPFIND", "REPORT"]})"},
      Example{"tls", R"("tls": {"old.example.com": {"legacy": true}})"},
      Example{"guard", R"("guard": {"on_secret": {"api.anthropic.com": "redact"}})"},
      Example{"on_secret", R"("on_secret": {"api.anthropic.com": "redact"})"},
      Example{"responses", R"("responses": {"docs.example.com": "block"})"},
      Example{"opaque", R"("opaque": {"files.example.com": "scan"})"},
      Example{"scanner_shows", R"("scanner_shows": "all")"},
      Example{"keep_seen", R"("keep_seen": false)"},
      Example{"ignore", R"("ignore": ["k5xw4ytq2mzrhd6a"])"},
      Example{"financial", R"("financial": true)"},
      Example{"ask", R"("ask": true)"},
      Example{"ask_command", R"("ask_command": ["my-ask-dialog"])"},
      Example{"limits", R"("limits": {"write_stall_ms": 600000})"},
      Example{"memory", R"("limits": {"memory": "8g"})"},
      Example{"cpus", R"("limits": {"cpus": 4})"},
      Example{"pids", R"("limits": {"pids": 4096})"},
      Example{"env", R"("env": {"LANG": "C.UTF-8", "TOKEN": {"from_host": true}})"},
      Example{"prompt", R"("prompt": "Deploy token")"},
      Example{"file", R"("file": "~/.config/token")"},
      Example{"from_host", R"("from_host": true)"},
      Example{"secret", R"("secret": false)"},
      Example{"hosts", R"("hosts": ["deploy.example.com"])"},
      Example{"keep_out", R"("keep_out": true)"},
      Example{"in", R"("in": ["header"])"},
      Example{"git", R"("git": {"sign": true})"},
      Example{"sign", R"("sign": true)"},
      Example{"mounts", R"("mounts": [{"host": "~/.gitconfig", "at": "/home/agent/.gitconfig"}])"},
      Example{"host", R"("host": "~/.gitconfig")"},
      Example{"at", R"("at": "/home/agent/.gitconfig")"},
      Example{"read_only", R"("read_only": false)"},
      Example{"ports", R"("ports": [3000, "3000:8080"])"},
      Example{"protect", R"("protect": ["Makefile", "scripts/release"])"},
      Example{"unprotect", R"("unprotect": [".vscode"])"},
      Example{"bottle", R"("bottle": "default")"},
      Example{"command", R"("command": ["claude"])"},
  };
  const auto found = std::find_if(kExamples.begin(), kExamples.end(),
                                  [key](const Example& one) { return one.key == key; });
  return found == kExamples.end() ? "" : "example: " + std::string(found->text);
}

}  // namespace bottle::launcher
