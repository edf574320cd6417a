#include "proxy/guard/views/base64_lanes.h"

#include <algorithm>
#include <cstring>

namespace bottle {

Base64Lanes::Base64Lanes(ViewSink& sink)
    : lanes_{Lane{.child = Child(sink, Coded::Base64, 0)},
             Lane{.child = Child(sink, Coded::Base64, 1)},
             Lane{.child = Child(sink, Coded::Base64, 2)},
             Lane{.child = Child(sink, Coded::Base64, 3)}} {}

void Base64Lanes::begin(std::uint64_t at) {
  begin_ = at;
  total_ = used_ = 0;
  for (std::size_t i = 0; i < kAlignments; ++i) {
    lanes_[i].cursor = i;
    lanes_[i].known = i == 0;
    lanes_[i].has_before = false;
  }
}

void Base64Lanes::begins_here(std::size_t back) {
  Lane& lane = lanes_[(total_ - back) % kAlignments];
  if (lane.known) return;
  lane.known = true;
  // A stretch of text that is open goes on.
  if (!lane.child.is_open()) lane.cursor = used_ - back;
}

void Base64Lanes::read(const char* chars, std::size_t size, std::uint64_t end) {
  base64_values(chars, size, values_.data() + used_);
  used_ += size;
  total_ += size;
  for (Lane& lane : lanes_) {
    if (lane.known) {
      read_known(lane, end);
    } else {
      read_unknown(lane, end);
    }
  }
  drop_read_values();
}

// To out_ and binary_; returns how many.
std::size_t Base64Lanes::decode_units_of(Lane& lane) {
  if (lane.cursor >= used_) return 0;
  const std::size_t units = (used_ - lane.cursor) / kUnitChars;
  decode_units(values_.data() + lane.cursor, units, out_.data(), binary_.data());
  lane.cursor += units * kUnitChars;
  return units;
}

void Base64Lanes::read_known(Lane& lane, std::uint64_t end) {
  char* to = out_.data() + decode_units_of(lane) * kUnitBytes;
  for (; lane.cursor + 4 <= used_; lane.cursor += 4, to += 3) {
    decode_quad(values_.data() + lane.cursor, to);
  }
  lane.child.give(ByteView(out_.data(), static_cast<std::size_t>(to - out_.data())), begin_, end);
}

void Base64Lanes::read_unknown(Lane& lane, std::uint64_t end) {
  const std::size_t units = decode_units_of(lane);
  const auto unit_at = [this](std::size_t unit) {
    return ByteView(out_.data() + unit * kUnitBytes, kUnitBytes);
  };
  for (std::size_t unit = 0; unit < units; ++unit) {
    const bool text = binary_[unit] <= kMostBinary;
    if (!text && !lane.child.is_open()) continue;
    if (!lane.child.is_open()) {
      if (unit > 0) {
        lane.child.give(unit_at(unit - 1), begin_, end);
      } else if (lane.has_before) {
        lane.child.give(ByteView(lane.before.data(), kUnitBytes), begin_, end);
      }
    }
    lane.child.give(unit_at(unit), begin_, end);
    if (!text) lane.child.close(end);
  }
  if (units == 0) return;
  unit_at(units - 1).copy(lane.before.data(), kUnitBytes);
  lane.has_before = true;
}

void Base64Lanes::drop_read_values() {
  std::size_t read = used_ - std::min(used_, kMostBack);
  for (const Lane& lane : lanes_) read = std::min(read, lane.cursor);
  std::memmove(values_.data(), values_.data() + read, used_ - read);
  used_ -= read;
  for (Lane& lane : lanes_) lane.cursor -= read;
}

void Base64Lanes::finish(std::uint64_t end) {
  for (Lane& lane : lanes_) finish_lane(lane, end);
}

// Less than a unit is left.
void Base64Lanes::finish_lane(Lane& lane, std::uint64_t end) {
  std::array<char, kUnitBytes> rest;
  std::size_t size = 0;
  while (lane.cursor + 1 < used_) {
    std::array<std::uint8_t, 4> quad{};
    const std::size_t there = std::min<std::size_t>(4, used_ - lane.cursor);
    std::memcpy(quad.data(), values_.data() + lane.cursor, there);
    std::array<char, 3> bytes;
    decode_quad(quad.data(), bytes.data());
    std::memcpy(rest.data() + size, bytes.data(), there - 1);
    size += there - 1;
    lane.cursor += there;
  }
  const ByteView text(rest.data(), size);
  const bool shows = lane.known || lane.child.is_open() ||
                     (size >= kLeastText && std::ranges::all_of(text, [](char c) {
                        return is_text(static_cast<unsigned char>(c));
                      }));
  if (shows) {
    if (!lane.known && !lane.child.is_open() && lane.has_before) {
      lane.child.give(ByteView(lane.before.data(), kUnitBytes), begin_, end);
    }
    lane.child.give(text, begin_, end);
  }
  lane.child.close(end);
}

}  // namespace bottle
