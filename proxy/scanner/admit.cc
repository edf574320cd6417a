#include "proxy/scanner/admit.h"

#include <algorithm>
#include <utility>

#include "proxy/base/io_wait.h"

namespace bottle {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kTurn = 1024 * 1024;  // hashed in about a millisecond

awaitable<Result<Digest>> digest_of(std::shared_ptr<const SpooledBody> body) {
  Sha256 hash;
  SpoolReader reader(std::move(body));
  std::size_t since = 0;
  for (;;) {
    auto chunk = co_await reader.read(kPiece);
    if (!chunk) co_return chunk.error();
    if (chunk->end) co_return hash.finish(chunk->data);
    hash.update(chunk->data);
    since += chunk->data.size();
    if (since < kTurn) continue;
    since = 0;
    co_await later_turn();
  }
}

// `fields` with the one field set, in the place of the one that was there.
Fields with_field(const Fields& fields, std::string_view name, std::string_view value) {
  Fields out;
  out.reserve(fields.size() + 1, fields.list_size() + name.size() + value.size());
  bool written = false;
  for (const Field field : fields) {
    if (!iequals(field.name, name)) {
      out.add(field.name, field.value);
    } else if (!std::exchange(written, true)) {
      out.add(field.name, value);
    }
  }
  if (!written) out.add(name, value);
  return out;
}

}  // namespace

void make_scannable(RequestHead& head, bool bypass_body) {
  head.fields.remove("content-encoding");
  if (!bypass_body) head.fields.set("Accept-Encoding", "identity");
  if (!head.fields.has("user-agent")) head.fields.add("User-Agent", "");
  head.takes_trailers = false;  // the scanner relays none
  head.fields.remove("trailer");
}

std::optional<std::uint16_t> scanned_port(const Destination& destination, Scheme scheme,
                                          const std::vector<std::uint16_t>& exit_ports) {
  const auto has = [&exit_ports](std::uint16_t port) {
    return std::find(exit_ports.begin(), exit_ports.end(), port) != exit_ports.end();
  };
  if (exit_ports.empty() || has(destination.port)) return std::nullopt;
  return has(default_port(scheme)) ? default_port(scheme) : exit_ports.front();
}

awaitable<Result<Admission>> make_admission(const RequestHead& head, CollectedBody body,
                                            const Exchange& exchange, bool bypass_body,
                                            std::optional<std::uint16_t> scanned_port) {
  Admission admission;
  admission.id = exchange.id();
  admission.client = exchange.client;
  admission.destination = exchange.destination();
  admission.scheme = exchange.scheme();
  admission.bypass_body = bypass_body;

  RequestHead& sent = admission.sent.head;
  sent = head;
  sent.expects_continue = false;
  sent.fields.remove("trailer");  // a collected body has none
  const bool has_body = body.scanned != nullptr;
  sent.has_body = has_body;
  sent.content_length.reset();
  if (has_body) sent.content_length = body.scanned->size();

  admission.scanned.head = sent;
  make_scannable(admission.scanned.head, admission.bypass_body);
  // Under its own type the scanner would take coded bytes for broken ones.
  if (body.unread) admission.scanned.head.fields.set("Content-Type", "application/octet-stream");
  admission.scanned_port = scanned_port;
  if (scanned_port) {
    Destination scanned = admission.destination;
    scanned.port = *scanned_port;
    admission.scanned.head.authority = scanned.authority(admission.scheme);
  }
  admission.scanned.has_body = has_body;
  admission.scanned.body_bytes = has_body ? body.scanned->size() : 0;

  if (body.sent) sent.content_length = body.sent->size();
  admission.sent.body = std::move(body.sent);
  if (body.decoded) sent.fields.remove("content-encoding");
  if (!bypass_body) sent.fields = with_field(sent.fields, "Accept-Encoding", "identity");

  if (!has_body) {
    admission.scanned.body_digest = sha256({});
    co_return admission;
  }
  auto digest = co_await digest_of(std::move(body.scanned));
  if (!digest) co_return digest.error();
  admission.scanned.body_digest = *digest;
  co_return admission;
}

}  // namespace bottle
