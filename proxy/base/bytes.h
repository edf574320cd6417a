#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bottle {

// Bytes are chars here: every library below us (OpenSSL, nghttp2, llhttp, Asio) speaks pointers to
// char-sized units, and std::string is the one owned buffer that all of them take.
using Bytes = std::string;          // owned
using ByteView = std::string_view;  // borrowed, to read
using ByteSpan = std::span<char>;   // borrowed, to fill

}  // namespace bottle
