#include "proxy/body/body_form.h"

#include <string>
#include <utility>

#include "proxy/body/base64_decoder.h"
#include "proxy/body/decoder_chain.h"
#include "proxy/body/message_decoder.h"
#include "proxy/http/grpc_frames.h"

namespace bottle {
namespace {

// Nothing stands behind the name, or "+proto" and the like do.
bool is_type(std::string_view type, std::string_view name) {
  if (!type.starts_with(name)) return false;
  return type.size() == name.size() || type[name.size()] == '+';
}

std::optional<Coding> message_coding(const Fields& fields, std::string_view name) {
  const std::size_t count = fields.count(name);
  if (count == 0) return Coding::Identity;
  if (count > 1) return std::nullopt;
  const std::string_view word = trim_ows(*fields.find(name));
  if (iequals(word, "identity")) return Coding::Identity;
  if (iequals(word, "gzip")) return Coding::Gzip;
  if (iequals(word, "deflate")) return Coding::Deflate;
  if (iequals(word, "zstd")) return Coding::Zstd;
  if (iequals(word, "br")) return Coding::Brotli;
  return std::nullopt;
}

}  // namespace

std::optional<MessageForm> message_form_of(const Fields& fields) {
  const auto field = fields.find("content-type");
  if (!field) return std::nullopt;
  const std::string type = to_lower(trim_ows(field->substr(0, field->find(';'))));
  MessageForm form;
  if (is_type(type, "application/connect")) {
    form.flags = GrpcFrames::kCompressed | GrpcFrames::kConnectEnd;
    form.coding = message_coding(fields, "connect-content-encoding");
    return form;
  }
  if (is_type(type, "application/grpc")) {
    form.flags = GrpcFrames::kCompressed;
  } else if (is_type(type, "application/grpc-web")) {
    form.flags = GrpcFrames::kCompressed | GrpcFrames::kWebTrailers;
  } else if (is_type(type, "application/grpc-web-text")) {
    form.flags = GrpcFrames::kCompressed | GrpcFrames::kWebTrailers;
    form.base64 = true;
  } else {
    return std::nullopt;
  }
  form.coding = message_coding(fields, "grpc-encoding");
  return form;
}

std::unique_ptr<ContentDecoder> make_decoder(const BodyForm& form, DecodeLimits limits,
                                             DecodeSpace& space) {
  if (!form.messages) return ContentDecoder::make(form.codings, limits, space);
  std::unique_ptr<ContentDecoder> all =
      std::make_unique<MessageDecoder>(*form.messages, limits, space);
  if (form.messages->base64) {
    all = std::make_unique<DecoderChain>(std::make_unique<Base64Decoder>(), std::move(all));
  }
  if (form.codings.empty()) return all;
  return std::make_unique<DecoderChain>(ContentDecoder::make(form.codings, limits, space),
                                        std::move(all));
}

}  // namespace bottle
