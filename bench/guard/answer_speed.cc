// Prints how fast files are looked at as answers, in CPU time of one core, the best of three:
//   answer_speed FILE...
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "proxy/guard/answers/answer_scanner.h"

namespace {

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html") || name.ends_with(".htm")) return "text/html";
  if (name.ends_with(".sse")) return "text/event-stream";
  return name.ends_with(".json") ? "application/json" : "text/plain";
}

}  // namespace

int main(int count, char** arguments) {
  const double start = cpu_seconds();
  const auto set = bottle::AnswerSet::make();
  if (!set) return 1;
  std::printf("compile %.0f ms\n", (cpu_seconds() - start) * 1e3);
  bottle::AnswerSpace space(**set);
  for (int i = 1; i < count; ++i) {
    std::stringstream text;
    text << std::ifstream(arguments[i]).rdbuf();
    const std::string body = text.str();
    double best = 1e9;
    for (int round = 0; round < 3; ++round) {
      bottle::AnswerScanner scanner(**set, space, type_of(arguments[i]));
      const double begin = cpu_seconds();
      (void)scanner.feed(body);
      (void)scanner.finish();
      best = std::min(best, cpu_seconds() - begin);
    }
    std::printf("%s: %.2f GB/s\n", arguments[i], static_cast<double>(body.size()) / best / 1e9);
  }
  return 0;
}
