#include "proxy/relay_port.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <utility>

#include "proxy/contract/byte_pump.h"
#include "proxy/contract/exit_code.h"
#include "proxy/contract/port_words.h"
#include "proxy/log_output.h"

namespace bottle {
namespace {

constexpr int kConnectLimit = 10'000;  // ms
constexpr int kAloneLimit = 60'000;    // ms

Fd connect_to(unsigned short port) {
  for (unsigned attempt = 0; attempt < kOwnAttempts; ++attempt) {
    Fd socket = dial_own_port(port, attempt);
    if (!socket) continue;
    pollfd slot{socket.get(), POLLOUT, 0};
    if (::poll(&slot, 1, kConnectLimit) == 1 && connect_result(socket) == 0) return socket;
  }
  return Fd();
}

}  // namespace

int relay_port(unsigned short port) {
  std::signal(SIGPIPE, SIG_IGN);
  Fd socket = connect_to(port);
  if (!socket) {
    complain("port " + std::to_string(port) + " takes no connection");
    return to_status(ExitCode::kUnwell);
  }
  for (const int number : {STDIN_FILENO, STDOUT_FILENO}) ::fcntl(number, F_SETFL, O_NONBLOCK);
  BytePump pump({Fd(STDIN_FILENO), Fd(STDOUT_FILENO)}, {std::move(socket)});
  std::array<pollfd, BytePump::kSlots> slots{};
  while (pump.move()) {
    pump.wanted(slots);
    if (::poll(slots.data(), slots.size(), pump.left_alone() ? kAloneLimit : -1) == 0) break;
  }
  return to_status(ExitCode::kOk);
}

int await_relays() {
  std::array<char, 256> chunk{};
  if (::write(STDOUT_FILENO, kRelaysReady.data(), kRelaysReady.size()) < 0) return 1;
  while (::read(STDIN_FILENO, chunk.data(), chunk.size()) > 0) {
  }
  return to_status(ExitCode::kOk);
}

}  // namespace bottle
