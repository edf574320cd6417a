#include "proxy/contract/audit_chain.h"

#include <algorithm>
#include <charconv>

namespace bottle {
namespace {

constexpr std::string_view kLineKey = R"(,"line":)";
constexpr std::string_view kChainKey = R"(,"chain":")";
constexpr std::string_view kAfterKey = R"(,"after":")";

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

bool is_value(std::string_view text) {
  return text.size() == kChainDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Takes KEY, a value and a quote off the end of `rest`; nullopt: they are not there.
std::optional<std::string_view> take_value(std::string_view& rest, std::string_view key) {
  const std::size_t size = key.size() + kChainDigits + 1;
  if (rest.size() < size) return std::nullopt;
  const std::string_view piece = rest.substr(rest.size() - size);
  const std::string_view value = piece.substr(key.size(), kChainDigits);
  if (!piece.starts_with(key) || !piece.ends_with('"') || !is_value(value)) return std::nullopt;
  rest.remove_suffix(size);
  return value;
}

}  // namespace

ChainValue::ChainValue(std::string_view text) noexcept {
  digits_.fill('0');
  text.copy(digits_.data(), digits_.size());
}

ChainValue chain_value(std::string_view before, std::string_view hashed, Sha256Function sha256) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  const std::array<unsigned char, 32> digest = sha256(before, hashed);
  std::array<char, kChainDigits> out;
  for (std::size_t i = 0; i < kChainDigits / 2; ++i) {
    out[2 * i] = kDigits[digest[i] >> 4];
    out[2 * i + 1] = kDigits[digest[i] & 15];
  }
  return std::string_view(out.data(), out.size());
}

ChainedLine chain_line(std::string_view line, const ChainLink& before, bool first,
                       Sha256Function sha256) {
  line = without_end(line);
  if (line.ends_with('}')) line.remove_suffix(1);
  ChainedLine out;
  out.link.line = before.line + 1;
  out.text.reserve(line.size() + 160);
  out.text.append(line).append(kLineKey).append(std::to_string(out.link.line));
  out.link.value = chain_value(before.value, out.text, sha256);
  out.text.append(kChainKey).append(out.link.value).append("\"");
  if (first) out.text.append(kAfterKey).append(before.value).append("\"");
  out.text.append("}\n");
  return out;
}

std::optional<ChainParts> chain_parts(std::string_view line) noexcept {
  if (!line.starts_with('{') || !line.ends_with('}')) return std::nullopt;
  std::string_view rest = line.substr(0, line.size() - 1);
  ChainParts out;
  if (const auto after = take_value(rest, kAfterKey)) out.after = *after;
  const auto value = take_value(rest, kChainKey);
  if (!value) return std::nullopt;
  out.value = *value;
  out.hashed = rest;
  const std::size_t at = rest.rfind(kLineKey);
  if (at == rest.npos) return std::nullopt;
  const char* const end = rest.data() + rest.size();
  const auto number = std::from_chars(rest.data() + at + kLineKey.size(), end, out.line);
  if (number.ec != std::errc() || number.ptr != end || out.line == 0) return std::nullopt;
  return out;
}

std::string with_value_before(std::string_view line, std::string_view before) {
  const std::string_view whole = without_end(line);
  const auto parts = chain_parts(whole);
  if (!parts || !parts->after.empty() || !is_value(before)) return std::string(line);
  std::string out(whole.substr(0, whole.size() - 1));
  out.append(kAfterKey).append(before).append("\"}");
  if (line.ends_with('\n')) out += '\n';
  return out;
}

ChainTail chain_tail(std::string_view tail) {
  ChainTail out;
  out.open = !tail.empty() && !tail.ends_with('\n');
  std::size_t end = tail.size();
  while (end > 0) {
    const std::size_t before = tail.substr(0, end).rfind('\n');
    const std::size_t begin = before == tail.npos ? 0 : before + 1;
    const std::string_view line = tail.substr(begin, end - begin);
    if (const auto parts = chain_parts(line)) {
      out.link = {parts->line, parts->value};
      out.found = true;
      return out;
    }
    out.unfinished += line.size();
    end = begin == 0 ? 0 : begin - 1;
  }
  return out;
}

}  // namespace bottle
