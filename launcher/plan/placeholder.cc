#include "launcher/plan/placeholder.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "proxy/contract/checksum.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kShortest = 16;
constexpr std::size_t kLongest = 16 * 1024;  // the most that the proxy takes
constexpr std::size_t kFewestReplaced = 12;  // ten digits to the power of it are enough
// From twice this size on, the proxy looks for each half by itself; a beginning that is kept must
// leave enough of the first one to be replaced.
constexpr std::size_t kHalf = 16;
constexpr std::size_t kReplacedOfHalf = 8;

// By their makers' documentation. The longest that begins a value counts.
constexpr auto kBeginnings = std::to_array<std::string_view>({
    "sk-ant-api03-", "sk-ant-admin01-",
    "sk-ant-oat01-", "sk-ant-ort01-",
    "sk-ant-",       "sk-proj-",
    "sk-svcacct-",   "sk-admin-",
    "sk-or-v1-",     "sk-",
    "github_pat_",   "ghp_",
    "gho_",          "ghu_",
    "ghs_",          "ghr_",
    "glpat-",        "gldt-",
    "glrt-",         "glptt-",
    "npm_",          "pypi-",
    "xoxb-",         "xoxp-",
    "xoxa-",         "xoxr-",
    "xoxe-",         "xapp-",
    "hf_",           "gsk_",
    "xai-",          "pplx-",
    "r8_",           "AIza",
    "AKIA",          "ASIA",
    "dckr_pat_",     "sk_live_",
    "sk_test_",      "rk_live_",
    "rk_test_",      "whsec_",
    "shpat_",        "lin_api_",
    "dop_v1_",       "hvs.",
    "SG.",           "figd_",
    "rubygems_",     "cio",
    "ntn_",          "pul-",
    "sntrys_",       "ATATT3xFfGF0",
    "eyJ",
});

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexLower = "0123456789abcdef";
constexpr std::string_view kHexUpper = "0123456789ABCDEF";
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kLowerDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpperDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kAll = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_replaced(char c) { return kAll.find(c) != std::string_view::npos; }

std::string_view beginning_of(std::string_view value) {
  std::string_view longest;
  for (const auto one : kBeginnings) {
    const bool leaves_enough =
        value.size() < 2 * kHalf || one.size() + kReplacedOfHalf <= value.size() / 2;
    if (value.starts_with(one) && leaves_enough && one.size() > longest.size()) longest = one;
  }
  return longest;
}

// The smallest of the usual alphabets that a run of letters and digits is written in.
std::string_view alphabet_of(std::string_view run) {
  for (const auto alphabet :
       {kDigits, kHexLower, kHexUpper, kLower, kUpper, kLowerDigits, kUpperDigits, kLetters}) {
    if (run.find_first_not_of(alphabet) == std::string_view::npos) return alphabet;
  }
  return kAll;
}

bool has_checksum(std::string_view value) {
  constexpr auto kSummed =
      std::to_array<std::string_view>({"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "npm_"});
  const bool summed = std::any_of(kSummed.begin(), kSummed.end(),
                                  [value](auto known) { return value.starts_with(known); });
  return summed && value.size() == 40 && token_checksum(value.substr(4, 30)) == value.substr(34);
}

// A run of letters and digits that is replaced.
struct Run {
  std::size_t begin;
  std::size_t end;
  std::string_view alphabet;
};

std::vector<Run> runs_of(std::string_view value, std::size_t kept) {
  std::vector<Run> out;
  for (std::size_t at = kept; at < value.size();) {
    std::size_t end = at;
    while (end < value.size() && is_replaced(value[end])) ++end;
    if (end > at) out.push_back({at, end, alphabet_of(value.substr(at, end - at))});
    at = std::max(end, at + 1);
  }
  return out;
}

// All that a placeholder shows of the value: each character that is replaced is the same one of its
// run's alphabet, and the runs are named, so no two shapes are one text.
std::string shape_of(std::string_view value, const std::vector<Run>& runs) {
  std::string out(value);
  for (const Run& run : runs) {
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(run.begin),
              out.begin() + static_cast<std::ptrdiff_t>(run.end), run.alphabet.back());
    out += " " + std::to_string(run.begin) + "-" + std::to_string(run.end) + ":" +
           std::string(run.alphabet);
  }
  return out;
}

// The numbers that follow from a text and a key: the keyed hash of the text and a counter.
class Numbers {
 public:
  Numbers(const HashKey& key, std::string text) : key_(key), text_(std::move(text)) {}

  std::uint32_t next() {
    if (at_ == block_.size()) {
      block_ = keyed_hash(key_, std::to_string(count_++) + ":" + text_);
      at_ = 0;
    }
    std::uint32_t out = 0;
    for (int i = 0; i < 4; ++i) out = out << 8 | block_[at_++];
    return out;
  }

 private:
  HashKey key_;
  std::string text_;
  std::uint64_t count_ = 0;
  std::array<unsigned char, 16> block_{};
  std::size_t at_ = block_.size();
};

// Each part with its length before it, so that no two lists of parts are one text.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto part : parts) out += std::to_string(part.size()) + ":" + std::string(part);
  return out;
}

std::string made_like(std::string_view value, const std::vector<Run>& runs, Numbers numbers) {
  std::string out(value);
  for (const Run& run : runs) {
    for (std::size_t i = run.begin; i < run.end; ++i) {
      out[i] = run.alphabet[numbers.next() % run.alphabet.size()];
    }
  }
  if (has_checksum(value)) out.replace(34, 6, token_checksum(std::string_view(out).substr(4, 30)));
  return out;
}

Error unfit(const std::string& name, const std::string& why) {
  return Error{ExitCode::kEnvironment, name + " cannot be kept out of the bottle: " + why,
               "remove \"keep_out\" from it in the manifest, and the agent gets the value itself"};
}

}  // namespace

Expected<Secret> placeholder_for(const PlaceholderSource& source, const std::string& name,
                                 std::string_view value) {
  const bool text =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!text || value.size() < kShortest || value.size() > kLongest) {
    return unfit(name, "its value must be one line of 16 and more ASCII characters");
  }
  const auto runs = runs_of(value, beginning_of(value).size());
  std::size_t replaced = 0;
  for (const Run& run : runs) replaced += run.end - run.begin;
  if (replaced < kFewestReplaced) {
    return unfit(name, "its value has too few letters and digits to make a placeholder like it");
  }
  const std::string shape = shape_of(value, runs);
  const std::size_t half = value.size() / 2;
  for (int tries = 0; tries < 8; ++tries) {
    const std::string text_of_try = joined({source.place, name, shape, std::to_string(tries)});
    std::string made = made_like(value, runs, Numbers(source.key, text_of_try));
    const std::string_view view = made;
    const bool other =
        view.substr(0, half) != value.substr(0, half) && view.substr(half) != value.substr(half);
    if (other) return Secret(std::move(made));
  }
  return unfit(name, "half of its value has no letters and digits");
}

}  // namespace bottle::launcher
