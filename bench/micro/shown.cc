// The form of a body that the scanner is shown.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/micro/samples.h"
#include "proxy/shown/shown_form.h"

namespace bottle::micro {
namespace {

constexpr std::size_t kTurn = 512 * 1024;

std::vector<TextMark> marks_of(ByteView body, KnownText& known, const KnownText::Place& place) {
  ShownForm form(body, known, place, {});
  while (form.look(kTurn)) continue;
  return form.take_marks();
}

// `passed_to`: the host whose scanner has passed the body before.
void make_form(benchmark::State& state, const Destination& passed_to) {
  const std::string body = conversation(static_cast<std::size_t>(state.range(0)));
  KnownText known;
  const auto passed = marks_of(body, known, known.place_of(passed_to, Scheme::Https));
  known.add_passed(known.epoch(), KnownText::Kind::Passed, known.place_of(passed_to, Scheme::Https),
                   passed);
  const bool is_new = passed_to != api_host();
  const KnownText::Place place = known.place_of(api_host(), Scheme::Https);
  for (auto _ : state) {
    if (marks_of(body, known, place).empty() == is_new) {
      return state.SkipWithError("other strings are shown");
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

// Its strings are looked up in vain: another host has them.
void shown_form_new(benchmark::State& state) {
  make_form(state, parse_host("other.example.com", 443).value());
}
BENCHMARK(shown_form_new)->Arg(2'000)->Arg(800'000)->Unit(benchmark::kMicrosecond);

void shown_form_passed(benchmark::State& state) { make_form(state, api_host()); }
BENCHMARK(shown_form_passed)->Arg(2'000)->Arg(800'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bottle::micro
