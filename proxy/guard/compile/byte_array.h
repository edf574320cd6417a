#pragma once

#include <cstdio>
#include <fstream>
#include <string_view>

namespace bottle {

// An array of the bytes, in lines of string literals that a compiler reads fast.
inline void write_bytes(std::ofstream& out, std::string_view name, std::string_view bytes) {
  out << "const char " << name << "Bytes[] =\n";
  for (std::size_t at = 0; at < bytes.size(); at += 64) {
    out << '"';
    for (const char c : bytes.substr(at, 64)) {
      char octal[5];
      std::snprintf(octal, sizeof octal, "\\%03o",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      out << octal;
    }
    out << "\"\n";
  }
  out << ";\n";
}

}  // namespace bottle
