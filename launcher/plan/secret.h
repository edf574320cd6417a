#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "proxy/contract/locked_bytes.h"

namespace bottle::launcher {

// How a secret looks wherever a person or a log may see it.
inline constexpr std::string_view kSecretMask = "***";

// A text that prints as ***, in locked memory that its copies share. A forked process sees zeros.
// reveal() is the only way to the text; it is called where the value goes to the agent's
// environment and to the proxy's guard, and nowhere else.
class Secret {
 public:
  Secret() = default;
  // Overwrites `value`.
  explicit Secret(std::string value);

  // Valid until the last copy ends, or forget().
  std::string_view reveal() const { return text_ ? text_->reveal() : std::string_view(); }
  std::size_t size() const { return reveal().size(); }
  // Overwrites the text: this secret and all its copies are empty then.
  void forget() const {
    if (text_) text_->forget();
  }

  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << kSecretMask; }

 private:
  class Text {
   public:
    explicit Text(std::string_view text);
    std::string_view reveal() { return {bytes_.span().data(), size_}; }
    void forget();

   private:
    LockedBytes bytes_;
    std::size_t size_;
  };

  std::shared_ptr<Text> text_;
};

}  // namespace bottle::launcher
