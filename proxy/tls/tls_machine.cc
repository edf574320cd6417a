#include "proxy/tls/tls_machine.h"

#include <string>

namespace bottle {

Result<> TlsMachine::move(Move move) {
  const auto session = next_state(kSessionMoves, session_, move);
  const auto sending = next_state(kSendingMoves, sending_, move);
  const auto writer = next_state(kWriterMoves, writer_, move);
  if (!session && !sending && !writer) {
    session_ = handshake_done() ? Session::Broken : Session::Refused;
    return Failure(Code::Internal, "TLS stream: no move " + std::string(to_string(move)) + " now");
  }
  session_ = session.value_or(session_);
  sending_ = sending.value_or(sending_);
  writer_ = writer.value_or(writer_);
  return {};
}

std::string_view to_string(TlsMachine::Move move) noexcept {
  static constexpr std::array<std::string_view, TlsMachine::kMoveKinds> kNames{
      "HandshakeDone", "Breaks",    "EndGoes",      "SendFails",
      "DrainBegins",   "DrainEnds", "InputAwaited", "InputCame"};
  return kNames[static_cast<std::size_t>(move)];
}

}  // namespace bottle
