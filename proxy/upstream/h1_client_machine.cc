#include "proxy/upstream/h1_client_machine.h"

#include <string>
#include <utility>

namespace bottle {

bool H1ClientMachine::can(Move move) const noexcept {
  return next_state(kRequestMoves, request_, move) || next_state(kResponseMoves, response_, move);
}

Result<> H1ClientMachine::move(Move move) {
  const auto request = next_state(kRequestMoves, request_, move);
  const auto response = next_state(kResponseMoves, response_, move);
  if (!request && !response) {
    std::string detail("HTTP/1 client: ");
    detail.append(to_string(move)).append(" while the request is ").append(to_string(request_));
    detail.append(" and the response ").append(to_string(response_));
    return Failure(Code::Internal, std::move(detail));
  }
  if (request) request_ = *request;
  if (response) response_ = *response;
  if (move == Move::HeadKeeps) upstream_keeps_ = true;
  return {};
}

void H1ClientMachine::cut(Failure why) {
  if (!failure_) failure_ = std::move(why);
}

bool H1ClientMachine::sending() const noexcept {
  return request_ == Request::Waiting || request_ == Request::HeadFirst ||
         request_ == Request::Body;
}

bool H1ClientMachine::awaits_head() const noexcept {
  return response_ == Response::Nothing || response_ == Response::Head;
}

bool H1ClientMachine::over() const noexcept { return response_ == Response::Done && !sending(); }

bool H1ClientMachine::clean() const noexcept {
  return request_ == Request::Sent && response_ == Response::Done && upstream_keeps_ && !failure_;
}

std::string_view to_string(H1ClientMachine::Request state) noexcept {
  static constexpr std::array<std::string_view, H1ClientMachine::kRequestStates> kNames{
      "HeadOnly", "Waiting", "HeadFirst", "Body", "Sent", "Broken"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(H1ClientMachine::Response state) noexcept {
  static constexpr std::array<std::string_view, H1ClientMachine::kResponseStates> kNames{
      "Nothing", "Head", "Body", "Done"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(H1ClientMachine::Move move) noexcept {
  static constexpr std::array<std::string_view, H1ClientMachine::kMoveKinds> kNames{
      "HeadGoes",    "HeadWritten", "HeadLost",  "PieceGoes",  "BodyWritten",
      "SenderFails", "BytesCome",   "HeadKeeps", "HeadCloses", "ResponseEnds"};
  return kNames[static_cast<std::size_t>(move)];
}

}  // namespace bottle
