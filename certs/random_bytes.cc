#include "certs/random_bytes.h"

#include <openssl/rand.h>

#include <stdexcept>

#include "certs/openssl_ptr.h"

namespace bottle {

void RandomBytes::fill(std::span<char> out) {
  for (char& byte : out) {
    if (used_ == kAtOnce) {
      const int done = RAND_bytes(reinterpret_cast<unsigned char*>(bytes_.data()),
                                  static_cast<int>(bytes_.size()));
      if (done != 1) throw std::runtime_error("no randomness: " + openssl::take_errors());
      used_ = 0;
    }
    byte = bytes_[used_++];
  }
}

}  // namespace bottle
