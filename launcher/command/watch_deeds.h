#pragma once

#include <poll.h>

#include <optional>
#include <string>
#include <vector>

#include "launcher/command/context.h"
#include "launcher/command/host_save.h"
#include "launcher/command/watch_sources.h"
#include "launcher/process/errand.h"
#include "launcher/watch/model.h"

namespace bottle::launcher {

// Carries out a person's keys of the view, without waiting: the proxy is told in an errand.
class WatchDeeds {
 public:
  struct Note {
    std::string text;
    bool is_trouble = false;
  };
  // Both outlive it.
  WatchDeeds(const WatchSources& sources, const Context& context)
      : sources_(sources), context_(context) {}

  // The note is there if it cannot begin.
  std::optional<Note> begin(const watch::Action& action);
  void add_to(std::vector<pollfd>& fds) const;
  // Of one that is over; nullopt: of none now.
  std::optional<Note> next_note();

  static constexpr std::size_t kMaxDeeds = 8;  // at once

 private:
  struct Deed {
    Errand errand;
    std::string done;
    std::optional<HostSave> save{};
  };
  Note finish(const Deed& deed) const;

  const WatchSources& sources_;
  const Context& context_;
  std::vector<Deed> deeds_;
};

}  // namespace bottle::launcher
