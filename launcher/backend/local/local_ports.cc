#include "launcher/backend/local/local_ports.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "launcher/backend/local/enter.h"
#include "proxy/contract/byte_pump.h"

namespace bottle::launcher::local {
namespace {

class OwnDialer final : public PortDialer {
 public:
  Fd dial(std::uint16_t port, unsigned attempt) override { return dial_own_port(port, attempt); }
  unsigned attempts() const override { return kOwnAttempts; }
};

struct Namespace {
  const char* name;
  int flag;
};
// The first has power over the second.
constexpr std::array kEntered{Namespace{"user", CLONE_NEWUSER}, Namespace{"net", CLONE_NEWNET}};

}  // namespace

Expected<std::unique_ptr<PortDialer>> enter_network(const BottleRecord& bottle) {
  const Error ended{ExitCode::kUsage, "bottle " + bottle.id + " has ended, or has not begun",
                    "bottle list shows those that run"};
  const Fd keeper = open_process(bottle.keeper);
  if (!keeper) return ended;
  std::array<Fd, kEntered.size()> open;
  for (std::size_t i = 0; i < open.size(); ++i) {
    const std::string file =
        "/proc/" + std::to_string(bottle.keeper.pid) + "/ns/" + kEntered[i].name;
    open[i] = Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  }
  // The kernel uses a number again only after its process ended: if the keeper still runs, the
  // namespaces that were opened are the bottle's.
  pollfd gone{keeper.get(), POLLIN, 0};
  if (::poll(&gone, 1, 0) != 0) return ended;
  const pid_t parent = ::getppid();
  int promise = 0;
  ::prctl(PR_GET_PDEATHSIG, &promise, 0, 0, 0);
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (open[i] && ::setns(open[i].get(), kEntered[i].flag) == 0) continue;
    return system_error(std::string("cannot enter the bottle's ") + kEntered[i].name + " namespace",
                        errno, "", ExitCode::kIsolation);
  }
  if (!give_up_privileges()) {
    return system_error("cannot give up privileges", errno, "", ExitCode::kIsolation);
  }
  // The kernel may have taken it back with the change of credentials.
  if (promise != 0) keep_death_promise(parent);
  return std::unique_ptr<PortDialer>(std::make_unique<OwnDialer>());
}

}  // namespace bottle::launcher::local
