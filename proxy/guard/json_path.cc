#include "proxy/guard/json_path.h"

#include <algorithm>
#include <array>

#include "proxy/base/json_bytes.h"
#include "proxy/guard/joined_values.h"

namespace bottle {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// Bytes that mean something outside of strings.
constexpr std::array<bool, 256> kMeans = [] {
  std::array<bool, 256> out{};
  for (const char c : {'"', '{', '[', '}', ']', ','}) out[static_cast<unsigned char>(c)] = true;
  return out;
}();

}  // namespace

void JsonPath::feed(ByteView in, JoinedValues* values) {
  while (!in.empty()) {
    if (in_string_) {
      in.remove_prefix(take_string(in, values));
      continue;
    }
    std::size_t at = 0;
    while (at < in.size() && !kMeans[static_cast<unsigned char>(in[at])]) ++at;
    if (at == in.size()) return;
    take_mark(in[at]);
    in.remove_prefix(at + 1);
  }
}

// Returns how many bytes of `in` belong to the string, with its end.
std::size_t JsonPath::take_string(ByteView in, JoinedValues* values) {
  const JsonStringPart part = json_string_part(in, escaped_);
  escaped_ = part.escaped;
  if (in_name_) {
    for (const char c : in.substr(0, std::min(part.size, kMaxName - name_.size()))) {
      name_.push_back(is_plain(c) ? c : '?');
    }
  } else if (values != nullptr) {
    values->add(in.substr(0, part.size));
  }
  if (part.ends) end_string(values);
  return part.size + (part.ends ? 1 : 0);
}

void JsonPath::take_mark(char c) {
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
