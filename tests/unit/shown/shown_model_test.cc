#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proxy/guard/secret_scanner.h"
#include "proxy/guard/secret_set.h"
#include "proxy/ledger/said_strings.h"
#include "proxy/shown/shown_form.h"

// A model of the scanner, and an adversary that knows the rules by which strings are left out. A
// request that the scanner would have refused, had it been shown all of it, must be refused by the
// scanner or by the guard, or be one of the losses that docs/what-pipelock-sees.md names.
namespace bottle {
namespace {

using nlohmann::json;

// A pattern that the guard does not have: "quartz-" and eight digits.
constexpr std::string_view kPrefix = "quartz-";
constexpr std::size_t kDigits = 8;
// A secret of the bottle's own, which the guard knows.
const std::string kOwn = std::string("v9Kq2ZxR7tLm") + "B4vN8cYpD3sF6hJ1";

std::optional<std::size_t> match_in(const std::string& text) {
  for (std::size_t at = text.find(kPrefix); at != std::string::npos;
       at = text.find(kPrefix, at + 1)) {
    std::size_t digits = 0;
    while (digits < kDigits && at + kPrefix.size() + digits < text.size() &&
           std::isdigit(static_cast<unsigned char>(text[at + kPrefix.size() + digits])) != 0) {
      ++digits;
    }
    if (digits == kDigits) return at;
  }
  const std::size_t own = text.find(kOwn);
  return own == std::string::npos ? std::nullopt : std::optional(own);
}

void collect(const json& value, std::vector<std::string>& out) {
  if (value.is_string()) out.push_back(value.get<std::string>());
  if (!value.is_structured()) return;
  for (const auto& item : value) collect(item, out);
}

// The scanner looks at each string, and at all of them joined.
struct Refusal {
  bool in_one_string = false;
  std::vector<std::size_t> strings;  // that the match touches
};
std::optional<Refusal> scanner_refuses(const std::string& body) {
  std::vector<std::string> strings;
  collect(json::parse(body), strings);
  for (std::size_t i = 0; i < strings.size(); ++i) {
    if (match_in(strings[i])) return Refusal{.in_one_string = true, .strings = {i}};
  }
  std::string joined;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < strings.size(); ++i) {
    joined += strings[i];
    owners.resize(joined.size(), i);
  }
  const auto at = match_in(joined);
  if (!at) return std::nullopt;
  Refusal refusal;
  for (std::size_t k = *at; k < std::min(joined.size(), *at + 28); ++k) {
    if (refusal.strings.empty() || refusal.strings.back() != owners[k]) {
      refusal.strings.push_back(owners[k]);
    }
  }
  return refusal;
}

enum class Loss : std::uint8_t { None, Joined, Theirs, Unreadable };

class Model {
 public:
  explicit Model(unsigned seed) : random_(seed) {
    std::vector<SecretSpec> specs(1);
    specs[0] = SecretSpec{.name = "OWN", .value = kOwn, .hosts = {}, .in_body = false};
    set_ = std::move(*SecretSet::make(std::move(specs)));
    space_ = std::make_unique<ScanSpace>(*set_);
  }

  // One move of the adversary. Fails the test if a refusal is lost without a name.
  void move() {
    switch (random_() % 12) {
      case 0:
        known_.begin_epoch();  // the scanner was started again
        break;
      case 1:
        origin_speaks();
        break;
      case 2:
        at_ = random_() % kPlaces;
        break;
      case 3:
        return send_in_two_turns();
      default:
        break;
    }
    send(request());
  }

  std::map<Loss, std::size_t> losses;
  std::size_t refused = 0;
  std::size_t passed = 0;

 private:
  static constexpr std::size_t kPlaces = 2;

  std::string filler(std::size_t size) {
    static constexpr std::string_view kLetters = "etaoin shrdlu.";
    std::string out;
    while (out.size() < size) out += kLetters[random_() % kLetters.size()];
    return out;
  }

  std::string token() {
    if (random_() % 3 == 0) return kOwn;
    std::string out(kPrefix);
    for (std::size_t i = 0; i < kDigits; ++i) out += static_cast<char>('0' + random_() % 10);
    return out;
  }

