#include "proxy/log_output.h"

#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace bottle {
namespace {

// A pipe that can be written has room for PIPE_BUF bytes.
constexpr std::size_t kMostAtOnce = 4096;

void write_if_it_goes(std::string_view text) {
  pollfd fd{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&fd, 1, 0) != 1 || (fd.revents & POLLOUT) == 0) return;
  const ssize_t written = ::write(STDERR_FILENO, text.data(), std::min(text.size(), kMostAtOnce));
  static_cast<void>(written);
}

class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_if_it_goes(std::string_view(line.data(), line.size()));
  }
  void flush_() override {}
};

}  // namespace

void set_up_log(std::string_view level) {
  auto logger = std::make_shared<spdlog::logger>("bottle-proxy", std::make_shared<StderrSink>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %n %l %v");
  logger->set_level(spdlog::level::from_str(std::string(level)));
  spdlog::set_default_logger(std::move(logger));
}

void complain(std::string_view what) {
  write_if_it_goes("bottle-proxy: " + std::string(what) + "\n");
}

}  // namespace bottle
