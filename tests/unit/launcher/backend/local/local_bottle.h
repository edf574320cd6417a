#pragma once

// Runs the real program with a stand-in for bottle-proxy: what a bottle is must be seen from
// inside.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "launcher/process/namespaces.h"
#include "launcher/process/process.h"

namespace bottle::launcher {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

inline std::string content(const fs::path& file) {
  std::ostringstream out;
  // Files of /proc fail when their process ends; that is an empty content.
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

// A TCP socket of this machine at a free port, that listens or only keeps others from it.
struct OwnPort {
  enum class Use : bool { Keep, Listen };
  OwnPort(in_addr_t at, Use use) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(at);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket.get(), any, size), 0);
    if (use == Use::Listen) {
      EXPECT_EQ(::listen(socket.get(), 8), 0);
    }
    EXPECT_EQ(::getsockname(socket.get(), any, &size), 0);
    number = std::to_string(ntohs(address.sin_port));
  }
  Fd socket;
  std::string number;
};

class LocalBackend : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("bwrap", "/usr/bin:/bin") || !find_program("python3", "/usr/bin:/bin")) {
      GTEST_SKIP() << "bubblewrap (bwrap) or /usr/bin/python3 is missing";
    }
    if (const auto possible = probe_namespaces(); !possible) {
      GTEST_SKIP() << possible.error().message;
    }
    std::string pattern = "/tmp/bottle-test-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    for (const char* name : {"home", "project", "state", "run"}) fs::create_directory(root_ / name);
    fs::permissions(root_ / "run", fs::perms::owner_all);
  }
  void TearDown() override {
    if (!root_.empty()) fs::remove_all(root_);
  }

  Launch launch(std::vector<std::string> arguments) const {
    Launch out;
    out.argv = {BOTTLE_BINARY};
    out.argv.insert(out.argv.end(), arguments.begin(), arguments.end());
    out.env = {"PATH=/usr/bin:/bin",
               "HOME=" + (root_ / "home").string(),
               "XDG_STATE_HOME=" + (root_ / "state").string(),
               "XDG_RUNTIME_DIR=" + (root_ / "run").string(),
               "BOTTLE_PROXY=" BOTTLE_TESTS_DIR "/support/fake_proxy.py",
               "LEAK_CHECK=host-value"};
    return out;
  }

  Expected<Child> start(const std::vector<std::string>& arguments) const {
    const Fd in(::open((root_ / "in").c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
    const Fd out(::open((root_ / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const Fd err(::open((root_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    Launch words = launch(arguments);
    words.fds = {{in.get(), 0}, {out.get(), 1}, {err.get(), 2}};
    const std::string project = (root_ / "project").string();
    return spawn(words, ExitCode::kSystem, [project] { return ::chdir(project.c_str()) == 0; });
  }

  Outcome bottle(const std::vector<std::string>& arguments) const {
    auto child = start(arguments);
    EXPECT_TRUE(child);
    EXPECT_TRUE(child->wait(60s));
    return {child->exit_status(), content(root_ / "out"), content(root_ / "err")};
  }

  Outcome shell(const std::string& script, std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments{"start"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--", "bash", "-c", script});
    return bottle(arguments);
  }

  // Until the agent has made this file in the workspace.
  bool wait_for(const std::string& file) const {
    for (int i = 0; i < 2000; ++i) {
      if (fs::exists(root_ / "project" / file)) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  // Bottles' directories that are there now.
  std::vector<std::string> left_over() const {
    std::vector<std::string> out;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(root_ / "run/bottle", ec)) {
      if (entry.is_directory()) out.push_back(entry.path().filename().string());
    }
    return out;
  }

  // Processes of this machine that belong to this test: its directory is in their command line.
  std::vector<pid_t> processes() const {
    std::vector<pid_t> out;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator("/proc", ec)) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      if (content(entry.path() / "cmdline").find(root_.string()) == std::string::npos) continue;
      out.push_back(static_cast<pid_t>(std::stol(name)));
    }
    return out;
  }

  bool nothing_runs() const {
    for (int i = 0; i < 500; ++i) {
      if (processes().empty()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  nlohmann::json audit() const {
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "state")) {
      if (entry.path().filename() == "audit.jsonl") {
        const std::string text = content(entry.path());
        return nlohmann::json::parse(text.substr(0, text.find('\n')));
      }
    }
    return {};
  }

  // The arguments of the stand-in for bottle-proxy, a space after each word.
  std::string proxy_arguments() const {
    std::string argv;
    const auto told = audit();
    for (const auto& word : told["argv"]) argv += word.get<std::string>() + " ";
    return argv;
  }

  fs::path root_;
};

}  // namespace bottle::launcher
