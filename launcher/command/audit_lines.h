#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/command/part_lines.h"

namespace bottle::launcher {

// The time of an audit line, as the line says it; empty: it does not.
std::string_view time_of(std::string_view line);

// The lines of all parts of an audit log, in the order of their times.
class AuditLines {
 public:
  // `most`: so many bytes of each part that is there now are read at most, the newest ones.
  explicit AuditLines(const std::filesystem::path& log,
                      std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

  bool is_there() const;
  // The next line, without its end; nullptr: there is none now. The same until take().
  const std::string* peek();
  void take();
  // Looks whether a part was rotated, or has come at last. False: all is as it was.
  bool renew();
  // No more will come: a rest without a line end is a line, too.
  void finish();

 private:
  std::vector<PartLines> parts_;
  std::size_t next_ = 0;  // the part that peek() chose
};

}  // namespace bottle::launcher
