#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "proxy/guard/answers/answer_scanner.h"

namespace bottle::test {

inline const AnswerSet& answer_set() {
  static const std::unique_ptr<const AnswerSet> set = [] {
    auto made = AnswerSet::make();
    if (!made) throw std::logic_error(made.error().message);
    return std::move(*made);
  }();
  return *set;
}

// The classes that are found in a body, fed in pieces of `step` bytes.
inline std::set<std::string> classes_in(std::string_view type, std::string_view body,
                                        std::size_t step = std::string_view::npos) {
  static AnswerSpace space(answer_set());
  AnswerScanner scanner(answer_set(), space, type);
  for (std::size_t at = 0; at < body.size(); at += std::min(step, body.size())) {
    (void)scanner.feed(body.substr(at, step));
  }
  (void)scanner.finish();
  std::set<std::string> out;
  for (const Finding& finding : scanner.findings()) out.insert(finding.name);
  return out;
}

}  // namespace bottle::test
