#include "proxy/credentials/credential_upstream.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "certs/digest.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/decoded_body.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/credentials/chunks_signed_anew.h"
#include "proxy/credentials/credential_use.h"
#include "proxy/credentials/part_of_body.h"
#include "proxy/credentials/swapped_body.h"
#include "proxy/http/grpc.h"

namespace bottle {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
// A conversation with a model is signed as a whole.
constexpr std::size_t kMaxHeldBody = 8u << 20;

// Stands before an exchange's own taker of 1xx heads while the answer's head is waited for.
class CleanInterims final : public InterimSink {
 public:
  CleanInterims(Exchange& exchange, const CredentialUse& use)
      : exchange_(exchange), use_(use), own_(exchange.interim_sink()) {
    if (own_ != nullptr) exchange_.set_interim_sink(this);
  }
  ~CleanInterims() override { exchange_.set_interim_sink(own_); }
  CleanInterims(const CleanInterims&) = delete;
  CleanInterims& operator=(const CleanInterims&) = delete;

  void interim(const ResponseHead& head) override {
    ResponseHead clean = head;
    use_.take_out_of(clean);
    own_->interim(clean);
  }

 private:
  Exchange& exchange_;
  const CredentialUse& use_;
  InterimSink* const own_;
};

// A request's body that is here as a whole, within the memory of the decoders.
class HeldRequest final : public BodySource {
 public:
  explicit HeldRequest(DecodeSpace& space) : space_(space) {}
  ~HeldRequest() override { space_.give_back(taken_); }
  HeldRequest(const HeldRequest&) = delete;
  HeldRequest& operator=(const HeldRequest&) = delete;

  [[nodiscard]] Result<> add(ByteView piece) {
    if (bytes_.size() + piece.size() > kMaxHeldBody) {
      return Failure{Code::BodyTooLarge,
                     "the body of a request that gets a credential or a signature has more than 8 "
                     "MiB"};
    }
    if (!space_.take(piece.size())) {
      return Failure{Code::Overloaded, "too many bodies of requests that get a credential"};
    }
    taken_ += piece.size();
    bytes_ += piece;
    return {};
  }
  [[nodiscard]] ByteView all() const noexcept { return bytes_; }
  [[nodiscard]] Result<> swap(const std::vector<const SwapPair*>& pairs) {
    Bytes swapped = bytes_;
    if (!swap_in(swapped, pairs)) return {};
    const std::size_t more = swapped.size() - std::min(swapped.size(), bytes_.size());
    if (!space_.take(more)) {
      return Failure{Code::Overloaded, "too many bodies of requests that get a credential"};
    }
    taken_ += more;
    bytes_ = std::move(swapped);
    return {};
  }

  awaitable<Result<Chunk>> read(std::size_t max) override {
    Chunk chunk;
    chunk.data = bytes_.substr(at_, max);
    at_ += chunk.data.size();
    chunk.end = at_ == bytes_.size();
    co_return chunk;
  }
  [[nodiscard]] bool ready() const noexcept override { return true; }
  void stop(Failure) noexcept override {}

 private:
  DecodeSpace& space_;
  std::size_t taken_ = 0;
  Bytes bytes_;
  std::size_t at_ = 0;
};

awaitable<Result<>> fill(HeldRequest& held, BodySource& body) {
  for (;;) {
    auto chunk = co_await body.read(kPiece);
    if (!chunk) co_return chunk.error();
    auto added = held.add(chunk->data);
    if (!added) {
      body.stop(added.error());
      co_return added;
    }
    if (chunk->end) co_return Result<>();
  }
}

class CredentialsOfMessages final : public MessageSwap {
 public:
  explicit CredentialsOfMessages(std::shared_ptr<const CredentialUse> use)
      : use_(std::move(use)), swaps_(use_->for_answer(), TextSwaps::Hold::Fixed) {}
  Bytes feed(ByteView piece, bool ends) override {
    return swaps_.feed(piece, ends ? 0 : Bytes::npos);
  }

 private:
  const std::shared_ptr<const CredentialUse> use_;
  TextSwaps swaps_;
};

Failure unreadable() {
  return Failure{Code::UpstreamBroken,
                 "the origin's answer has a content coding in which a credential that it got could "
                 "not be found",
                 problem_code::kCodingNotScannable};
}

Result<Response> cut_part(Response response, const AskedPart& part) {
  const auto cut = part.cut(response.head);
  if (!cut) {
    response.body->stop(cut.error());
    return cut.error();
  }
  const auto& kept = *cut;
  if (!kept) return response;
  if (kept->size > 0) {
    response.body =
        std::make_unique<PartOfBody>(std::move(response.body), kept->skipped, kept->size);
    return response;
  }
  response.body->stop(Failure{Code::UpstreamBroken, "nothing of the answer was asked for"});
  response.body.reset();
  return response;
}

}  // namespace

