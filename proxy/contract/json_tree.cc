#include "proxy/contract/json_tree.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace bottle {
namespace {

constexpr std::size_t kMaxBytes = 1024 * 1024;  // a manifest is written by hand
constexpr std::size_t kMaxDepth = 16;           // the manifest's own nesting is 6

// Finds where each token of a JSON text begins. nlohmann's SAX events come in the same order but
// without places; this scanner walks beside it. It trusts nothing: on a text that is not JSON it
// only yields places that are of no use, and the parser reports the error.
class TokenPlaces {
 public:
  explicit TokenPlaces(std::string_view text) : text_(text) {}

  // The next token that has an event of its own (',' and ':' have none).
  TextPosition next() {
    skip_filler();
    const TextPosition begin = place_;
    if (at_ >= text_.size()) return begin;
    const char first = text_[at_];
    if (first == '"') {
      skip_string();
    } else if (is_bracket(first)) {
      advance();
    } else {
      while (at_ < text_.size() && !is_filler(text_[at_]) && !is_bracket(text_[at_]) &&
             text_[at_] != '/') {
        advance();
      }
    }
    return begin;
  }

 private:
  static bool is_filler(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ':';
  }
  static bool is_bracket(char c) { return c == '{' || c == '}' || c == '[' || c == ']'; }

  void skip_filler() {
    while (at_ < text_.size()) {
      if (is_filler(text_[at_])) {
        advance();
      } else if (text_.substr(at_, 2) == "//") {
        while (at_ < text_.size() && text_[at_] != '\n') advance();
      } else if (text_.substr(at_, 2) == "/*") {
        const auto end = text_.find("*/", at_ + 2);
        const auto after = end == std::string_view::npos ? text_.size() : end + 2;
        while (at_ < after) advance();
      } else {
        return;
      }
    }
  }

  void skip_string() {
    advance();
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') advance();
      advance();
    }
    advance();
  }

  void advance() {
    if (at_ >= text_.size()) return;
    const char c = text_[at_++];
    if (c == '\n') {
      ++place_.line;
      place_.column = 1;
    } else if (at_ >= text_.size() || (static_cast<unsigned char>(text_[at_]) & 0xc0U) != 0x80U) {
      ++place_.column;  // the next byte begins a new character
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  TextPosition place_;
};

JsonNode node_of(JsonNode::Kind kind, std::string text = {}) {
  JsonNode node;
  node.kind = kind;
  node.text = std::move(text);
  return node;
}

TextPosition place_of_byte(std::string_view text, std::size_t offset) {
  TextPosition place;
  for (std::size_t i = 0; i < std::min(offset, text.size()); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80U) {
      ++place.column;
    }
  }
  return place;
}

// The library quotes what it read just before, with escapes of its own; the place says it better.
void drop_last_read(std::string& what) {
  const auto begin = what.find("; last read: '");
  if (begin == std::string::npos) return;
  const auto end = what.rfind("'; expected ");
  const bool more = end != std::string::npos && end > begin;
  what.erase(begin, more ? end + 1 - begin : std::string::npos);
}

class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view text, const std::string& file)
      : text_(text), file_(file), places_(text) {}

  bool null() override { return add(node_of(JsonNode::Kind::kNull)); }
  bool boolean(bool value) override {
    JsonNode node = node_of(JsonNode::Kind::kBoolean);
    node.boolean = value;
    return add(std::move(node));
  }
  bool number_integer(number_integer_t value) override { return number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return number(text); }
  bool string(string_t& value) override {
    return add(node_of(JsonNode::Kind::kString, std::move(value)));
  }
  bool binary(binary_t&) override { return false; }  // no such token in JSON text
  bool start_object(std::size_t) override { return open(JsonNode::Kind::kObject); }
  bool start_array(std::size_t) override { return open(JsonNode::Kind::kArray); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    const TextPosition place = places_.next();
    auto& members = open_.back().members;
    const auto same = std::find_if(members.begin(), members.end(),
                                   [&name](const JsonMember& m) { return m.name == name; });
    if (same != members.end()) {
      error_ = error_at(
          file_, place, "the key \"" + name + "\" appears twice in this object",
          "remove one of them (the first is in line " + std::to_string(same->place.line) + ")");
      return false;
    }
    members.push_back(JsonMember{.name = std::move(name), .place = place, .value = {}});
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& ex) override {
    // The library's text carries its own position in a form of its own; keep what follows it.
    std::string what = ex.what();
    if (const auto colon = what.find(": "); colon != std::string::npos) what.erase(0, colon + 2);
    drop_last_read(what);
    error_ = error_at(file_, place_of_byte(text_, position == 0 ? 0 : position - 1),
                      "not valid JSON: " + what,
                      "allowed is JSON with // and /* */ comments; no comma after the last entry, "
                      "names and texts in double quotes");
    return false;
  }

  std::optional<Error> error_;
  std::optional<JsonNode> root_;

 private:
  bool number(std::string text) { return add(node_of(JsonNode::Kind::kNumber, std::move(text))); }

  bool open(JsonNode::Kind kind) {
    JsonNode node = node_of(kind);
    node.place = places_.next();
    if (open_.size() == kMaxDepth) {
      error_ = error_at(file_, node.place,
                        "nested more than " + std::to_string(kMaxDepth) + " levels deep");
      return false;
    }
    open_.push_back(std::move(node));
    return true;
  }

  bool close() {
    places_.next();
    JsonNode done = std::move(open_.back());
    open_.pop_back();
    place_value(std::move(done));
    return true;
  }

  bool add(JsonNode node) {
    node.place = places_.next();
    place_value(std::move(node));
    return true;
  }

  void place_value(JsonNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().kind == JsonNode::Kind::kObject) {
      open_.back().members.back().value = std::move(node);
    } else {
      open_.back().items.push_back(std::move(node));
    }
  }

  std::string_view text_;
  const std::string& file_;
  TokenPlaces places_;
  std::vector<JsonNode> open_;
};

}  // namespace

std::string_view kind_name(JsonNode::Kind kind) {
  switch (kind) {
    case JsonNode::Kind::kNull:
      return "null";
    case JsonNode::Kind::kBoolean:
      return "true or false";
    case JsonNode::Kind::kNumber:
      return "a number";
    case JsonNode::Kind::kString:
      return "a string";
    case JsonNode::Kind::kArray:
      return "a list";
    case JsonNode::Kind::kObject:
      return "an object";
  }
  return "a value";
}

Error error_at(const std::string& file, TextPosition place, const std::string& what,
               std::string hint) {
  return Error{
      ExitCode::kManifest,
      file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + what,
      std::move(hint)};
}

Expected<JsonNode> parse_json(std::string_view text, const std::string& file) {
  if (text.size() > kMaxBytes) {
    return error_at(file, TextPosition{}, "larger than 1 MiB, the most that is read");
  }
  TreeBuilder builder(text, file);
  const bool complete = nlohmann::json::sax_parse(
      text.begin(), text.end(), &builder, nlohmann::json::input_format_t::json, /*strict=*/true,
      /*ignore_comments=*/true);
  if (builder.error_) return std::move(*builder.error_);
  if (!complete || !builder.root_) return error_at(file, TextPosition{}, "not valid JSON");
  return std::move(*builder.root_);
}

}  // namespace bottle
