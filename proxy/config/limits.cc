#include <array>
#include <chrono>
#include <string>

#include "proxy/config/options.h"

namespace bottle {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kHour = 3'600'000;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kMost = 1ull << 50;  // a PiB: more than a bottle moves

// A row for a duration, and one for a count or size, that lives at `path` in Config.
#define BOTTLE_MS(name, least, most, path)                                                         \
  LimitRow {                                                                                       \
    name, least, most, [](const Config& c) { return static_cast<std::uint64_t>(c.path.count()); }, \
        [](Config& c, std::uint64_t v) { c.path = milliseconds(v); }                               \
  }
#define BOTTLE_N(name, least, most, path)                                                  \
  LimitRow {                                                                               \
    name, least, most, [](const Config& c) { return static_cast<std::uint64_t>(c.path); }, \
        [](Config& c, std::uint64_t v) { c.path = static_cast<decltype(c.path)>(v); }      \
  }

const std::array kRows = {
    BOTTLE_MS("first_byte_ms", 100, kHour, session.first_byte),
    BOTTLE_MS("request_head_ms", 100, kHour, session.request_head),
    BOTTLE_MS("body_stall_ms", 100, kHour, session.body_stall),
    BOTTLE_MS("write_stall_ms", 100, kHour, session.write_stall),
    BOTTLE_MS("idle_ms", 100, kDay, session.idle),
    BOTTLE_MS("settings_ack_ms", 100, kHour, session.settings_ack),
    BOTTLE_MS("tls_close_ms", 10, 60'000, session.tls_close),
    BOTTLE_MS("linger_ms", 0, 60'000, session.linger),
    BOTTLE_MS("drain_ms", 0, kHour, session.drain),
    BOTTLE_MS("client_hello_ms", 100, 60'000, tls_acceptor.client_hello),
    BOTTLE_MS("tls_handshake_ms", 100, 60'000, tls_acceptor.handshake),
    BOTTLE_MS("upstream_connect_ms", 50, 120'000, dial.connect),
    BOTTLE_MS("upstream_tls_ms", 100, 120'000, tls_client.handshake),
    BOTTLE_MS("upstream_head_ms", 50, kDay, h1_client.head),
    BOTTLE_MS("response_stall_ms", 50, kDay, h1_client.response_stall),
    BOTTLE_MS("tunnel_idle_ms", 100, 30 * kDay, h1_client.tunnel_idle),
    BOTTLE_MS("upstream_write_stall_ms", 50, kHour, h1_client.write_stall),
    BOTTLE_MS("resolve_ms", 50, 60'000, resolver.resolve),
    BOTTLE_MS("queue_wait_ms", 0, kHour, origin_pool.queue_wait),
    BOTTLE_MS("ask_ms", 100, kHour, ask.ask),
    BOTTLE_MS("sse_comment_ms", 50, kHour, pipelock.sse_comment),
    BOTTLE_MS("pipelock_timeout_ms", 0, 30 * kDay, pipelock.timeout),
    BOTTLE_N("pipelock_max_response_bytes", 0, 1'024 * kMiB, pipelock.max_response_bytes),
    BOTTLE_N("scanner_in_flight", 1, 4096, scanner_pool.in_flight),
    BOTTLE_N("origin_in_flight", 1, 65536, origin_pool.in_flight),
    BOTTLE_N("origin_in_flight_per_key", 1, 65536, origin_pool.in_flight_per_key),
    BOTTLE_N("queue", 0, 65536, origin_pool.queue),
    BOTTLE_N("queue_bytes", 0, 65'536 * kMiB, origin_pool.queue_bytes),
    BOTTLE_N("head_bytes", 1024, kMiB, rules.limits.head_bytes),
    BOTTLE_N("head_fields", 10, 1000, rules.limits.fields),
    BOTTLE_N("response_fields", 10, 1000, h1_client.response_fields),
    BOTTLE_N("field_name_bytes", 16, 1024, rules.limits.name_bytes),
    BOTTLE_N("request_line_bytes", 256, kMiB, rules.limits.start_line_bytes),
    BOTTLE_N("h2_streams", 1, 1000, h2.streams),
    BOTTLE_N("h2_stream_window", 65535, 64 * kMiB, h2.stream_window),
    BOTTLE_N("h2_connection_window", 65535, 256 * kMiB, h2.connection_window),
    BOTTLE_N("spool_body_bytes", 0, 4'096 * kMiB, spool.body_bytes),
    BOTTLE_N("spool_memory_bytes", 0, 64 * kMiB, spool.memory_bytes),
    BOTTLE_N("spool_total_bytes", 0, 65'536 * kMiB, spool.total_bytes),
    BOTTLE_N("decoded_bytes", 1024, 4'096 * kMiB, decode.decoded_bytes),
    BOTTLE_N("decode_memory_bytes", kMiB, 4'096 * kMiB, decode.memory_bytes),
    BOTTLE_N("redact_body_bytes", 0, 1'024 * kMiB, redact.body_bytes),
    BOTTLE_N("redact_memory_bytes", kMiB, 16'384 * kMiB, redact.memory_bytes),
    BOTTLE_MS("splice_idle_ms", 1'000, 30 * kDay, tunnels.idle),
    BOTTLE_N("splice_tunnels", 1, 65536, tunnels.open),
    BOTTLE_N("splice_tunnels_per_host", 1, 65536, tunnels.open_per_host),
    BOTTLE_N("splice_bytes_up", 0, kMost, tunnels.bytes_up),
    BOTTLE_N("splice_bytes_down", 0, kMost, tunnels.bytes_down),
    BOTTLE_N("connections", 1, 1'000'000, connections),
    BOTTLE_N("exit_connections", 1, 65536, exit.connections),
    BOTTLE_N("leaves", 1, 65536, leaves.capacity),
    BOTTLE_N("new_names_a_minute", 1, 100'000, leaves.new_names_a_minute),
};

#undef BOTTLE_MS
#undef BOTTLE_N

}  // namespace

std::span<const LimitRow> limit_rows() { return kRows; }

Expected<void> set_limit(Config& config, std::string_view name, std::uint64_t value) {
  for (const LimitRow& row : kRows) {
    if (row.name != name) continue;
    if (value < row.least || value > row.most) {
      return Error{ExitCode::kUsage,
                   "the limit " + std::string(name) + " takes " + std::to_string(row.least) +
                       " to " + std::to_string(row.most) + ", not " + std::to_string(value),
                   ""};
    }
    row.set(config, value);
    return {};
  }
  std::string names;
  for (const LimitRow& row : kRows) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return Error{ExitCode::kUsage,
               "there is no limit '" + std::string(name) + "'; there are " + names, ""};
}

}  // namespace bottle
