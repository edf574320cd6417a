#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/base/failure.h"
#include "proxy/base/move_table.h"
#include "proxy/base/result.h"

namespace bottle {

// The state of one request with its response on one HTTP/1.x connection, sans-I/O. The two halves
// run at once and each may end first, so each has a state and a table of legal moves of its own,
// also for each way in which a wait may be cancelled. A move without a row is a defect of ours:
// Internal, and the call is cut. h1_client does the I/O.
class H1ClientMachine {
 public:
  enum class Request : std::uint8_t {
    HeadOnly,   // a request without a body, not yet written as a whole
    Waiting,    // nothing is written; the head would go with the body's first piece
    HeadFirst,  // the head goes alone; the body's sender waits for that
    Body,       // the sender writes pieces
    Sent,       // every byte was written
    Broken,     // not every byte was, and no more will be
  };
  enum class Response : std::uint8_t {
    Nothing,  // no byte came
    Head,     // bytes came, the final head did not
    Body,     // the final head did
    Done,     // all of it came
  };
  enum class Move : std::uint8_t {
    // The request's.
    HeadGoes,  // alone
    HeadWritten,
    HeadLost,
    PieceGoes,  // the first one with the head, if that is not written
    BodyWritten,
    SenderFails,  // the body broke, the upstream takes no more, or the exchange was ended
    // The response's.
    BytesCome,
    HeadKeeps,   // the final head; another request may follow on the connection
    HeadCloses,  // the final head; none may
    ResponseEnds,
  };
  static constexpr std::size_t kRequestStates = 6;
  static constexpr std::size_t kResponseStates = 4;
  static constexpr std::size_t kMoveKinds = 10;

  static constexpr auto kRequestMoves = std::to_array<MoveRow<Request, Move>>({
      {Request::HeadOnly, Move::HeadGoes, Request::HeadOnly},
      {Request::HeadOnly, Move::HeadWritten, Request::Sent},
      {Request::HeadOnly, Move::HeadLost, Request::Broken},

      {Request::Waiting, Move::HeadGoes, Request::HeadFirst},
      {Request::Waiting, Move::PieceGoes, Request::Body},
      {Request::Waiting, Move::SenderFails, Request::Broken},

      // That the upstream takes nothing is the sender's to find out; an answer may still come.
      {Request::HeadFirst, Move::HeadWritten, Request::Body},
      {Request::HeadFirst, Move::HeadLost, Request::Body},
      {Request::HeadFirst, Move::SenderFails, Request::Broken},

      {Request::Body, Move::PieceGoes, Request::Body},
      {Request::Body, Move::BodyWritten, Request::Sent},
      {Request::Body, Move::SenderFails, Request::Broken},

      // The body broke while the head was on its way alone.
      {Request::Broken, Move::HeadWritten, Request::Broken},
      {Request::Broken, Move::HeadLost, Request::Broken},
  });
  static constexpr auto kResponseMoves = std::to_array<MoveRow<Response, Move>>({
      {Response::Nothing, Move::BytesCome, Response::Head},

      {Response::Head, Move::BytesCome, Response::Head},
      {Response::Head, Move::HeadKeeps, Response::Body},
      {Response::Head, Move::HeadCloses, Response::Body},

      {Response::Body, Move::BytesCome, Response::Body},
      {Response::Body, Move::ResponseEnds, Response::Done},
  });

  explicit H1ClientMachine(bool has_body) noexcept
      : request_(has_body ? Request::Waiting : Request::HeadOnly) {}

  [[nodiscard]] Request request() const noexcept { return request_; }
  [[nodiscard]] Response response() const noexcept { return response_; }
  [[nodiscard]] bool can(Move move) const noexcept;
  // Internal: the half that it belongs to has no row for it. Nothing has changed then.
  [[nodiscard]] Result<> move(Move move);

  // The connection carries nothing more, neither way; the first reason counts.
  void cut(Failure why);
  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }

  // A sender of the body is at work, and has to be told when the call ends.
  [[nodiscard]] bool sending() const noexcept;
  [[nodiscard]] bool awaits_head() const noexcept;
  // Neither half goes on.
  [[nodiscard]] bool over() const noexcept;
  // Both halves are whole and the upstream keeps the connection: another call may have it, if no
  // byte is left over.
  [[nodiscard]] bool clean() const noexcept;

 private:
  Request request_;
  Response response_ = Response::Nothing;
  bool upstream_keeps_ = false;  // its head said so
  std::optional<Failure> failure_;
};

[[nodiscard]] std::string_view to_string(H1ClientMachine::Request state) noexcept;
[[nodiscard]] std::string_view to_string(H1ClientMachine::Response state) noexcept;
[[nodiscard]] std::string_view to_string(H1ClientMachine::Move move) noexcept;

}  // namespace bottle
