#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/body/decode_space.h"
#include "proxy/credentials/credential_upstream.h"
#include "tests/support/run.h"

namespace bottle::test {

inline const std::string kValue = "sk-ant-api03-Zq8/Rw3+Tn6yBv1KxMd5GhJ2";
inline const std::string kPlaceholder = "sk-ant-api03-Lf4/Ck9+Pe2sXu7HwQa0YoV3";

inline SecretSpec kept_out(KeptOut place = {}, std::vector<std::string> hosts = {"api.test"}) {
  place.placeholder = kPlaceholder;
  SecretSpec spec;
  spec.name = "KEY";
  spec.value = kValue;
  spec.hosts = std::move(hosts);
  spec.kept_out = std::move(place);
  return spec;
}

// A body that comes in pieces of one size.
class SlicedSource final : public BodySource {
 public:
  SlicedSource(Bytes text, std::size_t size, std::optional<Fields> trailers = {})
      : text_(std::move(text)), size_(size), trailers_(std::move(trailers)) {}
  awaitable<Result<Chunk>> read(std::size_t max) override {
    Chunk chunk;
    chunk.data = text_.substr(at_, std::min(max, size_));
    at_ += chunk.data.size();
    chunk.end = at_ == text_.size();
    if (chunk.end) chunk.trailers = std::move(trailers_);
    co_return chunk;
  }
  void stop(Failure) noexcept override {}

 private:
  Bytes text_;
  std::size_t size_;
  std::optional<Fields> trailers_;
  std::size_t at_ = 0;
};

inline awaitable<void> read_to(std::unique_ptr<BodySource>& body, Bytes& text,
                               std::optional<Fields>& trailers, std::optional<Failure>& failure) {
  while (body != nullptr) {
    auto chunk = co_await body->read(1000);
    if (!chunk) {
      failure = chunk.error();
      co_return;
    }
    text += chunk->data;
    if (!chunk->end) continue;
    trailers = std::move(chunk->trailers);
    co_return;
  }
}

// Keeps the request that came, and answers with what it was given.
class KeepingUpstream final : public Upstream {
 public:
  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage&) override {
    head = request.head;
    std::optional<Fields> none;
    co_await read_to(request.body, got, none, failed);
    for (const ResponseHead& one : interims) {
      const bool room = exchange.interim(one);
      EXPECT_TRUE(room);
    }
    co_return std::move(answer);
  }
  RequestHead head;
  Bytes got;
  std::optional<Failure> failed;  // of the request's body
  std::vector<ResponseHead> interims;
  Response answer;
};

class HeadLog final : public InterimSink {
 public:
  void interim(const ResponseHead& head) override { heads.push_back(head); }
  std::vector<ResponseHead> heads;
};

// One exchange through a CredentialUpstream.
struct CredentialBench {
  explicit CredentialBench(SecretSpec spec = kept_out()) : CredentialBench(std::vector{spec}) {}
  explicit CredentialBench(const std::vector<SecretSpec>& specs)
      : set(CredentialSet::make(specs)), upstream(inner, set, DecodeLimits{}, decode) {}

  void ask(Request request, const std::string& host = "api.test", Scheme scheme = Scheme::Https) {
    Destination destination;
    destination.host = host;
    destination.port = 443;
    Exchange exchange(io.get_executor(), wheel, "id", destination, scheme, Version::Http2, &log);
    run(io, go(std::move(request), exchange));
  }

  awaitable<void> go(Request request, Exchange& exchange) {
    auto response = co_await upstream.send(std::move(request), exchange, passage);
    EXPECT_EQ(exchange.interim_sink(), &log);
    if (!response) {
      failure = response.error();
      co_return;
    }
    head = response->head;
    co_await read_to(response->body, body, trailers, failure);
  }

  asio::io_context io{1};
  TimerWheel wheel{io.get_executor()};
  DecodeSpace decode{64u << 20};
  std::shared_ptr<const CredentialSet> set;
  KeepingUpstream inner;
  CredentialUpstream upstream;
  HeadLog log;
  Passage passage;
  ResponseHead head;
  Bytes body;
  std::optional<Fields> trailers;
  std::optional<Failure> failure;
};

}  // namespace bottle::test
