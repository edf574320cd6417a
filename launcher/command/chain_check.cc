#include "launcher/command/chain_check.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "launcher/process/sha256.h"
#include "proxy/contract/audit_schema.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kMostNewChains = 100;  // that are told

std::string number_words(std::uint64_t from, std::uint64_t to) {
  if (from == to) return "line " + std::to_string(from);
  return "lines " + std::to_string(from) + " to " + std::to_string(to);
}

std::string missing_words(std::uint64_t from, std::uint64_t to) {
  return number_words(from, to) + (from == to ? " is missing" : " are missing");
}

bool is_of(std::string_view text, AuditKind kind) {
  const auto entry = nlohmann::json::parse(text, nullptr, false);
  if (!entry.is_object()) return false;
  const auto found = entry.find(audit_key::kKind);
  return found != entry.end() && found->is_string() &&
         found->get_ref<const std::string&>() == to_string(kind);
}

// Of a line that ends a log; empty: it is none.
std::vector<ChainLink> ends_of(std::string_view text) {
  constexpr std::string_view kSign = R"("kind":"log_end")";
  if (text.find(kSign) == text.npos || !is_of(text, AuditKind::LogEnd)) return {};
  const auto entry = nlohmann::json::parse(text, nullptr, false);
  std::vector<ChainLink> out;
  for (std::size_t part = 0; part < kAuditParts; ++part) {
    const std::string name(to_string(static_cast<AuditPart>(part)));
    const auto end = entry.value(audit_key::kEnds, nlohmann::json::object());
    if (!end.is_object() || !end.contains(name) || !end[name].is_object()) return {};
    const auto& one = end[name];
    if (!one.contains(audit_key::kLine) || !one[audit_key::kLine].is_number_unsigned()) return {};
    if (!one.contains(audit_key::kChain) || !one[audit_key::kChain].is_string()) return {};
    out.push_back(
        {one[audit_key::kLine].get<std::uint64_t>(), one[audit_key::kChain].get<std::string>()});
  }
  return out;
}

}  // namespace

void ChainCheck::file(std::string name) { place_ = {std::move(name), 0}; }

void ChainCheck::break_at(const Place& place, std::string words) {
  if (!broken_) broken_ = ChainBreak{place.file, place.line, std::move(words)};
}

void ChainCheck::line(std::string_view text) {
  ++place_.line;
  // The proxy writes an empty line to try whether the disk has room again.
  if (text.empty() || broken_) return;
  const auto parts = chain_parts(text);
  if (!parts) return stray(text);
  if (suspect_) return settle(&*parts);
  if (begun_) {
    follow(*parts, text);
  } else {
    begin(*parts);
    if (!broken_) take(*parts, text);
  }
}

void ChainCheck::unfinished(std::string_view text) {
  const bool before = stray_.has_value();
  line(text);
  stray_is_last_ = !before && stray_.has_value();
}

void ChainCheck::stray(std::string_view text) {
  if (!begun_ && !stray_ && nlohmann::json::accept(text)) {
    ++unchained_;
    return;
  }
  if (!stray_) stray_ = place_;
}

// The first line that has a chain.
void ChainCheck::begin(const ChainParts& parts) {
  if (stray_) return break_at(*stray_, "this is no line of the proxy: it was changed or torn");
  if (unchained_ > 0 && parts.line != 1) {
    return break_at(
        {place_.file, place_.line - 1},
        "the line before " + std::to_string(parts.line) + " has no chain: it was changed");
  }
  if (parts.after.empty()) {
    return break_at(place_, "lines before " + std::to_string(parts.line) +
                                " are missing at the beginning of the file");
  }
  if (parts.line == 1 && parts.after != kFirstChain) {
    return break_at(place_, "line 1 was changed");
  }
  if (parts.line > 1 && !gone_) {
    return break_at(place_, missing_words(1, parts.line - 1) + ": the file that had " +
                                (parts.line == 2 ? "it" : "them") + " is gone");
  }
  if (chain_value(parts.after, parts.hashed, &sha256_of_both) != parts.value) {
    return break_at(place_, "line " + std::to_string(parts.line) + " was changed");
  }
  first_ = parts.line;
}

void ChainCheck::follow(const ChainParts& parts, std::string_view text) {
  const bool follows = parts.line == last_.line + 1 &&
                       chain_value(last_.value, parts.hashed, &sha256_of_both) == parts.value &&
                       (parts.after.empty() || parts.after == last_.value);
  if (follows) {
    if (stray_ && !is_of(text, AuditKind::TornLine)) {
      return break_at(*stray_, "this is no line of the proxy: it was put here or torn");
    }
    stray_.reset();
    return take(parts, text);
  }
  if (parts.line == 1 && parts.after == kFirstChain &&
      chain_value(parts.after, parts.hashed, &sha256_of_both) == parts.value && !stray_) {
    if (new_chains_.size() < kMostNewChains) {
      new_chains_.push_back({place_.file, place_.line, "a new chain begins"});
    }
    return take(parts, text);
  }
  const std::uint64_t expected = last_.line + 1;
  std::string words;
  if (parts.line > expected) {
    words = missing_words(expected, parts.line - 1) + " before this one";
    if (stray_) words = number_words(expected, parts.line - 1) + " was changed or torn";
  } else if (parts.line == expected) {
    words = "line " + std::to_string(expected) + " was changed";
  } else {
    words = "line " + std::to_string(parts.line) + " is here a second time, or in the wrong order";
  }
  suspect_ = Suspect{stray_.value_or(place_), parts.line, std::string(parts.value), words};
}

// The line after one that does not follow shows what became of it.
void ChainCheck::settle(const ChainParts* next) {
  const Suspect suspect = *std::exchange(suspect_, std::nullopt);
  const std::uint64_t expected = last_.line + 1;
  if (next != nullptr && !stray_) {
    if (next->line == expected && suspect.number > expected) {
      return break_at(suspect.place, "line " + std::to_string(suspect.number) +
                                         " is in front of line " + std::to_string(expected) +
                                         ": they are in the wrong order");
    }
    // Its number is wrong, and the next line follows as if it were right.
    if (next->line == expected + 1 && suspect.number != expected) {
      return break_at(suspect.place, "line " + std::to_string(expected) + " was changed");
    }
  }
  break_at(suspect.place, suspect.words);
}

void ChainCheck::take(const ChainParts& parts, std::string_view text) {
  begun_ = true;
  ++lines_;
  last_ = {parts.line, parts.value};
  ends_ = ends_of(text);
}

void ChainCheck::end(bool writing) {
  if (broken_) return;
  if (suspect_) return settle(nullptr);
  if (!stray_ || (writing && stray_is_last_)) return;
  if (!stray_is_last_)
    return break_at(*stray_, "this is no line of the proxy: it was changed or torn");
  break_at(*stray_,
           "this line is torn: the proxy or the machine stopped while it was written, or "
           "bytes at the end are missing");
}

void ChainCheck::ends_with(const ChainLink& link) {
  if (broken_ || last_.line > link.line) return;
  if (last_.line < link.line) {
    return break_at(place_, missing_words(last_.line + 1, link.line) + " at the end");
  }
  if (link.line > 0 && last_.value != link.value) {
    break_at(place_, "line " + std::to_string(link.line) + " was changed");
  }
}

}  // namespace bottle::launcher
