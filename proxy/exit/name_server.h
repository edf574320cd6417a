#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "proxy/base/awaitable.h"
#include "proxy/base/bytes.h"
#include "proxy/base/deadline.h"
#include "proxy/guard/address_guard.h"

namespace bottle {

// Whose questions, and what they are answered with.
struct NameAnswers {
  // Every A question for a name that `knows` gets it; an AAAA question the empty answer, or
  // `v6` if there is one.
  IpAddress v4;
  std::optional<IpAddress> v6;
  std::function<bool(std::string_view name)> knows;  // canonical name; others: NXDOMAIN
  // Told of each name that was not known; the server bounds how often (docs/limits.md).
  std::function<void(std::string_view name)> refused;
};

// The answer to one DNS query (RFC 1035), or nothing for what is not worth one. Sans-I/O: a header,
// exactly one question, class IN; anything else is FORMERR, NOTIMP or REFUSED. Never larger than
// the question plus one answer, so it cannot amplify.
[[nodiscard]] std::optional<Bytes> answer_query(ByteView query, const NameAnswers& answers);

// Answers on a UDP socket. Nothing is looked up and no packet goes anywhere but back: no recursion.
class NameServer {
 public:
  // Takes over the bound socket (a descriptor).
  NameServer(boost::asio::io_context& io, TimerWheel& wheel, int socket, NameAnswers answers);
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  awaitable<void> run();  // until stop()
  void stop() noexcept;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace bottle
