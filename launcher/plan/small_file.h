#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace bottle::launcher {

// Looks at files that a project may have made up: no link is followed, no pipe or device is opened
// for good, and no more than a bound is read.

// A small regular file that is no link. nullopt: it is something else, or larger.
std::optional<std::string> small_file(const std::filesystem::path& file, std::size_t most);

// The path in a file of one line that begins with `before`, made absolute. Empty: there is none.
std::filesystem::path path_in(const std::filesystem::path& file, std::string_view before);

// Canonical. Empty: it does not exist.
std::filesystem::path real_path(const std::filesystem::path& path);

// Links are not followed.
std::filesystem::file_type type_of(const std::filesystem::path& path);
bool is_there(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);

}  // namespace bottle::launcher
