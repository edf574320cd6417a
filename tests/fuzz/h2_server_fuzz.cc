// A hostile client's bytes against the server engine: whatever comes, what is handed up is within
// the limits, every request can be answered, and a connection that failed ends.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/http/h2_engine.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/support/h2_frames.h"

namespace {

using namespace bottle;

void answer(H2Engine& engine, const H2Request& request, std::uint8_t how) {
  ResponseHead head;
  head.fields.add("X-Any", "v");
  if (how % 5 == 4) {
    engine.reset(request.stream, H2Error::Cancel);
    return;
  }
  FUZZ_CHECK(engine.respond(request.stream, head, how % 5 == 0));
  if (how % 5 == 0) return;
  Chunk chunk;
  chunk.data.assign(engine.room(request.stream), 'x');
  chunk.end = how % 5 == 1;
  engine.offer(request.stream, std::move(chunk));
  if (how % 5 == 3) engine.cut(request.stream, H2Error::InternalError);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const H2Limits limits;
  const FloodGuard::TimePoint now{};
  const std::uint8_t how = data[0];
  const std::size_t step = data[1] == 0 ? size : data[1];
  std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  H2Engine engine(limits, now);
  // Most inputs should get past the greeting.
  if (how < 200) FUZZ_CHECK(engine.receive(test::kClientPreface + test::settings(), now));
  std::vector<char> out(16 * 1024);
  bool alive = true;
  while (alive && !in.empty()) {
    const std::string_view piece = in.substr(0, step);
    in.remove_prefix(piece.size());
    alive = engine.receive(piece, now).has_value();
    while (auto event = engine.next_event()) {
      if (const auto* request = std::get_if<H2Request>(&*event)) {
        FUZZ_CHECK(request->head.fields.size() <= limits.header_fields);
        FUZZ_CHECK(request->head.fields.list_size() <= limits.header_bytes);
        answer(engine, *request,
               static_cast<std::uint8_t>(how + static_cast<std::uint32_t>(request->stream)));
      } else if (const auto* body = std::get_if<H2Data>(&*event)) {
        FUZZ_CHECK(body->end || !body->data.empty());
        if (how % 2 == 0) engine.consumed(body->stream, body->data.size());
      }
    }
    FUZZ_CHECK(engine.queued() <= limits.connection_queue);
    FUZZ_CHECK(engine.open_streams() <= 2UL * limits.streams);
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
