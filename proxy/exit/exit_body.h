#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "certs/digest.h"
#include "proxy/body/body_filter.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/ledger/said_strings.h"

namespace bottle {

// A body with the SHA-256 of what was read of it.
class HashedBody final : public BodyFilter {
 public:
  explicit HashedBody(std::unique_ptr<BodySource> inner) : BodyFilter(std::move(inner)) {}
  awaitable<Result<Chunk>> read(std::size_t max) override;
  // After the end was read.
  [[nodiscard]] const Digest& digest() const noexcept { return digest_; }

 private:
  Sha256 hash_;
  Digest digest_{};
};

// A response's body on its way to the scanner, which the front is told of: its length, digest and
// trailers when it has ended, or why it has not. Of an event stream also every piece, before the
// scanner gets it and as far as the front has room. `said` hears all of it. Owns the exit's end.
// `exit_is_stopping` outlives it.
class ToldBody final : public BodyFilter {
 public:
  enum class Kind : std::uint8_t { Whole, Events };
  ToldBody(std::unique_ptr<BodySource> inner, std::unique_ptr<ExitEnd> end, Kind kind,
           std::optional<SaidStrings> said, const bool& exit_is_stopping)
      : BodyFilter(std::move(inner)),
        end_(std::move(end)),
        kind_(kind),
        said_(std::move(said)),
        exit_is_stopping_(exit_is_stopping) {}
  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return BodyFilter::ready() && (kind_ == Kind::Whole || end_->room() > 0);
  }
  void stop(Failure why) noexcept override;

 private:
  void count(ByteView data, bool last);
  void tell_failure(const Failure& why);

  std::unique_ptr<ExitEnd> end_;
  const Kind kind_;
  std::optional<SaidStrings> said_;
  const bool& exit_is_stopping_;
  EndNews sums_;
  Sha256 hash_;
};

}  // namespace bottle
