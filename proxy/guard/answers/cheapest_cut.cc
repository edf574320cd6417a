#include "proxy/guard/answers/cheapest_cut.h"

#include <algorithm>

namespace bottle {

std::size_t CheapestCut::add(std::size_t from, std::size_t to, std::int64_t cost) {
  edges_of_[from].push_back(edges_.size());
  edges_.push_back({from, to, cost});
  edges_of_[to].push_back(edges_.size());
  edges_.push_back({to, from, 0});
  return edges_.size() / 2 - 1;
}

bool CheapestCut::measure(std::size_t source, std::size_t sink) {
  distance_.assign(edges_of_.size(), 0);
  distance_[source] = 1;
  std::vector<std::size_t> reached{source};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    for (const std::size_t at : edges_of_[reached[i]]) {
      const Edge& edge = edges_[at];
      if (edge.room == 0 || distance_[edge.to] != 0) continue;
      distance_[edge.to] = distance_[reached[i]] + 1;
      reached.push_back(edge.to);
    }
  }
  return distance_[sink] != 0;
}

// As much flow as goes from a node to the sink, each edge leading away from the source. Its depth
// is that of the graph.
std::int64_t CheapestCut::push(std::size_t node, std::size_t sink, std::int64_t most) {
  if (node == sink) return most;
  std::int64_t sum = 0;
  for (std::size_t& i = next_[node]; i < edges_of_[node].size(); ++i) {
    const std::size_t at = edges_of_[node][i];
    if (edges_[at].room == 0 || distance_[edges_[at].to] != distance_[node] + 1) continue;
    const std::int64_t flow = push(edges_[at].to, sink, std::min(most - sum, edges_[at].room));
    edges_[at].room -= flow;
    edges_[at ^ 1].room += flow;
    sum += flow;
    if (sum == most) break;
  }
  return sum;
}

std::vector<std::size_t> CheapestCut::find(std::size_t source, std::size_t sink) {
  std::int64_t flow = 0;
  while (flow < kNever && measure(source, sink)) {
    next_.assign(edges_of_.size(), 0);
    flow += push(source, sink, kNever);
  }
  std::vector<std::size_t> cut;
  if (flow >= kNever) return cut;
  for (std::size_t at = 0; at < edges_.size(); at += 2) {
    if (distance_[edges_[at].from] != 0 && distance_[edges_[at].to] == 0) cut.push_back(at / 2);
  }
  return cut;
}

}  // namespace bottle
