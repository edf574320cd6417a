#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bottle {

// A graph from a source to a sink whose edges have costs: tells the cheapest edges of which each
// way through it has one (the minimum cut, by Dinic's algorithm).
class CheapestCut {
 public:
  // An edge of this cost is never cut.
  static constexpr std::int64_t kNever = std::int64_t{1} << 40;

  explicit CheapestCut(std::size_t nodes) : edges_of_(nodes) {}
  // Returns the edge's number: 0, 1, 2 …
  std::size_t add(std::size_t from, std::size_t to, std::int64_t cost);
  // Once, and last: the numbers of the edges. Empty: each cut has an edge that is never cut.
  [[nodiscard]] std::vector<std::size_t> find(std::size_t source, std::size_t sink);

 private:
  struct Edge {
    std::size_t from = 0;
    std::size_t to = 0;
    std::int64_t room = 0;  // flow that it still takes
  };
  [[nodiscard]] bool measure(std::size_t source, std::size_t sink);
  std::int64_t push(std::size_t node, std::size_t sink, std::int64_t most);

  std::vector<Edge> edges_;  // each followed by its reverse
  std::vector<std::vector<std::size_t>> edges_of_;
  std::vector<std::size_t> distance_;  // from the source, plus one; 0: it is not reached
  std::vector<std::size_t> next_;
};

}  // namespace bottle
