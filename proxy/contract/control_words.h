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
// The answer to asks.list with the version that is known comes with the next change, or after this.
inline constexpr std::chrono::seconds kAskListWait{5};

namespace control_verb {
inline constexpr const char* kSetSecrets = "secrets.set";
inline constexpr const char* kListSecrets = "secrets.list";
inline constexpr const char* kTellTrouble = "secrets.trouble";
inline constexpr const char* kAllow = "policy.allow";
inline constexpr const char* kDeny = "policy.deny";
inline constexpr const char* kListPolicy = "policy.list";
inline constexpr const char* kCheckPolicy = "policy.check";
inline constexpr const char* kListAsks = "asks.list";
inline constexpr const char* kAnswerAsk = "asks.answer";
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
// Of the policy's entries.
inline constexpr const char* kHost = "host";
inline constexpr const char* kRoute = "route";
inline constexpr const char* kOnce = "once";
inline constexpr const char* kSeconds = "seconds";
inline constexpr const char* kUrl = "url";
// Of asks.
inline constexpr const char* kAfter = "after";
inline constexpr const char* kAsk = "ask";
inline constexpr const char* kAnswer = "answer";
inline constexpr const char* kAnswerBy = "by";
inline constexpr const char* kListVersion = "version";
inline constexpr const char* kAsks = "asks";
inline constexpr const char* kMethod = "method";
inline constexpr const char* kPath = "path";
inline constexpr const char* kSecondsLeft = "seconds_left";
inline constexpr const char* kWaiting = "waiting";
// Of answers.
inline constexpr const char* kAllowed = "allow";
inline constexpr const char* kRoutes = "routes";
inline constexpr const char* kBy = "by";
inline constexpr const char* kUntil = "until";
inline constexpr const char* kHits = "hits";
inline constexpr const char* kCheck = "check";
inline constexpr const char* kPort = "port";
inline constexpr const char* kPasses = "passes";
inline constexpr const char* kReason = "reason";
inline constexpr const char* kDetail = "detail";
inline constexpr const char* kLearned = "learned";
inline constexpr const char* kEntry = "entry";
inline constexpr const char* kRouteEntry = "route_entry";
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
