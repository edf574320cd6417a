#include "launcher/backend/docker/archive.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>

namespace bottle::launcher::docker {
namespace {

constexpr std::size_t kBlock = 512;
constexpr char kRegular = '0';
constexpr char kDirectory = '5';

// Offsets and lengths of the header's fields.
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kSum{148, 8};
constexpr std::size_t kType = 156;
constexpr std::size_t kMagic = 257;
constexpr std::size_t kPrefix = 345;

void put(std::string& block, Field field, std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", static_cast<int>(field.size - 1),
                static_cast<unsigned long long>(value));
  block.replace(field.at, field.size - 1, text.data(), field.size - 1);
}

std::size_t padded(std::size_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

std::optional<std::size_t> octal(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  text = text.substr(0, text.find_first_of(std::string_view("\0 ", 2)));
  std::size_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Entry {
  char type;
  std::string_view content;
};

std::optional<Entry> find_entry(std::string_view archive, std::string_view path) {
  while (archive.size() >= kBlock) {
    const std::string_view block = archive.substr(0, kBlock);
    archive.remove_prefix(kBlock);
    std::string_view name = block.substr(kName.at, kName.size);
    name = name.substr(0, name.find('\0'));
    if (name.empty()) return std::nullopt;  // the end
    if (name.ends_with('/')) name.remove_suffix(1);
    const auto size = octal(block.substr(kSize.at, kSize.size));
    if (!size || *size > archive.size()) return std::nullopt;
    // With a prefix the name is another one, and longer than any that is looked for.
    const bool whole = block[kPrefix] == '\0';
    // Entries of these types describe the next one (long names) and are none themselves.
    const char type = block[kType];
    const bool about = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (whole && !about && name == path) return Entry{type, archive.substr(0, *size)};
    archive.remove_prefix(std::min(archive.size(), padded(*size)));
  }
  return std::nullopt;
}

}  // namespace

void Archive::header(std::string_view name, unsigned mode, Owner owner, std::size_t size,
                     char type) {
  std::string block(kBlock, '\0');
  name.copy(block.data() + kName.at, kName.size);
  put(block, kMode, mode);
  put(block, kUid, owner.uid);
  put(block, kGid, owner.gid);
  put(block, kSize, size);
  put(block, kTime, 0);
  block[kType] = type;
  block.replace(kMagic, 8, std::string_view("ustar\00000", 8));
  block.replace(kSum.at, kSum.size, kSum.size, ' ');  // as which it counts in the sum
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%06llo", static_cast<unsigned long long>(sum));
  block.replace(kSum.at, 7, text.data(), 7);
  bytes_ += block;
}

void Archive::directory(std::string_view name, unsigned mode, Owner owner) {
  header(std::string(name) + "/", mode, owner, 0, kDirectory);
}

void Archive::file(std::string_view name, unsigned mode, std::string_view content, Owner owner) {
  header(name, mode, owner, content.size(), kRegular);
  bytes_ += content;
  bytes_.append(padded(content.size()) - content.size(), '\0');
}

std::string Archive::finish() {
  bytes_.append(2 * kBlock, '\0');
  return std::move(bytes_);
}

std::optional<std::string> file_at(std::string_view archive, std::string_view path) {
  const auto found = find_entry(archive, path);
  const bool regular = found && (found->type == kRegular || found->type == '\0');
  return regular ? std::optional(std::string(found->content)) : std::nullopt;
}

bool has_entry(std::string_view archive, std::string_view path) {
  return find_entry(archive, path).has_value();
}

}  // namespace bottle::launcher::docker
