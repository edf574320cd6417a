#include "certs/signer_messages.h"

#include <algorithm>

namespace bottle {
namespace {

constexpr auto kLastStatus = static_cast<std::uint8_t>(SignerStatus::Refused);

template <std::size_t Bytes>
void put_number(std::string& out, std::uint64_t value) {
  for (std::size_t i = Bytes; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)) & 0xff);
}

void put_padded(std::string& out, std::string_view text, std::size_t place) {
  out.append(text);
  out.append(place - text.size(), '\0');
}

// Takes one place after another off a message whose size is right.
class Places {
 public:
  explicit Places(std::string_view message) : rest_(message) {}

  std::string_view take(std::size_t bytes) {
    const std::string_view out = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return out;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : take(bytes)) value = value << 8U | static_cast<unsigned char>(c);
    return value;
  }
  // The first `size` bytes of a place, if the others are zero.
  std::optional<std::string> text(std::size_t size, std::size_t place) {
    const std::string_view all = take(place);
    if (size > place || all.find_first_not_of('\0', size) != all.npos) return std::nullopt;
    return std::string(all.substr(0, size));
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::string encode(const SignerRequest& request) {
  const std::string_view name = std::string_view(request.name).substr(0, kMostNameBytes);
  std::string out;
  out.reserve(kSignerRequestBytes);
  put_number<8>(out, request.id);
  out.append(request.key.begin(), request.key.end());
  put_number<1>(out, name.size());
  put_padded(out, name, kMostNameBytes);
  return out;
}

std::string encode(const SignerAnswer& answer) {
  const std::string_view leaf = std::string_view(answer.leaf).substr(0, kMostLeafBytes);
  std::string out;
  out.reserve(kSignerAnswerBytes);
  put_number<8>(out, answer.id);
  put_number<1>(out, static_cast<std::uint8_t>(answer.status));
  put_number<8>(out, static_cast<std::uint64_t>(answer.not_before));
  put_number<8>(out, static_cast<std::uint64_t>(answer.not_after));
  put_number<2>(out, leaf.size());
  put_padded(out, leaf, kMostLeafBytes);
  return out;
}

std::optional<SignerRequest> read_signer_request(std::string_view message) {
  if (message.size() != kSignerRequestBytes) return std::nullopt;
  Places places(message);
  SignerRequest request;
  request.id = places.number(8);
  const std::string_view key = places.take(kPointBytes);
  std::copy(key.begin(), key.end(), request.key.begin());
  const auto size = static_cast<std::size_t>(places.number(1));
  auto name = places.text(size, kMostNameBytes);
  if (!name) return std::nullopt;
  request.name = std::move(*name);
  return request;
}

std::optional<SignerAnswer> read_signer_answer(std::string_view message) {
  if (message.size() != kSignerAnswerBytes) return std::nullopt;
  Places places(message);
  SignerAnswer answer;
  answer.id = places.number(8);
  const std::uint64_t status = places.number(1);
  if (status > kLastStatus) return std::nullopt;
  answer.status = static_cast<SignerStatus>(status);
  answer.not_before = static_cast<std::int64_t>(places.number(8));
  answer.not_after = static_cast<std::int64_t>(places.number(8));
  const auto size = static_cast<std::size_t>(places.number(2));
  auto leaf = places.text(size, kMostLeafBytes);
  if (!leaf) return std::nullopt;
  answer.leaf = std::move(*leaf);
  return answer;
}

}  // namespace bottle