  // Texts that were used before come again, whole and cut, so that they are known somewhere.
  std::string some_text() {
    if (!used_.empty() && random_() % 2 == 0) return used_[random_() % used_.size()];
    std::string text;
    switch (random_() % 5) {
      case 0:
        text = filler(80 + random_() % 100) + token() + filler(random_() % 80);
        break;
      case 1:
        text = token();
        break;
      case 2: {
        const std::string whole = token();
        const std::size_t cut = 1 + random_() % (whole.size() - 1);
        used_.push_back(filler(70) + whole.substr(0, cut));
        text = whole.substr(cut) + filler(random_() % 2 == 0 ? 0 : 70);
        break;
      }
      default:
        text = filler(random_() % 200);
    }
    used_.push_back(text);
    if (used_.size() > 40) used_.erase(used_.begin());
    return text;
  }

  // The first half of a token ends a text that the scanner passes; the second begins the next one.
  void send_in_two_turns() {
    const std::string whole = token();
    const std::size_t cut = 1 + random_() % (whole.size() - 1);
    const std::string first = filler(70) + whole.substr(0, cut);
    const std::string second = whole.substr(cut) + filler(70);
    send(json{{"messages", {{{"text", first}}}}}.dump());
    send(json{{"messages", {{{"text", first}}, {{"text", second}}}}}.dump());
  }

  std::string request() {
    json body{{"messages", json::array()}};
    const std::size_t count = 1 + random_() % 6;
    for (std::size_t i = 0; i < count; ++i) body["messages"].push_back({{"text", some_text()}});
    return body.dump();
  }

  void origin_speaks() {
    SaidStrings said(known_, place());
    said.feed(json{{"text", some_text()}}.dump());
  }

  [[nodiscard]] KnownText::Place place() const {
    return known_.place_of(*parse_host("h" + std::to_string(at_) + ".example", 443), Scheme::Https);
  }

  [[nodiscard]] bool guard_refuses(const std::string& body) const {
    SecretScanner scanner(*set_, *space_, "h.example", Scheme::Https);
    return scanner.feed(body).refused.has_value() || scanner.finish().has_value();
  }

  void send(const std::string& body) {
    ShownForm form(body, known_, place(), {});
    while (form.look(4096)) continue;
    ASSERT_TRUE(form.is_json());
    std::string shown;
    std::size_t at = 0;
    for (const ShownForm::Gap& gap : form.gaps()) {
      shown += body.substr(at, gap.begin - at);
      at = gap.end;
    }
    shown += body.substr(at);
    const bool guard = guard_refuses(body);
    const auto of_shown = scanner_refuses(shown);
    const auto of_whole = scanner_refuses(body);
    if (of_whole && !of_shown && !guard) {
      ++losses[loss(body, shown, *of_whole)];
    } else if (guard || of_shown) {
      ++refused;
    }
    if (guard || of_shown) return;
    ++passed;
    known_.add_passed(known_.epoch(), KnownText::Kind::Passed, place(), form.take_marks());
  }

  // The name of what was lost.
  Loss loss(const std::string& body, const std::string& shown, const Refusal& refusal) {
    std::vector<std::string> before;
    std::vector<std::string> after;
    collect(json::parse(body), before);
    collect(json::parse(shown), after);
    for (const std::size_t i : refusal.strings) {
      if (!after[i].empty() || before[i].empty()) continue;
      const TextMark mark =
          mark_of_string(known_, json(before[i]).dump().substr(1, before[i].size()));
      if (known_.has(KnownText::Kind::Said, place(), mark)) return Loss::Theirs;
      if (!refusal.in_one_string) return Loss::Joined;
    }
    ADD_FAILURE() << "lost without a name: " << body << "\nshown: " << shown;
    return Loss::None;
  }

  std::mt19937 random_;
  KnownText known_;
  std::unique_ptr<const SecretSet> set_;
  std::unique_ptr<ScanSpace> space_;
  std::size_t at_ = 0;
  std::vector<std::string> used_;
};

TEST(ShownModel, NothingIsLostWithoutAName) {
  std::size_t refused = 0;
  std::size_t passed = 0;
  std::map<Loss, std::size_t> losses;
  for (unsigned seed = 0; seed < 20; ++seed) {
    Model model(seed);
    for (int i = 0; i < 250; ++i) {
      model.move();
      if (HasFailure()) return;
    }
    refused += model.refused;
    passed += model.passed;
    for (const auto& [loss, count] : model.losses) losses[loss] += count;
  }
  // The model does something.
  EXPECT_GT(refused, 500U);
  EXPECT_GT(passed, 500U);
  EXPECT_GT(losses[Loss::Theirs], 0U);
  EXPECT_GT(losses[Loss::Joined], 0U);
  EXPECT_EQ(losses[Loss::None], 0U);
}

}  // namespace
}  // namespace bottle
