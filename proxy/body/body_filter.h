#pragma once

#include <memory>
#include <utility>

#include "proxy/http/body.h"

namespace bottle {

// The base of bodies that look at another body, or change it, on its way. Owns that body. A filter
// that has seen its end lets go of it with end_inner(); what waits to be handed out then is the
// filter's own, and stop() ends nothing more.
class BodyFilter : public BodySource {
 public:
  explicit BodyFilter(std::unique_ptr<BodySource> inner) : inner_(std::move(inner)) {}
  BodyFilter(const BodyFilter&) = delete;
  BodyFilter& operator=(const BodyFilter&) = delete;

  [[nodiscard]] bool ready() const noexcept override { return inner_ && inner_->ready(); }
  void stop(Failure why) noexcept override {
    if (inner_) inner_->stop(std::move(why));
  }

 protected:
  // Null after end_inner(), or if there never was one.
  [[nodiscard]] BodySource* inner() const noexcept { return inner_.get(); }
  void end_inner() noexcept { inner_.reset(); }

 private:
  std::unique_ptr<BodySource> inner_;
};

}  // namespace bottle
