#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

#include "tests/unit/guard/answer_case_table.h"
#include "tests/unit/guard/answer_cases.h"

namespace bottle::test {
namespace {

TEST(AnswerScanner, FindsNineOfTenInEachOfItsClasses) {
  std::map<std::string, std::pair<int, int>> classes;
  int all = 0;
  int found = 0;
  for (const AnswerCase& one : kAnswerCases) {
    const bool hit = classes_in(one.from, one.body).contains(std::string(one.what));
    auto& [of_class, hits] = classes[std::string(one.what)];
    ++of_class;
    hits += hit ? 1 : 0;
    ++all;
    found += hit ? 1 : 0;
    if (!hit) {
      std::string also;
      for (const auto& other : classes_in(one.from, one.body)) also += " " + other;
      std::printf("missed %s:%s%s\n  %.*s\n", std::string(one.what).c_str(),
                  also.empty() ? " nothing" : " only", also.c_str(),
                  static_cast<int>(one.body.size()), one.body.data());
    }
  }
  std::printf("%d of %d\n", found, all);
  EXPECT_GE(found * 10, all * 9);
  // One class has its cases where the secrets are: answer_inspection_test.cc.
  EXPECT_EQ(classes.size(), kAnswerClasses - 1);
  for (const auto& [name, numbers] : classes) {
    EXPECT_GE(numbers.second * 10, numbers.first * 8) << name;
  }
}

TEST(AnswerScanner, FindsTheSameInPiecesOfAnySize) {
  for (const AnswerCase& one : kAnswerCases) {
    const auto whole = classes_in(one.from, one.body);
    for (const std::size_t step : {1U, 2U, 3U, 7U}) {
      EXPECT_EQ(classes_in(one.from, one.body, step), whole) << one.body << " by " << step;
    }
  }
}

}  // namespace
}  // namespace bottle::test
