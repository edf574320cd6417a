#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bottle {

struct Field {
  std::string_view name;
  std::string_view value;
};

// Header or trailer fields, in the order and case in which they came. All bytes live in one owned
// buffer; views given out are good until the next change of this object. Names compare without
// case (RFC 9110 section 5.1). No validation here: framing_rules does that.
class Fields {
 public:
  void add(std::string_view name, std::string_view value);
  // Takes the place of every field of that name.
  void set(std::string_view name, std::string_view value);
  // Removes every field of that name; returns how many there were.
  std::size_t remove(std::string_view name);
  template <class Predicate>
  std::size_t remove_if(Predicate predicate) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < extents_.size(); ++i) {
      if (predicate((*this)[i])) continue;
      extents_[kept++] = extents_[i];
    }
    const std::size_t removed = extents_.size() - kept;
    extents_.resize(kept);
    return removed;
  }
  // Removes the fields for whose index and field `keeps` says false, and the white space around the
  // values of the others. Views of them stay good.
  template <class Keeps>
  void keep_trimmed(Keeps keeps);
  void clear();
  void reserve(std::size_t fields, std::size_t bytes);

  // The first field of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
  [[nodiscard]] std::size_t count(std::string_view name) const;

  // Leaves none, and gives their memory back.
  void free() noexcept { Fields().swap(*this); }
  void swap(Fields& other) noexcept {
    bytes_.swap(other.bytes_);
    extents_.swap(other.extents_);
  }
  [[nodiscard]] std::size_t size() const { return extents_.size(); }
  [[nodiscard]] bool empty() const { return extents_.empty(); }
  [[nodiscard]] Field operator[](std::size_t index) const {
    const Extent& e = extents_[index];
    return Field{name_of(e), value_of(e)};
  }
  // Size as HTTP/2 counts it: name + value + 32 for each field (RFC 9113 section 6.5.2).
  [[nodiscard]] std::size_t list_size() const;

  class Iterator {
   public:
    Iterator(const Fields* fields, std::size_t index) : fields_(fields), index_(index) {}
    Field operator*() const { return (*fields_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const Fields* fields_;
    std::size_t index_;
  };
  [[nodiscard]] Iterator begin() const { return Iterator(this, 0); }
  [[nodiscard]] Iterator end() const { return Iterator(this, extents_.size()); }

 private:
  struct Extent {
    std::uint32_t name_at;
    std::uint32_t name_size;
    std::uint32_t value_at;
    std::uint32_t value_size;
  };
  [[nodiscard]] std::string_view name_of(const Extent& e) const noexcept {
    return {bytes_.data() + e.name_at, e.name_size};
  }
  [[nodiscard]] std::string_view value_of(const Extent& e) const noexcept {
    return {bytes_.data() + e.value_at, e.value_size};
  }

  std::string bytes_;
  std::vector<Extent> extents_;
};

// ASCII only, as HTTP's names are.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] std::string to_lower(std::string_view text);
// True if `list` (a comma-separated field value) has `token`, without case.
[[nodiscard]] bool list_has_token(std::string_view list, std::string_view token) noexcept;
// Without leading and trailing SP and HTAB (OWS, RFC 9110 section 5.6.3).
[[nodiscard]] std::string_view trim_ows(std::string_view text) noexcept;

template <class Keeps>
void Fields::keep_trimmed(Keeps keeps) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < extents_.size(); ++i) {
    Extent e = extents_[i];
    if (!keeps(i, (*this)[i])) continue;
    const std::string_view value = trim_ows(value_of(e));
    if (!value.empty()) e.value_at = static_cast<std::uint32_t>(value.data() - bytes_.data());
    e.value_size = static_cast<std::uint32_t>(value.size());
    extents_[kept++] = e;
  }
  extents_.resize(kept);
}

}  // namespace bottle
