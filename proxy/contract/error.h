#pragma once

#include <string>
#include <utility>
#include <variant>

#include "proxy/contract/exit_code.h"

namespace bottle {

// A failure that a person will read: what is wrong, and (hint) what to do about it. It is written
// at the place that knows, and main() turns it into two lines on stderr and the exit status.
struct Error {
  ExitCode code = ExitCode::kSystem;
  std::string message;
  std::string hint;
};

// A value or an Error. Test it before use: reading the absent half is a bug and throws
// std::bad_variant_access.
template <class T = void>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return has_value(); }
  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  // Throws std::bad_variant_access if there is none.
  T& value() & { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Expected<void> {
 public:
  Expected() = default;
  Expected(Error error) : state_(std::move(error)) {}

  explicit operator bool() const { return has_value(); }
  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<std::monostate, Error> state_;
};

// An Error with strerror(errno_value) after `what`; code kSystem unless told otherwise.
Error system_error(std::string what, int errno_value, std::string hint = {},
                   ExitCode code = ExitCode::kSystem);

}  // namespace bottle
