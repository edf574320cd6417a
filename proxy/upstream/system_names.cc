#include "proxy/upstream/system_names.h"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "proxy/base/event.h"
#include "proxy/base/io_wait.h"
#include "proxy/base/task_group.h"

namespace bottle {
namespace {

// A socket that belongs to c-ares, watched by us. Closed by c-ares, which says so before.
struct Socket {
  Socket(const Executor& executor, int fd_in) : fd(fd_in), descriptor(executor, fd_in) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (!closed) descriptor.release();
  }
  void close() {
    closed = true;
    descriptor.release();
  }

  const int fd;
  asio::posix::basic_stream_descriptor<Executor> descriptor;
  bool closed = false;
  bool reads = false;  // wanted
  bool writes = false;
  bool reading = false;  // a child waits
  bool writing = false;
};

Addresses addresses_of(const ares_addrinfo& found) {
  Addresses out;
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, node->ai_addr, sizeof v4);
      out.emplace_back(asio::ip::address_v4(ntohl(v4.sin_addr.s_addr)));
    } else if (node->ai_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, node->ai_addr, sizeof v6);
      // A scope would make another address of it; link-local ones are never dialled anyway.
      if (v6.sin6_scope_id != 0) continue;
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
      out.emplace_back(asio::ip::address_v6(bytes));
    }
  }
  return out;
}

LookupAnswer answer_of(int status, const ares_addrinfo* found) {
  LookupAnswer answer;
  if (status == ARES_SUCCESS && found != nullptr) answer.addresses = addresses_of(*found);
  if (!answer.addresses.empty()) return answer;
  answer.error = status == ARES_SUCCESS ? "the name has no address" : ::ares_strerror(status);
  answer.temporary = status != ARES_SUCCESS && status != ARES_ENOTFOUND && status != ARES_ENODATA;
  return answer;
}

// One look-up. Lives in the frame of look_up(); c-ares calls it from within process() alone.
class Query {
 public:
  explicit Query(TimerWheel& wheel)
      : wheel_(wheel), changed_(wheel.executor()), watchers_(wheel.executor()) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() { end(); }

  // Throws std::bad_alloc; all that it began has ended then.
  awaitable<LookupAnswer> run(std::string name, ResolverLimits limits, std::string servers);

 private:
  awaitable<LookupAnswer> ask(std::string name, ResolverLimits limits, std::string servers);
  [[nodiscard]] int begin(const ResolverLimits& limits, const std::string& servers);
  void end() noexcept;
  void process(int readable, int writable);
  void watch(const std::shared_ptr<Socket>& socket);
  static awaitable<void> watch_reads(Query& self, std::shared_ptr<Socket> socket);
  static awaitable<void> watch_writes(Query& self, std::shared_ptr<Socket> socket);
  void take_state(int fd, int reads, int writes);
  void no_memory() noexcept;
  static void on_state(void* self, ares_socket_t fd, int reads, int writes);
  static void on_answer(void* self, int status, int timeouts, ares_addrinfo* found);

  TimerWheel& wheel_;
  ares_channel channel_ = nullptr;
  std::list<std::shared_ptr<Socket>> sockets_;
  std::optional<LookupAnswer> answer_;
  bool failed_ = false;  // out of memory
  Event changed_;        // there is an answer, or another time to wait for
  TaskGroup watchers_;
};

int Query::begin(const ResolverLimits& limits, const std::string& servers) {
  // Prepares c-ares' memory functions; counted, and never undone.
  static std::once_flag once;
  std::call_once(once, [] { ::ares_library_init(ARES_LIB_INIT_ALL); });
  std::array<char, 3> lookups{"fb"};  // files, then name servers
  ares_options options{};
  options.timeout = static_cast<int>(limits.server_answer.count());
  options.tries = static_cast<int>(limits.tries);
  options.lookups = lookups.data();
  options.sock_state_cb = &Query::on_state;
  options.sock_state_cb_data = this;
  const int wanted =
      ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  const int status = ::ares_init_options(&channel_, &options, wanted);
  if (status != ARES_SUCCESS || servers.empty()) return status;
  return ::ares_set_servers_ports_csv(channel_, servers.c_str());
}

void Query::end() noexcept {
  if (channel_ != nullptr) ::ares_destroy(std::exchange(channel_, nullptr));
}

awaitable<LookupAnswer> Query::run(std::string name, ResolverLimits limits, std::string servers) {
  std::optional<LookupAnswer> answer;
  try {
    answer = co_await ask(std::move(name), limits, std::move(servers));
  } catch (const std::bad_alloc&) {
  }
  end();
  co_await watchers_.join();
  if (!answer || failed_) throw std::bad_alloc();
  co_return std::move(*answer);
}

