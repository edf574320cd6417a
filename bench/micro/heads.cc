// Heads of HTTP/1.1: read, vetted, written.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/micro/samples.h"
#include "proxy/http/framing_rules.h"
#include "proxy/http/h1_parser.h"
#include "proxy/http/h1_writer.h"

namespace bottle::micro {
namespace {

// Calls `work` with copies of `original`, which it may change. Copying is not timed.
template <class Value, class Work>
void with_copies(benchmark::State& state, const Value& original, Work work) {
  constexpr std::size_t kBatch = 64;  // they stay in the processor's caches
  std::vector<Value> copies;
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    copies.assign(kBatch, original);
    state.ResumeTiming();
    for (Value& copy : copies) work(copy);
  }
}

template <class Parser>
void parse(benchmark::State& state, Parser& parser, ByteView message) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.feed(message));
    if (!parser.head_ready()) return state.SkipWithError("the head was refused");
    benchmark::DoNotOptimize(parser.take_head());
    parser.reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}

void h1_parse_request(benchmark::State& state, ByteView message) {
  H1RequestParser parser(H1RequestParser::Arrival::Tunnel);
  parse(state, parser, message);
}
BENCHMARK_CAPTURE(h1_parse_request, small, kSmallRequest);
BENCHMARK_CAPTURE(h1_parse_request, usual, kUsualRequest);

void h1_parse_response(benchmark::State& state) {
  H1ResponseParser parser;
  parse(state, parser, kUsualResponse);
}
BENCHMARK(h1_parse_response);

void check_request_head(benchmark::State& state, ByteView message) {
  const RequestRules rules;
  const RequestContext context{api_host(), Scheme::Https, rules};
  with_copies(state, parsed_request(message), [&](RequestHead& head) {
    if (!check_request(head, context)) state.SkipWithError("the head was refused");
  });
}
BENCHMARK_CAPTURE(check_request_head, small, kSmallRequest);
BENCHMARK_CAPTURE(check_request_head, usual, kUsualRequest);

void check_response_head(benchmark::State& state) {
  with_copies(state, parsed_response(kUsualResponse), [&](ResponseHead& head) {
    if (!check_response(head, "GET")) state.SkipWithError("the head was refused");
  });
}
BENCHMARK(check_response_head);

void h1_write_request(benchmark::State& state, ByteView message) {
  const RequestHead head = vetted_request(message);
  Bytes out;
  for (auto _ : state) {
    out.clear();
    const auto written =
        write_request_head(out, head, RequestForm::Absolute, api_host(), Framing::none());
    if (!written) return state.SkipWithError("the head was refused");
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}
BENCHMARK_CAPTURE(h1_write_request, small, kSmallRequest);
BENCHMARK_CAPTURE(h1_write_request, usual, kUsualRequest);

void h1_write_response(benchmark::State& state) {
  const ResponseHead head = vetted_response(kUsualResponse);
  Bytes out;
  for (auto _ : state) {
    out.clear();
    write_response_head(out, head, Framing::content_length(1024));
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}
BENCHMARK(h1_write_response);

}  // namespace
}  // namespace bottle::micro
