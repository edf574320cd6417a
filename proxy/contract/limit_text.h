#pragma once

#include <string>
#include <string_view>

namespace bottle {

// A limit of bottle-proxy as far as its form goes; the proxy knows which there are, and their
// values. Empty answer: fine; else what is wrong with it.
std::string problem_with_limit(std::string_view name, std::string_view number);

}  // namespace bottle
