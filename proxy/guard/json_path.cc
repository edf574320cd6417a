#include "proxy/guard/json_path.h"

#include <cstring>

#include "proxy/guard/joined_values.h"

namespace bottle {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// The first quote or backslash; the size if there is none.
std::size_t string_part(ByteView in) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  constexpr std::uint64_t kHighs = 0x8080808080808080u;
  std::size_t at = 0;
  for (; at + 8 <= in.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, in.data() + at, 8);
    const std::uint64_t quote = word ^ (kOnes * static_cast<unsigned char>('"'));
    const std::uint64_t slash = word ^ (kOnes * static_cast<unsigned char>('\\'));
    const std::uint64_t zero = ((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash);
    if ((zero & kHighs) != 0) break;
  }
  while (at < in.size() && in[at] != '"' && in[at] != '\\') ++at;
  return at;
}

}  // namespace

void JsonPath::feed(ByteView in, JoinedValues* values) {
  while (!in.empty()) {
    if (in_string_ && !in_name_ && !escaped_) {
      const std::size_t part = string_part(in);
      if (values != nullptr) values->add(in.substr(0, part));
      in.remove_prefix(part);
      if (in.empty()) return;
    }
    step(in.front(), values);
    in.remove_prefix(1);
  }
}

void JsonPath::step(char c, JoinedValues* values) {
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '"') {
      end_string(values);
      return;
    } else if (c == '\\') {
      escaped_ = true;
    }
    if (values != nullptr && !in_name_) values->add(ByteView(&c, 1));
    if (in_name_ && name_.size() < kMaxName) name_.push_back(is_plain(c) ? c : '?');
    return;
  }
  switch (c) {
    case '"':
      in_string_ = true;
      in_name_ = wants_name_;
      if (in_name_) name_.clear();
      break;
    case '{':
    case '[':
      if (levels_.size() < kMaxDepth) {
        levels_.push_back(Level{.array = c == '[', .index = 0, .name = {}});
      } else {
        ++too_deep_;
      }
      wants_name_ = c == '{' && too_deep_ == 0;
      break;
    case '}':
    case ']':
      if (too_deep_ > 0) {
        --too_deep_;
      } else if (!levels_.empty()) {
        levels_.pop_back();
      }
      wants_name_ = false;
      break;
    case ',':
      if (too_deep_ > 0 || levels_.empty()) break;
      if (levels_.back().array) {
        ++levels_.back().index;
      } else {
        wants_name_ = true;
        levels_.back().name.clear();
      }
      break;
    default:
      break;
  }
}

void JsonPath::end_string(JoinedValues* values) {
  in_string_ = false;
  if (!in_name_) {
    if (values != nullptr) values->end_value();
    return;
  }
  in_name_ = false;
  wants_name_ = false;
  if (!levels_.empty()) levels_.back().name = name_;
}

std::string JsonPath::path() const {
  std::string out;
  for (const Level& level : levels_) {
    if (level.array) {
      out += '[' + std::to_string(level.index) + ']';
    } else if (!level.name.empty()) {
      if (!out.empty()) out += '.';
      out += level.name;
    }
    if (out.size() > kMaxPath) break;
  }
  if (out.size() > kMaxPath) out.resize(kMaxPath);
  return out;
}

}  // namespace bottle
