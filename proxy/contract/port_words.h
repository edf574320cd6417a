#pragma once

#include <string_view>

namespace bottle {

// The words between a launcher and a container that shares the agent's network, which has
// bottle-proxy: the launcher reaches the agent's ports through it.

// As bottle-proxy's only argument: keep the container alive until standard input ends. Prints
// kRelaysReady.
inline constexpr const char* kAwaitRelays = "--await-relays";
inline constexpr std::string_view kRelaysReady = "ready\n";
// With a port behind it: carry standard input and output to that port at 127.0.0.1.
inline constexpr const char* kRelayPort = "--relay-port";

}  // namespace bottle
