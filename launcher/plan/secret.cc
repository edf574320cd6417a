#include "launcher/plan/secret.h"

#include <algorithm>
#include <cstring>

namespace bottle::launcher {

Secret::Text::Text(std::string_view text) : bytes_(text.size()), size_(text.size()) {
  std::copy(text.begin(), text.end(), bytes_.span().begin());
}

void Secret::Text::forget() {
  ::explicit_bzero(bytes_.span().data(), bytes_.span().size());
  size_ = 0;
}

Secret::Secret(std::string value) : text_(std::make_shared<Text>(value)) {
  ::explicit_bzero(value.data(), value.size());
}

}  // namespace bottle::launcher
