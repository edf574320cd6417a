#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "launcher/watch/exchange_row.h"

namespace bottle::launcher::watch {

inline constexpr std::size_t kMaxRows = 5000;  // a row has some 5 KiB at most: 25 MiB

// The rows of all bottles, in the order in which they came. The end of an exchange takes the place
// of its beginning. Of more than `most` the oldest goes that is not open; if all are, the oldest.
class History {
 public:
  explicit History(std::size_t most = kMaxRows) : most_(most) {}

  void add(ExchangeRow row);
  // The bottle has ended: exchanges that are open will have no end.
  void no_more_of(const std::string& bottle);

  // By number; numbers grow, and a row keeps its own.
  const std::map<std::uint64_t, ExchangeRow>& rows() const { return rows_; }
  std::size_t open_count() const { return open_.size(); }

 private:
  void make_room();

  std::size_t most_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, ExchangeRow> rows_;
  std::unordered_map<std::string, std::uint64_t> open_;  // each open row, by bottle and id
};

}  // namespace bottle::launcher::watch
