#include "proxy/keeper/own_descriptors.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace bottle {

void close_all_but(std::span<const int> kept) {
  std::vector<int> order(kept.begin(), kept.end());
  std::sort(order.begin(), order.end());
  unsigned from = 3;
  for (const int fd : order) {
    const auto here = static_cast<unsigned>(std::max(fd, 0));
    if (here < from) continue;
    if (here > from) ::close_range(from, here - 1, 0);
    from = here + 1;
  }
  ::close_range(from, std::numeric_limits<unsigned>::max(), 0);
}

}  // namespace bottle
