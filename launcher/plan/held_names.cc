#include "launcher/plan/held_names.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "launcher/plan/plan.h"
#include "launcher/plan/small_file.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostShown = 12;

class Holder {
 public:
  explicit Holder(HeldFiles& held) : held_(held) {}

  void hold(const fs::path& path) {
    if (held_.root_of(path).empty()) return;
    const bool inside = is_below(path, held_.workspace());
    const auto name = inside ? path.lexically_relative(held_.workspace()).string() : path.string();
    const bool known = std::find(shown_.begin(), shown_.end(), name) != shown_.end();
    if (known || !is_there(path)) return;
    for (auto& note : held_.keep_named(path)) notes_.push_back(std::move(note));
    if (held_.keeps(path)) shown_.push_back(name);
  }
  void show(std::string_view name) { shown_.emplace_back(name); }
  void note(std::string words) { notes_.push_back(std::move(words)); }

  std::vector<std::string> take_notes() {
    if (shown_.empty()) return std::move(notes_);
    std::string words = "read-only in the bottle: ";
    for (std::size_t i = 0; i < shown_.size() && i < kMostShown; ++i) {
      words += (i == 0 ? "" : ", ") + shown_[i];
    }
    if (shown_.size() > kMostShown) {
      words += " and " + std::to_string(shown_.size() - kMostShown) + " more";
    }
    notes_.insert(notes_.begin(), words + R"( ("unprotect" in the manifest frees them))");
    return std::move(notes_);
  }

 private:
  HeldFiles& held_;
  std::vector<std::string> shown_{};
  std::vector<std::string> notes_{};
};

}  // namespace

std::vector<std::string> hold_names(const ProtectEntry& protect, const GitPaths& git,
                                    bool has_repository, HeldFiles& held) {
  Holder holder(held);
  const auto& workspace = held.workspace();
  const bool config = !protect.frees(kGitConfigName);
  const bool hooks = !protect.frees(kGitHooksName);
  if (has_repository && config) holder.show(kGitConfigName);
  if (has_repository && hooks) holder.show(kGitHooksName);
  if (hooks) {
    for (const auto& path : git.hooks) holder.hold(path);
  }
  if (config) {
    for (const auto& path : git.settings) holder.hold(path);
  }
  for (const auto name : protected_names()) {
    if (!protect.frees(name)) holder.hold(workspace / name);
  }
  for (const auto& name : protect.added) {
    const auto path = workspace / name;
    if (!is_there(path)) {
      holder.note("\"protect\": " + name +
                  " does not exist, so it cannot be read-only; the end of the bottle tells if it "
                  "was made");
      held.watch(path);
    }
    holder.hold(path);
  }
  return holder.take_notes();
}

}  // namespace bottle::launcher
