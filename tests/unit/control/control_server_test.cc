#include "proxy/control/control_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

namespace bottle {
namespace {

using namespace std::chrono_literals;

// Answers at once, or when it is told to.
class Echo final : public ControlService {
 public:
  void handle(ControlRequest request, const std::string& who,
              std::function<void(std::string)> done) override {
    told = who;
    waiting.push_back([id = request.id, done] { done(changed_answer(id, {})); });
    if (!slow) answer_all();
  }
  void answer_all() {
    for (const auto& one : std::exchange(waiting, {})) one();
  }
  bool slow = false;
  std::string told;
  std::vector<std::function<void()>> waiting;
};

class ControlServerTest : public testing::Test {
 protected:
  ControlServerTest() : path_(testing::TempDir() + "/control-" + std::to_string(::getpid())) {
    ::unlink(path_.c_str());
  }

  void start(ControlLimits limits = {}) {
    auto made = ControlSocket::at(path_);
    ASSERT_TRUE(made) << made.error().message;
    socket_.emplace(std::move(*made));
    server_.emplace(io_, *socket_, echo_, limits);
  }

  Fd connect() {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  void say(const Fd& fd, std::string_view text) {
    while (!text.empty()) {
      const auto put = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
      if (put < 0 && errno != EAGAIN) return;
      io_.poll();
    }
  }
  // All that comes within `limit`, and "<end>" if the connection ends.
  std::string hear(const Fd& fd, std::chrono::milliseconds limit = 300ms) {
    std::string out;
    const auto until = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < until) {
      io_.run_for(5ms);
      io_.restart();
      std::array<char, 4096> piece{};
      const auto got = ::read(fd.get(), piece.data(), piece.size());
      if (got == 0) return out + "<end>";
      if (got < 0 && errno != EAGAIN) return out + "<end>";
      if (got > 0) out.append(piece.data(), static_cast<std::size_t>(got));
      if (out.ends_with('\n') && limit == 300ms) break;
    }
    return out;
  }

  std::string path_;
  boost::asio::io_context io_{1};
  Echo echo_;
  std::optional<ControlSocket> socket_;
  std::optional<ControlServer> server_;
};

const std::string kList = "{\"v\":1,\"id\":\"7\",\"verb\":\"secrets.list\"}\n";
const std::string kDone = "{\"changed\":[],\"id\":\"7\",\"ok\":true,\"v\":1}\n";

TEST_F(ControlServerTest, AnswersEachMessageInItsTurn) {
  start();
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const Fd client = connect();
  say(client, kList.substr(0, 9));
  EXPECT_EQ(hear(client, 30ms), "");
  say(client, kList.substr(9));
  EXPECT_EQ(hear(client), kDone);
  EXPECT_EQ(echo_.told, "uid " + std::to_string(::geteuid()));
  say(client, kList + kList + kList);
  EXPECT_EQ(hear(client, 60ms), kDone + kDone + kDone);
  say(client, "nonsense\n" + kList);
  EXPECT_NE(hear(client, 60ms).find("\"ok\":false"), std::string::npos);
}

TEST_F(ControlServerTest, OneMessageAtATime) {
  start();
  echo_.slow = true;
  const Fd client = connect();
  say(client, kList + kList);
  EXPECT_EQ(hear(client, 30ms), "");
  EXPECT_EQ(echo_.waiting.size(), 1U);
  echo_.answer_all();
  EXPECT_EQ(hear(client), kDone);
  EXPECT_EQ(echo_.waiting.size(), 1U);
}

TEST_F(ControlServerTest, MessagesAreBounded) {
  start({.message_bytes = 1000});
  for (const bool ends : {false, true}) {
    const Fd client = connect();
    say(client, std::string(1000, ' ') + (ends ? "\n" : ""));
    const std::string heard = hear(client, 60ms);
    EXPECT_NE(heard.find("more than 1000 bytes"), std::string::npos) << heard;
    EXPECT_TRUE(heard.ends_with("<end>"));
  }
}

TEST_F(ControlServerTest, TimeIsBounded) {
  start({.message = 40ms, .idle = 80ms});
  const Fd half = connect();
  say(half, "{");
  EXPECT_NE(hear(half, 200ms).find("did not end in time"), std::string::npos);
  const Fd idle = connect();
  EXPECT_EQ(hear(idle, 400ms), "<end>");
  echo_.slow = true;
  const Fd waits = connect();
  say(waits, kList);
  EXPECT_NE(hear(waits, 200ms).find("not done in time"), std::string::npos);
  echo_.answer_all();  // its client has gone
}

TEST_F(ControlServerTest, ClientsAreBounded) {
  start({.clients = 2});
  const Fd one = connect();
  const Fd two = connect();
  EXPECT_EQ(hear(two, 20ms), "");
  const Fd three = connect();
  EXPECT_EQ(hear(three, 60ms), "<end>");
  say(one, kList);
  EXPECT_EQ(hear(one), kDone);
}

TEST_F(ControlServerTest, EndsWithClientsUnderWay) {
  start();
  echo_.slow = true;
  const Fd client = connect();
  say(client, kList);
  EXPECT_EQ(hear(client, 20ms), "");
  server_.reset();
  EXPECT_EQ(hear(client, 60ms), "<end>");
  io_.run();  // nothing is left in it
  echo_.answer_all();
}

TEST_F(ControlServerTest, AFileIsReplacedOnlyIfNothingListens) {
  start();
  const auto busy = ControlSocket::at(path_);
  ASSERT_FALSE(busy);
  EXPECT_NE(busy.error().message.find("another process listens"), std::string::npos);
  server_.reset();
  // As a killed process leaves it.
  {
    Fd stale(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    socket_.reset();
    EXPECT_NE(::access(path_.c_str(), F_OK), 0);  // its own file went with it
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  start();
  server_.reset();
  socket_.reset();
  ASSERT_EQ(::symlink("/etc/passwd", path_.c_str()), 0);
  EXPECT_FALSE(ControlSocket::at(path_));
  ::unlink(path_.c_str());
  EXPECT_FALSE(ControlSocket::at(testing::TempDir() + std::string(120, 'x')));
  EXPECT_FALSE(ControlSocket::at("/none/control"));
  EXPECT_FALSE(ControlSocket::inherited(0));
}

}  // namespace
}  // namespace bottle
