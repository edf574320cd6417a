#include "proxy/keeper/engine_link.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>

#include "proxy/contract/fd_message.h"
#include "proxy/keeper/memory_file.h"

namespace bottle {
namespace {

constexpr std::string_view kReady = "r";
constexpr std::string_view kPolicy = "p";
constexpr std::string_view kSecrets = "s";
constexpr std::string_view kTerminate = "t";
constexpr std::string_view kReload = "h";
constexpr std::size_t kMostWord = 2;  // a longer message is cut to this, and means nothing

constexpr std::array<std::string_view, kKeptKinds> kKeptWords{kPolicy, kSecrets};

}  // namespace

void EngineLink::tell_ready() const { send_message(fd(), kReady, {}); }

bool EngineLink::keep(KeptKind kind, std::string_view text) const {
  if (text.size() > kMostKept) return false;
  const Fd file = memory_file("bottle-kept", text);
  if (!file) return false;
  const std::array<int, 1> files{file.get()};
  return send_message(fd(), kKeptWords.at(static_cast<std::size_t>(kind)), files);
}

std::optional<KeeperOrder> EngineLink::next() const {
  const FdMessage message = receive_message(fd(), kMostWord, MSG_DONTWAIT);
  if (message.text.empty()) {
    if (message.error == EAGAIN || message.error == EINTR) return std::nullopt;
    return KeeperOrder::Gone;
  }
  if (message.text == kReload) return KeeperOrder::Reload;
  return KeeperOrder::Terminate;
}

void KeeperLink::order(KeeperOrder order) const {
  if (order == KeeperOrder::Gone) return;
  // An engine that takes no orders is ended by the keeper's patience.
  send_message(fd(), order == KeeperOrder::Reload ? kReload : kTerminate, {}, MSG_DONTWAIT);
}

std::optional<KeeperLink::News> KeeperLink::next() const {
  for (;;) {
    FdMessage message = receive_message(fd(), kMostWord, MSG_DONTWAIT);
    if (message.text.empty()) return std::nullopt;
    if (message.text == kReady) {
      News news;
      news.ready = true;
      return news;
    }
    for (std::size_t kind = 0; kind < kKeptKinds; ++kind) {
      if (message.text != kKeptWords.at(kind) || message.fds.size() != 1) continue;
      News news;
      news.kind = static_cast<KeptKind>(kind);
      news.file = std::move(message.fds.front());
      return news;
    }
  }
}

}  // namespace bottle
