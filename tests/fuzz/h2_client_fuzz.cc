// A hostile origin's bytes against the client engine: whatever comes, heads are within the limits,
// one stream gives at most one final head and one end, and a connection that failed ends.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "proxy/http/h2_client_engine.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/support/h2_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  if (size < 3) return 0;
  const H2Limits limits;
  const FloodGuard::TimePoint now{};
  const std::uint8_t how = data[0];
  const std::size_t step = data[1] == 0 ? size : data[1];
  std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  H2ClientEngine engine(limits, now);
  for (int i = 0; i < 4; ++i) {
    RequestHead head;
    head.method = i == 2 ? "HEAD" : i == 3 ? "POST" : "GET";
    head.authority = "a.test";
    head.target = "/";
    FUZZ_CHECK(engine.request(head, i != 3));
  }
  std::vector<char> out(16 * 1024);
  while (engine.fill(ByteSpan(out), now) > 0) {
  }
  if (how < 200) FUZZ_CHECK(engine.receive(test::settings(), now));
  std::map<StreamId, int> heads;
  std::map<StreamId, int> ends;
  std::map<StreamId, int> interims;
  bool alive = true;
  while (alive && !in.empty()) {
    const std::string_view piece = in.substr(0, step);
    in.remove_prefix(piece.size());
    alive = engine.receive(piece, now).has_value();
    while (auto event = engine.next_event()) {
      if (const auto* response = std::get_if<H2Response>(&*event)) {
        FUZZ_CHECK(response->head.status >= 200 && response->head.status <= 999);
        FUZZ_CHECK(response->head.fields.size() <= limits.header_fields);
        FUZZ_CHECK(response->head.fields.list_size() <= limits.header_bytes);
        ++heads[response->stream];
        ends[response->stream] += response->end ? 1 : 0;
      } else if (const auto* interim = std::get_if<H2Interim>(&*event)) {
        FUZZ_CHECK(heads[interim->stream] == 0);
        ++interims[interim->stream];
      } else if (const auto* body = std::get_if<H2Data>(&*event)) {
        FUZZ_CHECK(heads[body->stream] == 1 && ends[body->stream] == 0);
        ends[body->stream] += body->end ? 1 : 0;
        if (how % 2 == 0) engine.consumed(body->stream, body->data.size());
      } else if (const auto* trailers = std::get_if<H2Trailers>(&*event)) {
        FUZZ_CHECK(heads[trailers->stream] == 1);
        ++ends[trailers->stream];
      } else if (const auto* writable = std::get_if<H2Writable>(&*event)) {
        FUZZ_CHECK(engine.room(writable->stream) > 0);
      }
    }
    for (const auto& [stream, n] : heads) FUZZ_CHECK(n <= 1 && ends[stream] <= 1);
    for (const auto& [stream, n] : interims) {
      FUZZ_CHECK(n <= static_cast<int>(limits.interim_heads));
    }
    if (how % 3 != 0) {
      while (engine.fill(ByteSpan(out), now) > 0) {
      }
    }
  }
  while (engine.fill(ByteSpan(out), now) > 0) {
  }
  if (!alive) FUZZ_CHECK(engine.done());
  return 0;
}
