#include "proxy/tls/hello_reader.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace bottle {
namespace {

constexpr unsigned char kHandshake = 22;
constexpr unsigned char kClientHelloType = 1;
constexpr std::size_t kRecordHead = 5;
constexpr std::size_t kMessageHead = 4;
constexpr std::size_t kMaxRecord = 16 * 1024;
constexpr std::size_t kServerName = 0;
constexpr std::size_t kEncryptedClientHello = 0xfe0d;

// Takes fields off the front of some bytes. After the first that is not there, `ok` stays false.
class HelloFields {
 public:
  explicit HelloFields(ByteView bytes) : left_(bytes) {}
  std::size_t number(std::size_t bytes) {
    std::size_t value = 0;
    for (const char byte : take(bytes)) value = value << 8U | static_cast<unsigned char>(byte);
    return value;
  }
  // As many bytes as the number in front of them says.
  ByteView vector(std::size_t bytes_of_length) { return take(number(bytes_of_length)); }
  ByteView take(std::size_t n) {
    ok_ = ok_ && n <= left_.size();
    if (!ok_) return {};
    const ByteView taken = left_.substr(0, n);
    left_.remove_prefix(n);
    return taken;
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }

 private:
  ByteView left_;
  bool ok_ = true;
};

bool take_extensions(ByteView bytes, ClientHello& out) {
  HelloFields fields(bytes);
  std::vector<std::size_t> seen;
  while (fields.ok() && !fields.at_end()) {
    const std::size_t type = fields.number(2);
    const ByteView body = fields.vector(2);
    if (!fields.ok() || std::find(seen.begin(), seen.end(), type) != seen.end()) return false;
    seen.push_back(type);
    if (type == kServerName) {
      out.names_server = true;
      out.server_name = Bytes(body);
    }
    if (type == kEncryptedClientHello) out.has_encrypted = true;
  }
  return fields.ok();
}

bool take_hello(ByteView body, ClientHello& out) {
  constexpr std::size_t kRandom = 32;
  constexpr std::size_t kLongestSessionId = 32;
  HelloFields fields(body);
  const std::size_t version = fields.number(2);
  fields.take(kRandom);
  const ByteView session = fields.vector(1);
  const ByteView suites = fields.vector(2);
  const ByteView compressions = fields.vector(1);
  const bool plain = fields.ok() && version >> 8U == 3 && session.size() <= kLongestSessionId &&
                     !suites.empty() && suites.size() % 2 == 0 && !compressions.empty();
  if (!plain) return false;
  if (fields.at_end()) return true;  // TLS 1.2 without extensions
  const ByteView extensions = fields.vector(2);
  return fields.ok() && fields.at_end() && take_extensions(extensions, out);
}

// The handshake's bytes, out of as many records as are there.
struct HelloMessage {
  Bytes bytes;
  ClientHello::State state = ClientHello::State::NeedMore;
};

HelloMessage take_records(ByteView records) {
  HelloMessage out;
  while (!records.empty()) {
    const auto byte = [records](std::size_t i) { return static_cast<unsigned char>(records[i]); };
    const bool first = out.bytes.empty();
    const auto bad = first ? ClientHello::State::NotTls : ClientHello::State::Malformed;
    if (byte(0) != kHandshake || (records.size() > 1 && byte(1) != 3) ||
        (records.size() > 2 && byte(2) > 4)) {
      out.state = bad;
      return out;
    }
    if (records.size() < kRecordHead) return out;
    const std::size_t size = static_cast<std::size_t>(byte(3)) << 8U | byte(4);
    if (size == 0 || size > kMaxRecord) {
      out.state = bad;
      return out;
    }
    const ByteView body = records.substr(kRecordHead, size);
    out.bytes.append(body);
    const Bytes& bytes = out.bytes;
    if (!bytes.empty() && static_cast<unsigned char>(bytes[0]) != kClientHelloType) {
      out.state = ClientHello::State::Malformed;
      return out;
    }
    if (bytes.size() >= kMessageHead) {
      HelloFields head(ByteView(bytes).substr(1));
      const std::size_t whole = kMessageHead + head.number(3);
      if (bytes.size() > whole) out.state = ClientHello::State::Malformed;
      // A record that promises more than its hello has another message behind it.
      if (bytes.size() == whole) {
        out.state =
            body.size() == size ? ClientHello::State::Complete : ClientHello::State::Malformed;
      }
      if (out.state != ClientHello::State::NeedMore) return out;
    }
    if (body.size() < size) return out;
    records.remove_prefix(kRecordHead + size);
  }
  return out;
}

}  // namespace

ClientHello read_client_hello(ByteView records) {
  const HelloMessage handshake = take_records(records);
  ClientHello hello;
  hello.state = handshake.state;
  if (hello.state != ClientHello::State::Complete) return hello;
  if (!take_hello(ByteView(handshake.bytes).substr(kMessageHead), hello)) {
    hello = ClientHello{};
    hello.state = ClientHello::State::Malformed;
  }
  return hello;
}

}  // namespace bottle
