#include "proxy/http/h2_stream_machine.h"

#include <string>
#include <utility>

namespace bottle {

bool H2StreamMachine::can(Move move) const noexcept {
  return next_state(kSendingMoves, sending_, move) ||
         next_state(kReceivingMoves, receiving_, move) ||
         next_state(kStandingMoves, standing_, move);
}

Result<> H2StreamMachine::move(Move move) {
  const auto sending = next_state(kSendingMoves, sending_, move);
  const auto receiving = next_state(kReceivingMoves, receiving_, move);
  const auto standing = next_state(kStandingMoves, standing_, move);
  if (!sending && !receiving && !standing) {
    std::string detail("HTTP/2 stream: ");
    detail.append(to_string(move)).append(" while sending is ").append(to_string(sending_));
    detail.append(", receiving ").append(to_string(receiving_));
    detail.append(" and the stream ").append(to_string(standing_));
    return Failure(Code::Internal, std::move(detail));
  }
  if (sending) sending_ = *sending;
  if (receiving) receiving_ = *receiving;
  if (standing) standing_ = *standing;
  return {};
}

std::string_view to_string(H2StreamMachine::Sending state) noexcept {
  static constexpr std::array<std::string_view, H2StreamMachine::kSendingStates> kNames{
      "Head", "Body", "Dry", "Ended", "Cut"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(H2StreamMachine::Receiving state) noexcept {
  static constexpr std::array<std::string_view, H2StreamMachine::kReceivingStates> kNames{
      "Open", "Ended", "Reset"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(H2StreamMachine::Standing state) noexcept {
  static constexpr std::array<std::string_view, H2StreamMachine::kStandingStates> kNames{
      "Open", "Lingering", "Closed"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(H2StreamMachine::Move move) noexcept {
  static constexpr std::array<std::string_view, H2StreamMachine::kMoveKinds> kNames{
      "HeadGoes",   "HeadEnds", "PieceGoes",  "RunsDry", "BodyEnds",
      "BodyBreaks", "PeerEnds", "PeerResets", "Lingers", "Closes"};
  return kNames[static_cast<std::size_t>(move)];
}

}  // namespace bottle
