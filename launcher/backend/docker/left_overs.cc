#include "launcher/backend/docker/left_overs.h"

#include <fcntl.h>
#include <sys/file.h>

#include <map>
#include <set>
#include <sstream>

#include "launcher/backend/docker/docker_steps.h"

namespace bottle::launcher::docker {
namespace {

// Names of one bottle's things.
struct Found {
  std::string lease;
  std::vector<std::string> containers;
  std::vector<std::string> networks;
};

bool lives(const std::string& lease) {
  const Fd file(::open(lease.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return file && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0;
}

// Things with our label, by bottle. `filter`: one more label that they must have. False: the engine
// did not answer.
bool find(const Engine& engine, const std::string& filter, SignalWatch* signals,
          std::map<std::string, Found>& into) {
  const auto label = [](std::string_view name) {
    return "{{.Label \"" + std::string(name) + "\"}}";
  };
  for (const bool containers : {true, false}) {
    Call call;
    call.arguments = containers ? std::vector<std::string>{"ps", "--all"}
                                : std::vector<std::string>{"network", "ls"};
    const std::string name = containers ? "{{.Names}}" : "{{.Name}}";
    for (const std::string& word :
         {std::string("--filter"), "label=" + std::string(kOwnerLabel) + "=" + owner_mark(),
          std::string("--filter"), "label=" + filter, std::string("--format"),
          name + "\t" + label(kIdLabel) + "\t" + label(kLeaseLabel)}) {
      call.arguments.push_back(word);
    }
    call.limit = kQuestionLimit;
    const auto answer = engine.ask(call, signals);
    if (!answer || answer->status != 0) return false;
    std::istringstream lines(answer->out);
    for (std::string line; std::getline(lines, line);) {
      const auto first = line.find('\t');
      const auto second = first == std::string::npos ? first : line.find('\t', first + 1);
      if (second == std::string::npos) continue;
      auto& found = into[line.substr(first + 1, second - first - 1)];
      found.lease = line.substr(second + 1);
      (containers ? found.containers : found.networks).push_back(line.substr(0, first));
    }
  }
  return true;
}

bool remove(const Engine& engine, const Found& found) {
  bool all = true;
  const auto run = [&](const std::vector<std::string>& command) {
    const auto answer = engine.ask({.arguments = command}, nullptr);
    all = all && answer && answer->status == 0;
  };
  if (!found.containers.empty()) run(remove_containers(found.containers));
  if (!found.networks.empty()) run(remove_networks(found.networks));
  return all;
}

}  // namespace

std::size_t reap(const Engine& engine, SignalWatch* signals) {
  std::map<std::string, Found> bottles;
  if (!find(engine, std::string(kIdLabel), signals, bottles)) return 0;
  std::size_t removed = 0;
  for (const auto& [id, found] : bottles) {
    if (!lives(found.lease) && remove(engine, found)) ++removed;
  }
  return removed;
}

bool remove_bottle(const Engine& engine, const std::string& id) {
  std::map<std::string, Found> bottles;
  if (!find(engine, std::string(kIdLabel) + "=" + id, nullptr, bottles)) return false;
  const auto found = bottles.find(id);
  return found == bottles.end() || remove(engine, found->second);
}

}  // namespace bottle::launcher::docker
