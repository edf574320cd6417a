#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/http/byte_queue.h"
#include "proxy/upstream/h2_client.h"
#include "proxy/upstream/tunnel_idle.h"

// Private to h2_client.cc and h2_client_body.cc.
namespace bottle {

// The upstream half of one exchange. Owned by send() until the head is there, then by the
// response's body.
class H2Client::Stream {
 public:
  Stream(H2Client& client_in, StreamId id_in, std::shared_ptr<MemoryAccount> account)
      : client(client_in), id(id_in), readable(client.executor_), memory(std::move(account)) {
    client.streams_.emplace(id, this);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    client.streams_.erase(id);
    if (!ended) {
      client.fail_upload(id);
      client.engine_.reset(id, H2Error::Cancel);
    }
    client.stream_ended();
  }

  void fail(Failure why) {
    if (!ended && !failure) failure = std::move(why);
    readable.set_later();
  }

  H2Client& client;
  const StreamId id;
  Event readable;
  std::vector<ResponseHead> interims;  // no more than the engine's limit
  std::optional<ResponseHead> head;
  ByteQueue inbox;    // no more than a stream's window
  MemoryHold memory;  // of the inbox
  std::optional<Fields> trailers;
  bool ended = false;  // the response is complete
  bool unprocessed = false;
  std::optional<Failure> failure;
};

// The sender of one request body, as the events see it. Lives in the frame of upload().
struct H2Client::Upload {
  Upload(H2Client& client_in, StreamId id_in)
      : client(client_in), id(id_in), writable(client.executor_) {
    client.uploads_.emplace(id, this);
  }
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  ~Upload() {
    client.uploads_.erase(id);
    client.stream_ended();
  }

  H2Client& client;
  const StreamId id;
  Event writable;
  bool over = false;  // it is not taken any more
};

class H2Client::ResponseBody final : public BodySource {
 public:
  // `tunnel`: it has no end that could be waited for, and ends when it is idle for too long.
  ResponseBody(std::unique_ptr<Stream> stream, Exchange& exchange, bool tunnel);
  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return stream_ != nullptr && (!stream_->inbox.empty() || stream_->ended);
  }
  void stop(Failure) noexcept override { leave(); }

 private:
  void leave() noexcept {
    idle_.reset();
    stream_.reset();
  }

  std::unique_ptr<Stream> stream_;
  TimerWheel& wheel_;
  std::optional<TunnelIdle> idle_;  // waits on the stream
};

}  // namespace bottle
