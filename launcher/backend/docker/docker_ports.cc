#include "launcher/backend/docker/docker_ports.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <iostream>
#include <list>
#include <string>
#include <utility>

#include "launcher/backend/docker/docker_steps.h"
#include "proxy/contract/port_words.h"

namespace bottle::launcher::docker {
namespace {

constexpr std::chrono::seconds kRelayLimit{30};
// A failure is not tried again by each of a browser's connections.
constexpr std::chrono::seconds kBetweenTries{2};

// Ends with its input; then the engine removes it.
std::vector<std::string> relay_command(const std::string& agent, const std::string& id,
                                       const std::string& name, const std::string& image,
                                       const std::string& lease) {
  const std::string user = std::to_string(kProxyUser);
  std::vector<std::string> words{"run", "--rm", "--interactive", "--read-only"};
  const auto options = confined({.id = id,
                                 .lease = lease,
                                 .name = name,
                                 .network = "container:" + agent,
                                 .user = user + ":" + user,
                                 .memory = std::string(kRelayMemory),
                                 .processes = kHelperProcesses});
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {image, kAwaitRelays});
  return words;
}

class DockerDialer final : public PortDialer {
 public:
  DockerDialer(Engine engine, const BottleRecord& bottle)
      : engine_(std::move(engine)),
        names_(bottle.id),
        id_(bottle.id),
        relay_("bottle-" + bottle.id + "-relay-" + std::to_string(::getpid())),
        nothing_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {}

  unsigned attempts() const override { return 1; }

  Fd dial(std::uint16_t port, unsigned) override {
    if (!relay_runs()) return Fd();
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return Fd();
    Fd mine(ends[0]);
    const Fd other(ends[1]);
    ::fcntl(mine.get(), F_SETFL, O_NONBLOCK);
    auto child = engine_.begin({"exec", "--interactive", relay_, "/usr/local/bin/bottle-proxy",
                                kRelayPort, std::to_string(port)},
                               {{other.get(), 0}, {other.get(), 1}, {nothing_.get(), 2}}, true);
    if (!child) return Fd();
    calls_.push_back(std::move(*child));
    return mine;
  }

  void tidy() override {
    calls_.remove_if([](Child& one) { return one.ended(); });
  }

 private:
  bool relay_runs() {
    if (relay_child_ && !relay_child_.ended()) return true;
    if (std::chrono::steady_clock::now() < try_again_) return false;
    const auto started = start_relay();
    try_again_ = std::chrono::steady_clock::now() + kBetweenTries;
    if (started) return true;
    std::cerr << "bottle: warning: the bottle's ports cannot be reached: "
              << started.error().message << "\n";
    return false;
  }

  Expected<void> start_relay() {
    Call call;
    call.arguments = {
        "inspect", "--format",
        "{{.Config.Image}}\n{{index .Config.Labels \"" + std::string(kLeaseLabel) + "\"}}",
        names_.proxy};
    call.limit = kQuestionLimit;
    const auto answer = engine_.ask(call, nullptr);
    if (!answer) return answer.error();
    const auto line = answer->out.find('\n');
    if (answer->status != 0 || line == std::string::npos) {
      return Error{ExitCode::kEngine, "the proxy's container is not there: " + answer->words, ""};
    }
    return run_relay(answer->out.substr(0, line), one_line(answer->out.substr(line + 1)));
  }

  Expected<void> run_relay(const std::string& image, const std::string& lease) {
    auto input = make_pipe();
    if (!input) return std::move(input.error());
    auto output = make_pipe();
    if (!output) return std::move(output.error());
    auto child = engine_.begin(
        relay_command(names_.agent, id_, relay_, image, lease),
        {{input->read.get(), 0}, {output->write.get(), 1}, {nothing_.get(), 2}}, true);
    if (!child) return std::move(child.error());
    relay_child_ = std::move(*child);
    input_ = std::move(input->write);
    output->write.reset();
    pollfd slot{output->read.get(), POLLIN, 0};
    std::array<char, 16> said{};
    const auto limit = std::chrono::milliseconds(kRelayLimit).count();
    if (::poll(&slot, 1, static_cast<int>(limit)) == 1 &&
        ::read(slot.fd, said.data(), said.size()) > 0) {
      output_ = std::move(output->read);
      return {};
    }
    relay_child_ = Child();
    return Error{ExitCode::kEngine, "the container that relays them did not start",
                 "is the image " + image + " of this version?"};
  }

  const Engine engine_;
  const Names names_;
  const std::string id_;
  const std::string relay_;
  const Fd nothing_;
  Fd input_{};   // the container ends with it
  Fd output_{};  // kept open, as a reader
  Child relay_child_{};
  std::list<Child> calls_{};  // a docker program for each connection
  std::chrono::steady_clock::time_point try_again_{};
};

}  // namespace

std::unique_ptr<PortDialer> make_docker_dialer(Engine engine, const BottleRecord& bottle) {
  return std::make_unique<DockerDialer>(std::move(engine), bottle);
}

}  // namespace bottle::launcher::docker