awaitable<LookupAnswer> Query::ask(std::string name, ResolverLimits limits, std::string servers) {
  const int ready = begin(limits, servers);
  if (ready != ARES_SUCCESS) co_return answer_of(ready, nullptr);
  ares_addrinfo_hints wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  ::ares_getaddrinfo(channel_, name.c_str(), nullptr, &wanted, &Query::on_answer, this);
  while (!answer_ && !failed_) {
    Deadline due(wheel_, changed_);
    timeval room{};
    const timeval* const left = ::ares_timeout(channel_, nullptr, &room);
    if (left != nullptr) {
      const auto wait =
          std::chrono::seconds(left->tv_sec) +
          std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(left->tv_usec));
      due.arm(std::max<std::chrono::milliseconds>(wait, std::chrono::milliseconds(1)));
    }
    const bool changed = co_await changed_.wait();
    if (changed) continue;
    if (!due.fired()) break;
    process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // for what is overdue
  }
  LookupAnswer answer;
  answer.error = "the look-up was cancelled";
  answer.temporary = true;
  if (answer_) answer = std::move(*answer_);
  co_return answer;
}

void Query::process(int readable, int writable) {
  ::ares_process_fd(channel_, readable, writable);
  // Not at once: a child that watches a socket may be the caller.
  changed_.set_later();
}

void Query::on_answer(void* self, int status, int, ares_addrinfo* found) {
  auto& query = *static_cast<Query*>(self);
  try {
    query.answer_ = answer_of(status, found);
  } catch (const std::bad_alloc&) {
    query.no_memory();
  }
  if (found != nullptr) ::ares_freeaddrinfo(found);
}

// No exception goes through c-ares.
void Query::on_state(void* self, ares_socket_t fd, int reads, int writes) {
  auto& query = *static_cast<Query*>(self);
  try {
    query.take_state(fd, reads, writes);
  } catch (const std::exception&) {
    query.no_memory();
  }
}

// An answer that came before counts.
void Query::no_memory() noexcept {
  if (!answer_) failed_ = true;
  changed_.set_later();
}

void Query::take_state(int fd, int reads, int writes) {
  Query& query = *this;
  auto& sockets = query.sockets_;
  const auto found =
      std::find_if(sockets.begin(), sockets.end(), [fd](const auto& one) { return one->fd == fd; });
  if (reads == 0 && writes == 0) {
    if (found == sockets.end()) return;
    (*found)->close();
    sockets.erase(found);
    return;
  }
  const auto socket =
      found != sockets.end()
          ? *found
          : sockets.emplace_back(std::make_shared<Socket>(query.wheel_.executor(), fd));
  socket->reads = reads != 0;
  socket->writes = writes != 0;
  query.watch(socket);
}

void Query::watch(const std::shared_ptr<Socket>& socket) {
  if (socket->reads && !socket->reading) {
    socket->reading = true;
    watchers_.spawn(watch_reads(*this, socket));
  }
  if (socket->writes && !socket->writing) {
    socket->writing = true;
    watchers_.spawn(watch_writes(*this, socket));
  }
}

awaitable<void> Query::watch_reads(Query& self, std::shared_ptr<Socket> socket) {
  while (!socket->closed && socket->reads) {
    const auto ec =
        co_await wait_until_ready(socket->descriptor, asio::posix::descriptor_base::wait_read);
    if (ec || socket->closed) co_return;
    self.process(socket->fd, ARES_SOCKET_BAD);
  }
  socket->reading = false;
}

awaitable<void> Query::watch_writes(Query& self, std::shared_ptr<Socket> socket) {
  while (!socket->closed && socket->writes) {
    const auto ec =
        co_await wait_until_ready(socket->descriptor, asio::posix::descriptor_base::wait_write);
    if (ec || socket->closed) co_return;
    self.process(ARES_SOCKET_BAD, socket->fd);
  }
  socket->writing = false;
}

}  // namespace

SystemNames::SystemNames(TimerWheel& wheel, ResolverLimits limits, std::string servers)
    : wheel_(wheel), limits_(limits), servers_(std::move(servers)) {}

awaitable<LookupAnswer> SystemNames::look_up(std::string name) {
  Query query(wheel_);
  auto answer = co_await query.run(std::move(name), limits_, servers_);
  co_return answer;
}

}  // namespace bottle
