#include "proxy/control/control_server.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "proxy/base/place.h"

namespace bottle {
namespace {

namespace asio = boost::asio;
using Stream = asio::local::stream_protocol;

constexpr std::chrono::milliseconds kAfterFailedAccept{100};
constexpr std::chrono::milliseconds kAfterNoMemory{2};

std::optional<uid_t> user_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

Error refused(std::string what, std::string hint = {}) {
  return Error{ExitCode::kUsage, std::move(what), std::move(hint)};
}

void wipe(std::string& text) {
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

}  // namespace

// One connection. Its handlers keep it while they wait; the server has it until it ends.
class ControlServer::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(ControlServer& server, Stream::socket socket, std::string who)
      : server_(&server),
        socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        who_(std::move(who)) {}

  void serve() {
    wait(server_->limits_.idle);
    read();
  }
  // Says why, and ends.
  void turn_away(const Error& why) {
    last_ = true;
    answer(error_answer("", why));
  }
  // Without memory it ends; the server and other commands go on.
  template <class Act>
  void guarded(Act act) {
    try {
      act();
    } catch (const std::bad_alloc&) {
      end();
    }
  }
  // The server's last word to it.
  void close() {
    server_ = nullptr;
    timer_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
    wipe(input_);
  }

 private:
  void end() {
    if (server_ != nullptr) server_->ended(this);
  }

  void wait(std::chrono::milliseconds limit) {
    timer_.expires_after(limit);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
      if (ec || self->server_ == nullptr) return;
      self->guarded([&self] { self->too_late(); });
    });
  }

  void too_late() {
    if (input_.empty() || last_) return end();
    ++turn_;  // an answer that comes yet is dropped
    turn_away(refused(working_ ? "the proxy was not done in time; ask for what holds now"
                               : "the message did not end in time"));
  }

  void read() {
    socket_.async_read_some(
        asio::buffer(piece_),
        [self = shared_from_this()](boost::system::error_code ec, std::size_t size) {
          if (self->server_ == nullptr || self->last_) return;
          if (ec) return self->end();
          self->guarded([&self, size] { self->got(size); });
        });
  }

  void got(std::size_t size) {
    if (input_.empty()) wait(server_->limits_.message);
    input_.append(piece_.data(), size);
    ::explicit_bzero(piece_.data(), size);
    if (input_.find('\n') != std::string::npos) return work();
    if (input_.size() < server_->limits_.message_bytes) return read();
    turn_away(refused("the message has more than " +
                      std::to_string(server_->limits_.message_bytes) + " bytes"));
  }

  void work() {
    const std::size_t end = input_.find('\n');
    if (end >= server_->limits_.message_bytes) {
      return turn_away(refused("the message has more than " +
                               std::to_string(server_->limits_.message_bytes) + " bytes"));
    }
    working_ = true;
    wait(server_->limits_.message);
    ParsedControl parsed = parse_control(std::string_view(input_).substr(0, end));
    if (parsed.error) return answer(error_answer(parsed.request.id, *parsed.error));
    server_->service_.handle(std::move(parsed.request), who_,
                             [weak = weak_from_this(), turn = turn_](std::string text) {
                               const auto self = weak.lock();
                               if (!self || self->server_ == nullptr || self->turn_ != turn) return;
                               self->guarded([&] { self->answer(std::move(text)); });
                             });
  }

  void answer(std::string text) {
    output_ = std::move(text);
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                        if (self->server_ == nullptr) return;
                        if (ec || self->last_) return self->end();
                        self->guarded([&self] { self->next(); });
                      });
  }

  void next() {
    working_ = false;
    std::string rest = input_.substr(input_.find('\n') + 1);
    wipe(input_);
    input_ = std::move(rest);
    if (input_.empty()) return serve();
    if (input_.find('\n') != std::string::npos) return work();
    wait(server_->limits_.message);
    read();
  }

  ControlServer* server_;  // null: closed
  Stream::socket socket_;
  asio::steady_timer timer_;
  const std::string who_;
  std::array<char, 16384> piece_{};
  std::string input_;
  std::string output_;
  unsigned turn_ = 0;
  bool working_ = false;
  bool last_ = false;  // it ends with the answer that is on its way
};

// The wait for the next client. Its memory is there from the start, and outlives the server: Asio
// gives it back when the loop comes to it.
struct ControlServer::Accepting {
  explicit Accepting(ControlServer& server_in) noexcept : server(&server_in) {}
  ControlServer* server;  // null: closed
  Place<256> place;
};

ControlServer::ControlServer(asio::io_context& io, const ControlSocket& socket,
                             ControlService& service, ControlLimits limits)
    : io_(io),
      acceptor_(io, Stream(), ::dup(socket.fd())),
      service_(service),
      limits_(limits),
      user_(::geteuid()),
      accepting_(std::make_shared<Accepting>(*this)) {
  acceptor_.non_blocking(true);
  accept();
}

ControlServer::~ControlServer() { close(); }

void ControlServer::close() {
  closed_ = true;
  accepting_->server = nullptr;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (const auto& client : clients_) client->close();
  clients_.clear();
}

void ControlServer::accept() {
  auto comes = [accepting = accepting_](boost::system::error_code ec) {
    if (accepting->server != nullptr) accepting->server->client_comes(ec);
  };
  acceptor_.async_wait(Stream::acceptor::wait_read,
                       asio::bind_allocator(accepting_->place.allocator(), std::move(comes)));
}

void ControlServer::client_comes(boost::system::error_code ec) {
  try {
    if (!ec) {
      Stream::socket socket = acceptor_.accept(io_, ec);
      if (!ec) take(std::move(socket));
    }
    if (ec && ec != asio::error::would_block) return accept_later();
  } catch (const std::bad_alloc&) {
    // This client is lost; the next one is taken.
    std::this_thread::sleep_for(kAfterNoMemory);
  }
  accept();
}

// Out of descriptors: the one that waits would come at once again.
void ControlServer::accept_later() {
  auto later = std::make_shared<asio::steady_timer>(io_, kAfterFailedAccept);
  later->async_wait([accepting = accepting_, later](boost::system::error_code) {
    if (accepting->server != nullptr) accepting->server->accept();
  });
}

void ControlServer::take(Stream::socket socket) {
  const auto user = user_of(socket.native_handle());
  const std::string who = user ? "uid " + std::to_string(*user) : "nobody known";
  const bool full = clients_.size() >= limits_.clients;
  auto client = std::make_shared<Client>(*this, std::move(socket), who);
  if (!user || *user != user_) {
    spdlog::warn("control: a command of {} was refused", who);
    clients_.push_back(client);
    return client->guarded([&client] {
      client->turn_away(refused("this proxy takes commands of its own user alone",
                                "run the command as that user"));
    });
  }
  if (full) return;  // closes it: it has no answer to wait for
  clients_.push_back(client);
  client->guarded([&client] { client->serve(); });
}

void ControlServer::ended(const Client* client) {
  const auto found = std::find_if(clients_.begin(), clients_.end(),
                                  [client](const auto& one) { return one.get() == client; });
  if (found == clients_.end()) return;
  const auto kept = std::move(*found);
  clients_.erase(found);
  kept->close();
}

}  // namespace bottle
