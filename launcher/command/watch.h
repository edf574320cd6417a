#pragma once

#include <optional>
#include <string>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct WatchOptions {
  std::optional<std::string> id{};
  bool json = false;
};

// `bottle watch`: shows the exchanges of the bottles that run, in a view that fills the terminal,
// and takes the person's word on hosts. With `json` it prints what happens instead, an object in
// each line. Ends by a key, a signal (128+n), or the end of the reader; with an id and `json` also
// by the bottle's end.
Expected<int> run_watch(const WatchOptions& options, const Context& context);

}  // namespace bottle::launcher
