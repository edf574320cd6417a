#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/guard/matcher.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {

// Makes texts from templates: "{A36}" is 36 random letters and digits. Seeded: each run makes the
// same tokens, and none of them was ever issued.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::string fill(std::string_view form) {
    return expand(form, [this](std::string_view letters, std::size_t) {
      return letters[std::uniform_int_distribution<std::size_t>(0, letters.size() - 1)(random_)];
    });
  }
  // Each gap filled with one character, as documentation does.
  static std::string fill_with(std::string_view form, char letter) {
    return expand(form, [letter](std::string_view letters, std::size_t) {
      const bool may = letters.find(letter) != std::string_view::npos;
      return may ? letter : letters.front();
    });
  }
  // Each gap filled with its alphabet in order.
  static std::string fill_in_order(std::string_view form) {
    return expand(
        form, [](std::string_view letters, std::size_t i) { return letters[i % letters.size()]; });
  }

 private:
  template <class Letter>
  static std::string expand(std::string_view form, Letter letter) {
    static const std::map<char, std::string> kLetters = {
        {'A', "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"},
        {'W', "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"},
        {'B', "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"},
        {'X', "0123456789abcdef"},
        {'U', "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"},
        {'V', "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
        {'L', "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"},
        {'D', "123456789"},
        {'Q', "023456789ACDEFGHJKLMNPQRSTUVWXYZ"},
    };
    std::string text;
    while (!form.empty()) {
      if (form.front() != '{' || form.size() < 3 || !kLetters.contains(form[1])) {
        text.push_back(form.front());
        form.remove_prefix(1);
        continue;
      }
      const std::size_t size = std::stoul(std::string(form.substr(2, form.find('}') - 2)));
      for (std::size_t i = 0; i < size; ++i) text.push_back(letter(kLetters.at(form[1]), i));
      form.remove_prefix(form.find('}') + 1);
    }
    return text;
  }

  std::mt19937 random_;
};

// Finds tokens as the guard does, in texts that are there as a whole.
class ShapeFinder {
 public:
  explicit ShapeFinder(std::span<const TokenShape> shapes) : shapes_(shapes) {
    std::vector<MatchPattern> patterns;
    for (const TokenShape& shape : shapes) {
      patterns.push_back(MatchPattern{std::string(shape.pattern), false});
    }
    database_.emplace(std::move(*MatchDatabase::compile(patterns)));
    scratch_.emplace(*database_);
  }

  // The names of all that is found, with the bytes of the last.
  std::set<std::string> found(std::string_view text, std::string* token = nullptr) {
    struct Listener final : MatchListener {
      bool matched(std::size_t id, unsigned long long end) override {
        const TokenShape& shape = shapes[id];
        const auto span = find_token(shape, text, static_cast<std::size_t>(end));
        if (!span) return true;
        names.insert(std::string(shape.name));
        token = text.substr(span->begin, span->end - span->begin);
        return true;
      }
      std::span<const TokenShape> shapes;
      std::string_view text;
      std::set<std::string> names;
      std::string token;
    };
    Listener listener;
    listener.shapes = shapes_;
    listener.text = text;
    MatchStream stream(*database_, *scratch_);
    stream.scan(text, listener);
    if (token != nullptr) *token = listener.token;
    return listener.names;
  }

 private:
  std::span<const TokenShape> shapes_;
  std::optional<MatchDatabase> database_;
  std::optional<MatchScratch> scratch_;
};

}  // namespace bottle
