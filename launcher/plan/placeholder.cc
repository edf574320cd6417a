#include "launcher/plan/placeholder.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

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

bool fill_randomly(std::string& out, std::size_t from, std::size_t end, std::string_view alphabet) {
  for (std::size_t i = from; i < end; ++i) {
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) return false;
    out[i] = alphabet[number % alphabet.size()];
  }
  return true;
}

// nullopt: the system has no random numbers.
std::optional<std::string> random_like(std::string_view value, std::size_t kept) {
  std::string out(value);
  for (std::size_t at = kept; at < value.size();) {
    std::size_t end = at;
    while (end < value.size() && is_replaced(value[end])) ++end;
    if (!fill_randomly(out, at, end, alphabet_of(value.substr(at, end - at)))) return std::nullopt;
    at = std::max(end, at + 1);
  }
  if (has_checksum(value)) out.replace(34, 6, token_checksum(std::string_view(out).substr(4, 30)));
  return out;
}

Error unfit(const std::string& name, const std::string& why) {
  return Error{ExitCode::kEnvironment, name + " cannot be kept out of the bottle: " + why,
               "remove \"keep_out\" from it in the manifest, and the agent gets the value itself"};
}

}  // namespace

Expected<Secret> placeholder_for(const std::string& name, std::string_view value) {
  const bool text =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!text || value.size() < kShortest || value.size() > kLongest) {
    return unfit(name, "its value must be one line of 16 and more ASCII characters");
  }
  const std::size_t kept = beginning_of(value).size();
  const auto replaced =
      std::count_if(value.begin() + static_cast<std::ptrdiff_t>(kept), value.end(), is_replaced);
  if (static_cast<std::size_t>(replaced) < kFewestReplaced) {
    return unfit(name, "its value has too few letters and digits to make a placeholder like it");
  }
  const std::size_t half = value.size() / 2;
  for (int tries = 0; tries < 8; ++tries) {
    auto made = random_like(value, kept);
    if (!made) return system_error("there are no random numbers", errno);
    const std::string_view view = *made;
    const bool other =
        view.substr(0, half) != value.substr(0, half) && view.substr(half) != value.substr(half);
    if (other) return Secret(std::move(*made));
  }
  return unfit(name, "half of its value has no letters and digits");
}

}  // namespace bottle::launcher
