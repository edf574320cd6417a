#include "proxy/flow/held_requests.h"

#include <boost/asio/post.hpp>
#include <functional>

#include "tests/unit/flow/flow_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// A handler that asks, and one who answers when the request waits.
class HeldRequestsBench : public FlowBench {
 protected:
  HeldRequestsBench()
      : book(limits(), false, [this](const EndedAsk& ask) { ended.push_back(ask); }) {
    handler = std::make_unique<ProxyHandler>(
        ProxyHandler::Services{*policy, upstream, UpstreamKind::Direct, guard, *audit, host_watch,
                               "t-", websockets, nullptr, false, &held});
  }
  static AskLimits limits() {
    AskLimits out;
    out.ask = 200ms;
    return out;
  }
  static Request request(RequestHead head) {
    Request made;
    made.head = std::move(head);
    return made;
  }
  // Makes the policy that holds once a person has answered.
  void allow(const std::string& host, bool once = false) {
    PolicySpec spec;
    spec.entries.push_back(AllowEntry{.host = host, .once = once});
    auto made = Policy::make(std::move(spec));
    ASSERT_TRUE(made);
    policy->take(std::make_shared<const Policy>(std::move(*made)));
  }
  // `answer` is called in the loop, each time that there is another number of asks.
  void on_ask(std::function<void(const PendingAsk&)> answer) {
    book.on_change([this, answer = std::move(answer)] {
      asio::post(io, [this, answer] {
        const auto state = book.state(Clock::now());
        if (!state.asks.empty() && state.asks.back().id != answered_) {
          answered_ = state.asks.back().id;
          answer(state.asks.back());
        }
      });
    });
  }

  std::vector<EndedAsk> ended;
  AskBook book;
  HeldRequests held{book, wheel};
  std::uint64_t answered_ = 0;
};

TEST_F(HeldRequestsBench, AnAnswerLetsTheRequestGoOn) {
  on_ask([this](const PendingAsk& ask) {
    EXPECT_EQ(ask.question.destination.host, "new.test");
    EXPECT_EQ(ask.question.path, "/p?key=*");
    EXPECT_EQ(upstream.asked, 0) << "nothing is sent before the answer";
    allow("new.test");
    EXPECT_TRUE(book.settle(ask.id, AskAnswer::Allow, "uid 7", Clock::now()));
  });
  Response response = serve(request(head_of("/p?key=abc")), "new.test");
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(upstream.asked, 1);
  EXPECT_EQ(line()["verdict"], "allowed");
  ASSERT_EQ(ended.size(), 1U);
}

TEST_F(HeldRequestsBench, ARefusalIsTheOneOfBefore) {
  on_ask([this](const PendingAsk& ask) {
    EXPECT_TRUE(book.settle(ask.id, AskAnswer::Deny, "uid 7", Clock::now()));
  });
  for (int i = 0; i < 2; ++i) {
    Response response = serve(request(head_of()), "new.test");
    EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "host_not_allowed");
  }
  EXPECT_EQ(ended.size(), 1U) << "the second time it is not asked";
  EXPECT_EQ(upstream.asked, 0);
}

TEST_F(HeldRequestsBench, NoAnswerIsARefusal) {
  const auto begun = Clock::now();
  Response response = serve(request(head_of()), "new.test");
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "host_not_allowed");
  EXPECT_GE(Clock::now() - begun, 200ms);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].answer, AskAnswer::None);
}

TEST_F(HeldRequestsBench, ItsBodyIsNotReadMeanwhile) {
  PiecesSource::Notes notes;
  on_ask([&](const PendingAsk& ask) {
    EXPECT_EQ(notes.pieces_read, 0U);
    allow("new.test");
    EXPECT_TRUE(book.settle(ask.id, AskAnswer::Allow, "uid 7", Clock::now()));
  });
  Request upload = request(head_of("/up", "POST"));
  upload.head.has_body = true;
  upload.body = std::make_unique<PiecesSource>(std::vector<Bytes>{"ab", "cd"}, notes);
  EXPECT_EQ(serve(std::move(upload), "new.test").head.status, 200);
  EXPECT_EQ(upstream.got, "abcd");
}

TEST_F(HeldRequestsBench, OnceIsGoodForOneAndTheOtherIsAskedAboutAnew) {
  on_ask([this](const PendingAsk& ask) {
    allow("new.test", true);
    EXPECT_TRUE(book.settle(ask.id, AskAnswer::Once, "uid 7", Clock::now()));
  });
  TaskGroup clients(io.get_executor());
  std::vector<std::unique_ptr<Exchange>> exchanges;
  std::vector<Response> responses(2);
  for (Response& response : responses) {
    exchanges.push_back(exchange(head_of(), "new.test"));
    clients.spawn(handle_into(request(head_of()), *exchanges.back(), response));
  }
  run(io, clients.join());
  EXPECT_EQ(responses[0].head.status, 200);
  EXPECT_EQ(responses[1].head.status, 200);
  EXPECT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].requests, 2U);
  EXPECT_EQ(ended[1].requests, 1U);
}

TEST_F(HeldRequestsBench, OnlyTheMissingEntryIsAsked) {
  EXPECT_EQ(serve(request(head_of()), "closed.test").head.fields.find("x-bottle-deny"),
            "route_deny");
  EXPECT_EQ(serve(request(head_of()), "metadata.google.internal").head.fields.find("x-bottle-deny"),
            "own_address");
  // A secret in the URL is refused as before, and no person is shown it.
  const std::string secret = kSecret;
  EXPECT_EQ(serve(request(head_of("/" + secret)), "new.test").head.fields.find("x-bottle-deny"),
            "host_not_allowed");
  EXPECT_EQ(serve(request(head_of()), "s3cr3t-value-0123456789.test").head.status, 403);
  EXPECT_TRUE(ended.empty());
}

TEST_F(HeldRequestsBench, AClientThatLeavesEndsTheAsk) {
  TaskGroup clients(io.get_executor());
  auto of = exchange(head_of(), "new.test");
  Response response;
  const auto task = clients.spawn(handle_into(request(head_of()), *of, response));
  on_ask([](const PendingAsk&) {});
  asio::post(io, [&] { clients.cancel(task); });
  run(io, clients.join());
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].answer, AskAnswer::Left);
  EXPECT_TRUE(book.state(Clock::now()).asks.empty());
}

TEST_F(HeldRequestsBench, TheEndOfTheProxyEndsTheWait) {
  TaskGroup clients(io.get_executor());
  auto of = exchange(head_of(), "new.test");
  Response response;
  clients.spawn(handle_into(request(head_of()), *of, response));
  asio::post(io, [this] { held.close(); });
  run(io, clients.join());
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(ended.at(0).answer, AskAnswer::Closed);
}

}  // namespace
}  // namespace bottle