CredentialUpstream::CredentialUpstream(Upstream& inner,
                                       std::shared_ptr<const CredentialSet> credentials,
                                       DecodeLimits limits, DecodeSpace& decode)
    : inner_(inner), credentials_(std::move(credentials)), limits_(limits), decode_(decode) {
  limits_.decoded_bytes = UINT64_MAX;
  limits_.ratio_after = UINT64_MAX;
}

awaitable<Result<Response>> CredentialUpstream::send(Request request, Exchange& exchange,
                                                     Passage& passage) {
  std::vector<const Credential*> here;
  if (exchange.scheme() == Scheme::Https && !credentials_->empty()) {
    here = credentials_->of_host(exchange.destination().host);
  }
  if (here.empty()) return inner_.send(std::move(request), exchange, passage);
  return send_with(std::make_shared<CredentialUse>(credentials_, std::move(here)),
                   std::move(request), exchange, passage);
}

awaitable<Result<std::string>> CredentialUpstream::hold_body(Request& request) {
  auto held = std::make_unique<HeldRequest>(decode_);
  auto filled = co_await fill(*held, *request.body);
  if (!filled) co_return filled.error();
  std::string hash = hex(sha256(held->all()));
  request.body = std::move(held);
  co_return hash;
}

awaitable<Result<>> CredentialUpstream::swap_held_body(Request& request, const CredentialUse& use) {
  auto held = std::make_unique<HeldRequest>(decode_);
  auto filled = co_await fill(*held, *request.body);
  if (!filled) co_return filled;
  auto swapped = held->swap(use.for_body());
  if (!swapped) co_return swapped;
  request.head.content_length = held->all().size();
  request.body = std::move(held);
  co_return Result<>();
}

awaitable<Result<Response>> CredentialUpstream::send_with(std::shared_ptr<CredentialUse> use,
                                                          Request request, Exchange& exchange,
                                                          Passage& passage) {
  std::string body_hash = hex(sha256({}));
  // Messages in a tunnel have a framing of their own: the part that reads them takes values out.
  const bool tunnel = !request.head.protocol.empty();
  if (!tunnel && request.body && use->wants_body_hash(request.head)) {
    auto hashed = co_await hold_body(request);
    if (!hashed) co_return hashed.error();
    body_hash = std::move(*hashed);
  }
  use->put_into(request.head, body_hash);
  auto signer = use->take_chunk_signer();
  if (!tunnel && request.body && signer != nullptr) {
    request.body =
        std::make_unique<ChunksSignedAnew>(std::move(request.body), std::move(signer), decode_);
  }
  if (tunnel) {
    // The handshake alone gets values.
  } else if (request.body && request.head.content_length && !use->keeps_body_length()) {
    auto swapped = co_await swap_held_body(request, *use);
    if (!swapped) co_return swapped.error();
  } else if (request.body && !use->for_body().empty()) {
    request.body =
        std::make_unique<SwappedBody>(std::move(request.body), use, SwappedBody::Way::Out);
  }
  const bool calls = is_grpc_call(request.head);
  const CleanInterims interims(exchange, *use);
  auto response = co_await inner_.send(std::move(request), exchange, passage);
  if (!response) co_return response.error();
  use->take_out_of(response->head);
  if (response->head.status == 101) {
    if (!use->for_answer().empty()) {
      passage.swaps_back.push_back(std::make_unique<CredentialsOfMessages>(std::move(use)));
    }
    co_return response;
  }
  if (!response->body) co_return response;
  const auto codings = codings_of(response->head.fields);
  // The framing of uploads is none of an answer's own: it tells how a client once stored it.
  const bool coded = codings && !codings->empty() && !codings->is_framed();
  const auto& asked = use->part();
  const bool part = asked && response->head.status == 206;
  const bool readable =
      codings && (!codings->is_framed() || codings->list().size() == 1) && !(part && coded);
  if (!readable) {
    const Failure failure = unreadable();
    response->body->stop(failure);
    co_return failure;
  }
  if (coded) {
    response->body =
        std::make_unique<DecodedBody>(std::move(response->body), *codings, limits_, decode_);
    response->head.fields.remove("content-encoding");
    response->head.content_length.reset();
  }
  const auto way =
      calls && is_grpc(response->head.fields) ? SwappedBody::Way::BackGrpc : SwappedBody::Way::Back;
  response->body = std::make_unique<SwappedBody>(std::move(response->body), use, way);
  if (!asked) co_return response;
  co_return cut_part(std::move(*response), *asked);
}

}  // namespace bottle
