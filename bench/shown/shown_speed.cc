// Prints how fast the shown form of a conversation is made, in CPU time of one core, the median of
// 15 rounds: of a body that is new, and of one that was passed before.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "proxy/shown/shown_form.h"

namespace {

using namespace bottle;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::string conversation(std::size_t size) {
  std::mt19937 random(1);
  std::string out = R"({"model":"m","messages":[)";
  while (out.size() < size) {
    out += R"({"role":"user","content":[{"type":"text","text":")";
    for (int i = 0; i < 600; ++i) {
      for (std::size_t k = 1 + random() % 9; k > 0; --k) out += "etaoinshrdlu"[random() % 12];
      out += random() % 12 == 0 ? ".\\n" : " ";
    }
    out += "\"}]},";
  }
  return out + "{}]}";
}

template <class Work>
void measure(const char* name, std::size_t size, Work work) {
  std::vector<double> times;
  for (int round = 0; round < 15; ++round) {
    const double begin = cpu_seconds();
    work();
    times.push_back(cpu_seconds() - begin);
  }
  std::nth_element(times.begin(), times.begin() + 7, times.end());
  std::printf("%-24s %8.2f GB/s  %8.1f us\n", name, static_cast<double>(size) / times[7] / 1e9,
              times[7] * 1e6);
}

}  // namespace

int main() {
  const std::string body = conversation(800'000);
  KnownText known;
  const auto destination = parse_host("api.example.com", 443);
  if (!destination) return 1;
  const auto place = known.place_of(*destination, Scheme::Https);
  std::vector<TextMark> marks;
  const auto make = [&] {
    ShownForm form(body, known, place, {});
    while (form.look(512 * 1024)) continue;
    if (!form.is_json()) std::puts("not JSON");
    marks = form.take_marks();
  };
  measure("new", body.size(), make);
  known.add_passed(known.epoch(), KnownText::Kind::Passed, place, marks);
  measure("passed before", body.size(), make);
  return 0;
}
