#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/contract/control_words.h"
#include "proxy/control/control_message.h"
#include "proxy/control/control_socket.h"

namespace bottle {

// Does what the messages say. On the server's thread.
class ControlService {
 public:
  virtual ~ControlService() = default;
  // `who` is for logs: "uid 1000". Calls `done` once with the answer's line, now or later, on the
  // server's thread; nothing happens if the server has gone meanwhile.
  virtual void handle(ControlRequest request, const std::string& who,
                      std::function<void(std::string answer)> done) = 0;
};

struct ControlLimits {
  std::size_t clients = 16;  // at once: a person's commands, those that watch, the launcher's own
  std::size_t message_bytes = kMaxControlMessage;
  std::chrono::milliseconds message = kControlWait;  // from its first byte, and for its answer
  std::chrono::milliseconds idle = std::chrono::seconds(60);  // a client that asks nothing
};

// The clients of a control socket. One user's alone: the peer's uid must be this process's. A
// message of a client is read when the one before it is answered. One thread.
class ControlServer {
 public:
  // `socket` and `service` outlive it.
  ControlServer(boost::asio::io_context& io, const ControlSocket& socket, ControlService& service,
                ControlLimits limits = {});
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // No client and no timer is left in the loop after its next turn.
  void close();

 private:
  class Client;
  struct Accepting;
  void accept();
  void client_comes(boost::system::error_code ec);
  void accept_later();
  void take(boost::asio::local::stream_protocol::socket socket);
  void ended(const Client* client);

  boost::asio::io_context& io_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  ControlService& service_;
  const ControlLimits limits_;
  const uid_t user_;
  std::vector<std::shared_ptr<Client>> clients_;
  std::shared_ptr<Accepting> accepting_;
  bool closed_ = false;
};

}  // namespace bottle
