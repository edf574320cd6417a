#include "proxy/guard/answers/text_kind.h"

#include <algorithm>
#include <array>

namespace bottle {
namespace {

using namespace std::string_view_literals;

constexpr std::array kMagics{"\x89PNG"sv,
                             "GIF8"sv,
                             "\xff\xd8\xff"sv,
                             "RIFF"sv,
                             "%PDF-"sv,
                             "PK\x03\x04"sv,
                             "\x1f\x8b"sv,
                             "\x28\xb5\x2f\xfd"sv,
                             "BZh"sv,
                             "\xfd"
                             "7zXZ"sv,
                             "7z\xbc\xaf"sv,
                             "\x7f"
                             "ELF"sv,
                             "wOFF"sv,
                             "wOF2"sv,
                             "OTTO"sv,
                             "OggS"sv,
                             "fLaC"sv,
                             "ID3"sv,
                             "\x1a\x45\xdf\xa3"sv,
                             "PACK"sv,
                             "MZ\x90"sv,
                             "\xca\xfe\xba\xbe"sv,
                             "!<arch>"sv,
                             "SQLite format 3"sv,
                             "II*\0"sv,
                             "MM\0*"sv,
                             "\0asm"sv};

bool contains(std::string_view text, std::string_view part) noexcept {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

bool is_utf16(ByteView text) noexcept {
  return text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv);
}

bool is_binary(ByteView text) noexcept {
  if (is_utf16(text)) return false;
  if (text.find('\0') != ByteView::npos) return true;
  return std::any_of(kMagics.begin(), kMagics.end(),
                     [text](std::string_view magic) { return text.starts_with(magic); });
}

}  // namespace

TextKind text_kind(std::string_view content_type, ByteView beginning) noexcept {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  // Texts stand between numbers and lengths in its messages.
  if (contains(type, "application/grpc") || contains(type, "application/connect")) {
    return TextKind::Plain;
  }
  if (is_binary(beginning)) return TextKind::None;
  if (contains(type, "event-stream")) return TextKind::Events;
  if (contains(type, "html")) return TextKind::Html;
  if (contains(type, "json")) return TextKind::Json;
  std::size_t at = 0;
  while (at < beginning.size() && static_cast<unsigned char>(beginning[at]) <= ' ') ++at;
  const ByteView text = beginning.substr(at);
  if (contains(text.substr(0, 14), "<!doctype html") || contains(text.substr(0, 5), "<html")) {
    return TextKind::Html;
  }
  return TextKind::Plain;
}

}  // namespace bottle
