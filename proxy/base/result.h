#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>

#include "proxy/base/failure.h"

namespace bottle {

// A value, or the Failure that took its place. `if (!r) return r.error();` is the idiom.
template <class T = void>
using Result = boost::system::result<T, Failure>;

// Called by Result::value() on a Failure: asking for a value that is not there is a bug of ours.
[[noreturn]] inline void throw_exception_from_error(const Failure& failure,
                                                    const boost::source_location&) {
  throw std::logic_error("value() on a failed Result: " + failure.detail);
}

}  // namespace bottle
