#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// A ClientHello as it lies in a connection's first bytes (RFC 8446 sections 4.1.2 and 5.1), read
// without OpenSSL, for clients whose TLS does not end here. The reader is strict, since the origin
// must read the same: every length adds up, each extension stands there once, and no byte follows
// the hello in its last record.
struct ClientHello {
  enum class State : std::uint8_t {
    NeedMore,   // a prefix of one
    Complete,   // `server_name` and the rest are set
    NotTls,     // not handshake records of TLS
    Malformed,  // records, and no ClientHello in them that holds together
  };
  State state = State::NeedMore;
  Bytes server_name;           // the extension's bytes (RFC 6066 section 3)
  bool names_server = false;   // there is such an extension
  bool has_encrypted = false;  // ... and one with another hello in it, encrypted (or its decoy)
};

// Bounds nothing: the caller stops to read at its own limit. Reads all of `records` each time.
[[nodiscard]] ClientHello read_client_hello(ByteView records);

}  // namespace bottle
