#pragma once

#include <chrono>
#include <cstddef>

// The messages of the control channel (proxy/control), for both programs. A message is one JSON
// object in one line; docs/control.md has them all. Each is answered by one line, in order.
namespace bottle {

inline constexpr int kControlVersion = 1;
inline constexpr std::size_t kMaxControlMessage = std::size_t{1}
                                                  << 20;  // bytes, with the line's end
inline constexpr std::size_t kMaxControlId = 64;
// A client's whole message must be there so long after its first byte, and be answered in as long.
inline constexpr std::chrono::seconds kControlWait{10};

namespace control_verb {
inline constexpr const char* kSetSecrets = "secrets.set";
inline constexpr const char* kListSecrets = "secrets.list";
inline constexpr const char* kTellTrouble = "secrets.trouble";
}  // namespace control_verb

namespace control_key {
// Of every message.
inline constexpr const char* kVersion = "v";
inline constexpr const char* kId = "id";
inline constexpr const char* kVerb = "verb";
// Of one secret, and of lists of them.
inline constexpr const char* kSecrets = "secrets";
inline constexpr const char* kName = "name";
inline constexpr const char* kValue = "value";
inline constexpr const char* kText = "text";
// Of answers.
inline constexpr const char* kOk = "ok";
inline constexpr const char* kError = "error";
inline constexpr const char* kHint = "hint";
inline constexpr const char* kChanged = "changed";
inline constexpr const char* kHosts = "hosts";
inline constexpr const char* kKeptOut = "kept_out";
inline constexpr const char* kFormer = "former";
inline constexpr const char* kSince = "since";
inline constexpr const char* kTrouble = "trouble";
}  // namespace control_key

// --control takes a path behind it.
inline constexpr const char* kUnixWord = "unix:";

// Of bottle-proxy: carries standard input to the control socket of a proxy, and its answer back.
inline constexpr const char* kAskControl = "--ask-control";

}  // namespace bottle
