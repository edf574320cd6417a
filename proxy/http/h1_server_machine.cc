#include "proxy/http/h1_server_machine.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace bottle {

bool H1ServerMachine::can(Move move) const noexcept {
  return next_state(kMoves, state_, move).has_value();
}

Result<> H1ServerMachine::move(Move move) {
  const std::optional<State> next = next_state(kMoves, state_, move);
  if (!next) {
    std::string detail("HTTP/1 session: ");
    detail.append(to_string(move)).append(" while ").append(to_string(state_));
    state_ = State::Cut;
    return Failure(Code::Internal, std::move(detail));
  }
  state_ = *next;
  if (move == Move::Serve) ++served_;
  if (client_ == Client::There && move == Move::ClientLeaves) client_ = Client::Left;
  if (client_ == Client::There && move == Move::WriteStalls) client_ = Client::Stalled;
  return {};
}

std::string_view to_string(H1ServerMachine::State state) noexcept {
  static constexpr std::array<std::string_view, H1ServerMachine::kStates> kNames{
      "Idle",      "Head",   "Serving", "Continuing", "Answering", "Refusing",
      "Lingering", "Ending", "Ended",   "Tunnel",     "Cut"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(H1ServerMachine::Move move) noexcept {
  static constexpr std::array<std::string_view, H1ServerMachine::kMoveKinds> kNames{
      "HeadBegins",   "InputEnds",    "Serve",        "Refuse",     "Connect",    "ContinueBegins",
      "ContinueSent", "ContinueLost", "AnswerBegins", "AnswerKept", "AnswerLast", "AnswerEarly",
      "AnswerLost",   "ClientLeaves", "WriteStalls",  "LingerEnds", "EndWritten"};
  return kNames[static_cast<std::size_t>(move)];
}

}  // namespace bottle
