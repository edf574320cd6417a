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

// Gives the memory back. Neither clear() nor the assignment of an empty string does: the buffer
// stays for what may come.
inline void free_bytes(Bytes& bytes) noexcept { Bytes().swap(bytes); }

}  // namespace bottle
