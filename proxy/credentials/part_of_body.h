#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/body/body_filter.h"

namespace bottle {

// Some of a body's bytes. The others are read, and dropped.
class PartOfBody final : public BodyFilter {
 public:
  PartOfBody(std::unique_ptr<BodySource> inner, std::uint64_t skipped, std::uint64_t size)
      : BodyFilter(std::move(inner)), skip_(skipped), left_(size) {}
  awaitable<Result<Chunk>> read(std::size_t max) override;

 private:
  std::uint64_t skip_;
  std::uint64_t left_;
};

}  // namespace bottle
