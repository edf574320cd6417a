// bottle-load sends a fixed number of requests through a proxy that intercepts TLS, or to a server,
// and prints what they took. One thread, one epoll: it costs less than what it measures.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/load/connection.h"
#include "bench/load/histogram.h"
#include "bench/load/plan.h"

namespace bottle::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t nanoseconds() {
  return static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
}

class Run : public Owner {
 public:
  explicit Run(const Plan& plan)
      : plan_(plan),
        poll_(::epoll_create1(EPOLL_CLOEXEC)),
        context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
    if (!plan.ca.empty()) {
      if (SSL_CTX_load_verify_locations(context_, plan.ca.c_str(), nullptr) != 1) {
        throw std::runtime_error("--ca " + plan.ca + " cannot be read");
      }
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    }
    static constexpr std::array<unsigned char, 3> kH2{2, 'h', '2'};
    static constexpr std::array<unsigned char, 9> kH1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(context_, plan.h2 ? kH2.data() : kH1.data(),
                            plan.h2 ? kH2.size() : kH1.size());
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION* session) {
      auto** kept = static_cast<SSL_SESSION**>(SSL_get_app_data(ssl));
      if (kept == nullptr) return 0;
      SSL_SESSION_free(std::exchange(*kept, session));
      return 1;
    });
  }
  ~Run() override {
    open_.clear();
    SSL_SESSION_free(session_);
    SSL_CTX_free(context_);
    ::close(poll_);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void resumed() override { ++resumed_; }
  void answered(std::uint64_t started, std::size_t bytes) override {
    ++done_;
    bytes_ += bytes;
    const std::uint64_t now = nanoseconds();
    if (done_ == plan_.warm) begin_to_count(now);
    if (done_ > plan_.warm && !plan_.events) latencies_.record((now - started) / 1000);
  }
  void event(std::uint64_t sent) override {
    if (done_ >= plan_.warm) latencies_.record((nanoseconds() - sent) / 1000);
  }
  void failed(const std::string& why) override {
    ++done_;
    ++errors_;
    ++reasons_[why];
    if (done_ == plan_.warm) begin_to_count(nanoseconds());
  }

  // Until all have an answer. False: the time was up.
  bool go() {
    const std::uint64_t wanted = plan_.warm + plan_.requests;
    first_ = nanoseconds();
    if (plan_.warm == 0) begin_to_count(first_);
    if (plan_.hold && plan_.warm > 0) {
      if (!reach(plan_.warm)) return false;
      std::puts("warm");
      std::fflush(stdout);
      hold();
      begin_to_count(nanoseconds());
    }
    return reach(wanted);
  }

  // Until standard input has a line or ends, or the time is up. Connections stay, and what their
  // peers send meanwhile is answered.
  void hold() {
    while (!time_is_up()) {
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      std::array<char, 256> line{};
      if (::poll(&input, 1, 0) > 0) {
        static_cast<void>(::read(STDIN_FILENO, line.data(), line.size()));
        return;
      }
      wait();
    }
  }

  void print(bool in_time) const {
    const double seconds = static_cast<double>(nanoseconds() - counted_from_) / 1e9;
    if (!plan_.log.empty()) {
      const auto start =
          std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
      std::ofstream(plan_.log) << latencies_.log(start.count() - seconds, seconds);
    }
    std::printf(
        "{\"requests\":%llu,\"errors\":%llu,\"in_time\":%s,\"seconds\":%.6f,\"bytes\":%llu,"
        "\"p50_us\":%llu,\"p90_us\":%llu,\"p99_us\":%llu,\"max_us\":%llu,\"open\":%zu,\"resumed\":%"
        "llu,\"reasons\":"
        "{",
        number(latencies_.total()), number(errors_), in_time ? "true" : "false", seconds,
        number(bytes_), number(latencies_.at(0.5)), number(latencies_.at(0.9)),
        number(latencies_.at(0.99)), number(latencies_.most()), open_.size(), number(resumed_));
    const char* comma = "";
    for (const auto& [why, count] : reasons_) {
      std::printf("%s\"%s\":%llu", comma, why.c_str(), number(count));
      comma = ",";
    }
    std::printf("}}\n");
    std::fflush(stdout);
  }

  // Connections that their peers have not closed.
  [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }
  [[nodiscard]] bool whole() const noexcept { return errors_ == 0; }

 private:
  static unsigned long long number(std::uint64_t n) { return n; }

  [[nodiscard]] bool time_is_up() const noexcept {
    return nanoseconds() - first_ > static_cast<std::uint64_t>(plan_.timeout * 1e9);
  }

  // Until so many requests have an answer. False: the time was up.
  bool reach(std::uint64_t wanted) {
    while (done_ < wanted) {
      if (time_is_up()) return false;
      fill(wanted);
      wait();
    }
    return true;
  }

  // The warm-up is over.
  void begin_to_count(std::uint64_t now) {
    counted_from_ = now;
    latencies_ = Histogram();
  }

  // Sends what is due on what has room.
  void fill(std::uint64_t wanted) {
    while (sent_ < wanted) {
      if (plan_.at_once > 0 && sent_ - done_ >= plan_.at_once) return;
      std::uint64_t started = nanoseconds();
      if (plan_.rate > 0) {
        const auto due =
            first_ + static_cast<std::uint64_t>(static_cast<double>(sent_) * 1e9 / plan_.rate);
        if (due > started) return;
        started = due;
      }
      Connection* to = with_room();
      if (to == nullptr) return;
      ++sent_;
      to->send(started);
      watch(*to);
    }
  }

  // A new connection, until there are as many as wanted; then those with room in turns.
  Connection* with_room() {
    if (order_.size() < plan_.connections) return connect();
    for (std::size_t n = 0; n < order_.size(); ++n) {
      Connection& one = *order_[(next_ + n) % order_.size()];
      if (one.room() == 0) continue;
      next_ = (next_ + n + 1) % order_.size();
      return &one;
    }
    return nullptr;
  }

  Connection* connect() {
    std::string host = plan_.target;
    if (plan_.new_hosts) host = "n" + std::to_string(plan_.first_host + hosts_++) + "." + host;
    auto made = std::make_unique<Connection>(plan_, context_, *this,
                                             plan_.resume ? &session_ : nullptr, std::move(host));
    Connection* out = made.get();
    epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.fd = out->fd()}};
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, out->fd(), &event);
    watched_[out->fd()] = event.events;
    order_.push_back(out);
    open_.emplace(out->fd(), std::move(made));
    return out;
  }

  void watch(Connection& one) {
    std::uint32_t& before = watched_[one.fd()];
    if (before == one.events()) return;
    epoll_event event{.events = before = one.events(), .data = {.fd = one.fd()}};
    ::epoll_ctl(poll_, EPOLL_CTL_MOD, one.fd(), &event);
  }

  void wait() {
    std::array<epoll_event, 256> events{};
    int milliseconds = 100;
    if (plan_.rate > 0) {
      const auto due =
          first_ + static_cast<std::uint64_t>(static_cast<double>(sent_) * 1e9 / plan_.rate);
      const std::uint64_t now = nanoseconds();
      milliseconds =
          due <= now ? 1
                     : static_cast<int>(std::min<std::uint64_t>(100, (due - now) / 1'000'000 + 1));
    }
    const int count =
        ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), milliseconds);
    for (int i = 0; i < count; ++i) {
      const auto found = open_.find(events[static_cast<std::size_t>(i)].data.fd);
      if (found == open_.end()) continue;
      Connection& one = *found->second;
      const bool lives = one.ready();
      if (lives && !one.spent()) {
        watch(one);
        continue;
      }
      order_.erase(std::find(order_.begin(), order_.end(), &one));
      watched_.erase(one.fd());
      open_.erase(found);
    }
  }

  const Plan& plan_;
  const int poll_;
  SSL_CTX* const context_;
  SSL_SESSION* session_ = nullptr;
  std::unordered_map<int, std::unique_ptr<Connection>> open_;
  std::unordered_map<int, std::uint32_t> watched_;
  std::vector<Connection*> order_;
  std::size_t next_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t counted_from_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t hosts_ = 0;
  std::uint64_t resumed_ = 0;
  Histogram latencies_;
  std::map<std::string, std::uint64_t> reasons_;
};

}  // namespace
}  // namespace bottle::bench

int main(int argc, char** argv) {
  using namespace bottle::bench;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const Plan plan = plan_of(argc, argv);
    Run run(plan);
    const bool in_time = run.go();
    run.print(in_time);
    if (plan.hold && in_time) {
      run.hold();
      std::printf("%zu\n", run.open());
    }
    return in_time && run.whole() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bottle-load: %s\n", error.what());
    return 2;
  }
}
