#include "launcher/command/learned.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "launcher/command/command.h"
#include "launcher/command/saved_manifest.h"
#include "launcher/lifetime/known_manifest.h"
#include "launcher/lifetime/learned_hosts.h"
#include "launcher/lifetime/registry.h"
#include "launcher/manifest/manifest_allow.h"
#include "launcher/manifest/manifest_write.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

// The manifest's text with the hosts that were learned.
Expected<std::string> with_hosts(const std::string& text, const Learned& learned) {
  std::string out = text;
  for (const LearnedHost& one : learned.hosts) {
    auto next = with_allowed(out, learned.manifest.string(), learned.bottle,
                             {.host = one.host, .route = one.route});
    // Of two routes that of the person counts.
    if (!next && !one.route.empty()) {
      next = with_allowed(out, learned.manifest.string(), learned.bottle, {.host = one.host});
    }
    if (!next) return next.error();
    if (*next) out = std::move(**next);
  }
  return out;
}

void list_hosts(const Learned& learned, std::ostream& out) {
  for (const LearnedHost& one : learned.hosts) {
    out << "bottle:   " << one.requests << " x " << printable(one.host)
        << (one.route.empty() ? "" : " (route " + one.route + ")") << "\n";
  }
  if (learned.others > 0) out << "bottle:   and " << learned.others << " hosts more\n";
}

void show_change(const Learned& learned, std::ostream& out) {
  if (learned.manifest.empty()) {
    out << "bottle: for the next start: bottle start";
    for (const LearnedHost& one : learned.hosts) out << " --allow " << printable(one.host);
    out << "\n";
    return;
  }
  const auto before = manifest_text(learned.manifest);
  if (!before) return;
  const auto after = with_hosts(*before, learned);
  if (!after) {
    out << "bottle: warning: " << after.error().message << "\n";
    return;
  }
  out << "bottle: proposal for " << learned.manifest.string() << ":\n"
      << line_difference(*before, *after);
}

struct Found {
  std::string id;
  fs::path file;
};

Expected<Found> find_learned(const std::optional<std::string>& id, const Context& context) {
  const auto base = state_base(context.around);
  if (!base) return base.error();
  std::vector<std::pair<fs::file_time_type, Found>> found;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(*base, ec)) {
    const fs::path file = learned_file(entry.path());
    const std::string name = entry.path().filename().string();
    const auto time = fs::last_write_time(file, ec);
    if (!ec && name.starts_with(id.value_or(""))) found.push_back({time, {name, file}});
  }
  if (found.empty()) {
    return usage_error(id ? "there is no proposal of a bottle \"" + printable(*id) + "\""
                          : "no bottle has learned a host yet",
                       "bottle start --learn writes its proposal when it ends");
  }
  if (id && found.size() > 1) {
    return usage_error("\"" + printable(*id) + "\" could be more than one bottle",
                       "write more letters of the id");
  }
  const auto newest = std::max_element(
      found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return newest->second;
}

}  // namespace

void warn_of_learning(std::ostream& out) {
  out << "bottle: WARNING: --learn: every public host is let through in this bottle, also those "
         "that you did not allow. The guard still looks for your secrets; use it for a task and "
         "data "
         "that may be seen\n";
}

void propose_learned(const Plan& plan, const AuditMark& begin, std::ostream& out) {
  Learned learned{.manifest = plan.manifest, .bottle = plan.bottle};
  learn_since(begin, !plan.pipelock_url, learned);
  if (learned.hosts.empty()) {
    out << "bottle: learned: every host that was reached is allowed already\n";
    return;
  }
  out << "bottle: learned: hosts that were reached and are not in the allowlist:\n";
  list_hosts(learned, out);
  show_change(learned, out);
  const auto file = learned_file(plan.state_base / plan.id);
  if (const auto written = write_learned(file, learned); !written) {
    out << "bottle: warning: " << written.error().message << "\n";
    return;
  }
  out << "bottle: it is in " << file.string();
  if (!plan.manifest.empty()) {
    out << "; read it, and then `bottle allow --learned " << plan.id
        << "` writes it into the manifest";
  }
  out << "\n";
}

Expected<int> save_learned(const std::optional<std::string>& id, const Context& context) {
  const auto found = find_learned(id, context);
  if (!found) return found.error();
  const auto learned = read_learned(found->file);
  if (!learned) return learned.error();
  if (learned->manifest.empty()) {
    return usage_error(
        "bottle " + found->id + " had no manifest to write it into",
        "its hosts are in " + found->file.string() + "; `bottle init` writes a manifest");
  }
  std::error_code ec;
  const auto real = fs::canonical(learned->manifest, ec);
  const fs::path file = ec ? learned->manifest : real;
  const auto before = manifest_text(file);
  if (!before) return before.error();
  const auto after = with_hosts(*before, *learned);
  if (!after) return after.error();
  if (*after == *before) {
    context.err << "bottle: " << shown_path(file) << " has it already\n";
    return 0;
  }
  const fs::path state = found->file.parent_path();
  const std::string hint = "read it; the hosts are in " + found->file.string() +
                           ": add them by hand, or let a new bottle learn";
  if (auto known = check_known(state, file, *before, hint); !known) return known.error();
  if (auto written = replace_manifest(file, *before, *after); !written) return written.error();
  remember_manifest(state, *after);
  tell_bottles(file, *before, *after, context);
  context.err << "bottle: wrote it to " << shown_path(file) << ":\n";
  context.out << line_difference(*before, *after);
  return 0;
}

}  // namespace bottle::launcher
