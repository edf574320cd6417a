#include "launcher/lifetime/git_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "launcher/plan/git_sign.h"
#include "proxy/contract/control_client.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kCommit = "tree " + std::string(40, 'a') +
                            "\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nfirst\n";

class Signer : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-signer-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / "state");
    program(
        "for last; do :; done; echo \"$GPG_TTY$*\" > \"$0.words\"; cp \"$last\" \"$last.sig\"\n");
    plan_.quiet = true;
    plan_.git.sign = SignPlan{.program = program_.string(), .ssh = true, .key = "/the/key"};
  }
  void TearDown() override { fs::remove_all(root_); }

  void program(const std::string& script) {
    program_ = root_ / "program";
    std::ofstream(program_) << "#!/bin/sh\n" << script;
    ::chmod(program_.c_str(), 0700);
  }
  // The answer to a process in the bottle.
  std::string asked(const RuntimeDir& runtime, std::string_view text) const {
    const auto address = UnixPath::of((runtime.path() / kSignName / kSignSocket).string());
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), address->address(), UnixPath::size()) != 0) return "no connection";
    while (!text.empty()) {
      const auto sent = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;  // it answers before it has read everything
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    ::shutdown(socket.get(), SHUT_WR);
    std::string out;
    std::array<char, 4096> piece{};
    for (;;) {
      const auto got = ::read(socket.get(), piece.data(), piece.size());
      if (got <= 0) return out;
      out.append(piece.data(), static_cast<std::size_t>(got));
    }
  }
  std::string list() const {
    std::ifstream in(root_ / "state" / kSignatureLog);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path root_;
  fs::path program_;
  Plan plan_;
};

TEST_F(Signer, SignsCommitsAndNothingElse) {
  auto runtime = RuntimeDir::create(root_ / "run", "0a1b");
  ASSERT_TRUE(runtime);
  auto signer = GitSigner::open(plan_, *runtime, root_ / "state");
  ASSERT_TRUE(signer) << signer.error().message;
  ::setenv("GPG_TTY", "/dev/pts/0", 1);
  ASSERT_TRUE(signer->start());
  ::unsetenv("GPG_TTY");
  EXPECT_EQ(asked(*runtime, kCommit), std::string(kSigned) + kCommit);
  std::ifstream in(root_ / "program.words");
  std::string words;
  std::getline(in, words);
  EXPECT_THAT(words, StartsWith("-Y sign -n git -f /the/key /tmp/"));
  EXPECT_EQ(asked(*runtime, "x"),
            std::string(kRefused) + "it is neither a commit nor a tag of git");
  EXPECT_EQ(asked(*runtime, ""), std::string(kRefused) + "it is neither a commit nor a tag of git");
  // A reset takes the answer along if the object is still on its way.
  EXPECT_THAT(asked(*runtime, std::string(3'000'000, 'x')),
              testing::AnyOf("", HasSubstr("larger than 1 MiB")));
  EXPECT_EQ(asked(*runtime, kCommit), std::string(kSigned) + kCommit);
  EXPECT_TRUE(fs::is_empty(runtime->path() / "signing"));
  EXPECT_THAT(signer->report(), HasSubstr("signed with your key: 2; the list is "));
  EXPECT_THAT(signer->report(), HasSubstr("bottle:   commit \"first\" by A <a@b>\n"));
}

// Each byte of these is six in the list.
TEST_F(Signer, OneRequestDoesNotFillTheList) {
  program("for last; do :; done; echo short > \"$last.sig\"\n");
  auto runtime = RuntimeDir::create(root_ / "run", "0a1b");
  ASSERT_TRUE(runtime);
  auto signer = GitSigner::open(plan_, *runtime, root_ / "state");
  ASSERT_TRUE(signer && signer->start());
  const std::string much(400'000, '\xff');
  const std::string person = much + " <a@b> 1 +0000\n";
  const std::string tree = "tree " + std::string(40, 'a') + "\n";
  const std::string known = "A <a@b> 1 +0000\n";
  const std::string tag = "object " + std::string(40, 'a') + "\ntype commit\ntag " + much +
                          "\ntagger " + known + "\nx\n";
  for (const auto& object :
       {tree + "author " + person + "committer " + known + "\nfirst\n",
        tree + "author " + known + "committer " + person + "\nfirst\n",
        tree + "author " + known + "committer " + known + "\n" + much + "\n", tag}) {
    EXPECT_THAT(asked(*runtime, object), StartsWith(std::string(kSigned)));
  }
  EXPECT_LT(list().size(), 32'000U);
  EXPECT_THAT(list(), HasSubstr("\"author\":\"A <a@b>\""));
  EXPECT_EQ(asked(*runtime, kCommit), std::string(kSigned) + "short\n");
}

TEST_F(Signer, NoSignatureIsWithoutALine) {
  auto runtime = RuntimeDir::create(root_ / "run", "0a1b");
  ASSERT_TRUE(runtime);
  auto signer = GitSigner::open(plan_, *runtime, root_ / "state");
  ASSERT_TRUE(signer && signer->start());
  std::ofstream(root_ / "state" / kSignatureLog) << std::string(kMaxSignatureLog + 1, '\n');
  EXPECT_THAT(asked(*runtime, kCommit), HasSubstr("the list of signatures cannot be written"));
  fs::remove(root_ / "state" / kSignatureLog);
  fs::create_directory(root_ / "state" / kSignatureLog);
  EXPECT_THAT(asked(*runtime, kCommit), HasSubstr("the list of signatures cannot be written"));
  EXPECT_FALSE(fs::exists(root_ / "program.words"));
  fs::remove(root_ / "state" / kSignatureLog);
  program("echo 'no such key' >&2; exit 3\n");
  EXPECT_THAT(asked(*runtime, kCommit), HasSubstr("ended with status 3: no such key"));
  EXPECT_THAT(list(), HasSubstr("\"result\":\"failed\",\"why\":\""));
  EXPECT_THAT(signer->report(), HasSubstr("signed with your key: 0, and 1 could not be"));
}

// The agent's words are in it.
TEST_F(Signer, ANoticeIsShownOnTheDesktop) {
  const auto said = root_ / "said";
  std::ofstream(root_ / "notify-send")
      << "#!/bin/sh\necho \"$4|$3\" > " << said << ".new; mv " << said << ".new " << said << "\n";
  ::chmod((root_ / "notify-send").c_str(), 0700);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (root_.string() + ":" + path).c_str(), 1);
  ::setenv("DISPLAY", ":7", 1);
  plan_.quiet = false;
  auto runtime = RuntimeDir::create(root_ / "run", "0a1b");
  ASSERT_TRUE(runtime);
  auto signer = GitSigner::open(plan_, *runtime, root_ / "state");
  ::setenv("PATH", path.c_str(), 1);
  ::unsetenv("DISPLAY");
  ASSERT_TRUE(signer && signer->start());
  EXPECT_EQ(asked(*runtime, kCommit), std::string(kSigned) + kCommit);
  for (int i = 0; i < 500 && !fs::exists(said); ++i) ::usleep(10'000);
  std::ifstream in(said);
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line, "signed commit \"first\" by A &lt;a@b>|bottle");
}

TEST_F(Signer, AProgramThatHangsIsEnded) {
  program("exec sleep 1000\n");
  const auto signature =
      signature_of(*plan_.git.sign, kCommit, root_, std::chrono::milliseconds(1500));
  ASSERT_FALSE(signature);
  EXPECT_THAT(signature.error().message, HasSubstr("did not end within 1 s"));
  EXPECT_FALSE(fs::exists(root_ / "object"));
}

}  // namespace
}  // namespace bottle::launcher
