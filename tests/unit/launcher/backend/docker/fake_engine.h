#pragma once

// Runs the backend with a stand-in for the docker program (tests/support/fake_docker.py) on PATH.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launcher/backend/docker/docker_backend.h"
#include "launcher/backend/docker/docker_control.h"
#include "launcher/backend/run_bottle.h"
#include "launcher/plan/spec.h"
#include "launcher/process/process.h"

namespace bottle::launcher::docker {

namespace fs = std::filesystem;

inline std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class FakeEngine : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("python3", "/usr/bin")) GTEST_SKIP() << "/usr/bin/python3 is missing";
    std::string pattern = "/tmp/bottle-test-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    for (const char* name : {"bin", "home", "project", "state", "run", "engine"}) {
      fs::create_directory(root_ / name);
    }
    fs::permissions(root_ / "run", fs::perms::owner_all);
    fs::create_symlink(BOTTLE_TESTS_DIR "/support/fake_docker.py", root_ / "bin/docker");
    set("PATH", (root_ / "bin").string() + ":/usr/bin:/bin");
    set("FAKE_DOCKER", (root_ / "engine").string());
    spec_.name = "default";
    spec_.around.directory = root_ / "project";
    spec_.around.home = root_ / "home";
    spec_.around.env = {{"PATH", "/usr/bin:/bin"},
                        {"TERM", "dumb"},
                        {"XDG_RUNTIME_DIR", (root_ / "run").string()},
                        {"XDG_STATE_HOME", (root_ / "state").string()}};
    spec_.workspace = root_ / "project";
    spec_.command = {"curl", "-sS", "https://a.example/"};
    spec_.allow = {"a.example", "b.example:8443"};
    spec_.quiet = true;
  }

  void TearDown() override {
    for (const auto& name : set_) ::unsetenv(name.c_str());
    if (!path_.empty()) ::setenv("PATH", path_.c_str(), 1);
    if (!root_.empty()) fs::remove_all(root_);
  }

  void set(const std::string& name, const std::string& value) {
    if (name == "PATH") {
      path_ = std::getenv("PATH");
    } else {
      set_.push_back(name);
    }
    ::setenv(name.c_str(), value.c_str(), 1);
  }

  void use_pipelock() {
    spec_.scanner = Scanner::kPipelock;
    spec_.scanner_why = "as the test asks";
  }

  void add_secret(const std::string& name, const std::string& value) {
    spec_.env.values[name] = Secret(value);
    spec_.env.secrets.push_back({name, Secret(value), {"a.example"}});
  }

  Expected<Plan> prepare() { return make_docker_backend()->prepare(spec_, "as asked"); }

  Expected<ExitStatus> launch() {
    const auto plan = prepare();
    if (!plan) return plan.error();
    return launch(*plan);
  }
  static Expected<ExitStatus> launch(const Plan& plan) {
    return run_bottle(plan, *make_docker_backend(), *make_docker_control());
  }

  // Calls that were made so far.
  std::vector<nlohmann::json> calls() const {
    std::vector<nlohmann::json> out;
    std::ifstream in(root_ / "engine/calls");
    for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
    return out;
  }
  std::vector<std::string> commands() const {
    std::vector<std::string> out;
    for (const auto& call : calls()) {
      std::string line;
      for (const auto& word : call["words"]) line += word.get<std::string>() + " ";
      out.push_back(line);
    }
    return out;
  }
  // The first call that begins so.
  nlohmann::json call(const std::string& begin) const {
    const auto lines = commands();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].starts_with(begin)) return calls()[i];
    }
    return {};
  }

  // The things that the engine has.
  std::vector<std::string> things() const {
    std::vector<std::string> out;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(root_ / "engine/things", ec)) {
      out.push_back(entry.path().filename().string());
    }
    return out;
  }
  void forget_calls() const { fs::remove(root_ / "engine/calls"); }

  bool nothing_is_left() const {
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(root_ / "run/bottle", ec)) {
      if (entry.is_directory()) return false;
    }
    return things().empty();
  }

  fs::path root_;
  BottleSpec spec_;

 private:
  std::vector<std::string> set_;
  std::string path_;
};

}  // namespace bottle::launcher::docker
