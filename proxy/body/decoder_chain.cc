#include "proxy/body/decoder_chain.h"

#include <utility>

#include "proxy/body/codings.h"

namespace bottle {

DecoderChain::DecoderChain(std::unique_ptr<ContentDecoder> outer,
                           std::unique_ptr<ContentDecoder> inner)
    : outer_(std::move(outer)),
      inner_(std::move(inner)),
      between_(std::make_unique_for_overwrite<char[]>(kBetween)) {}

Result<ContentDecoder::Progress> DecoderChain::decode(ByteView in, ByteSpan out) {
  Progress total;
  for (;;) {
    if (!waiting_.empty() || inner_full_) {
      const auto step = inner_->decode(waiting_, out.subspan(total.produced));
      if (!step) return step.error();
      waiting_.remove_prefix(step->consumed);
      total.produced += step->produced;
      inner_full_ = total.produced == out.size();
      if (inner_full_) break;
      if (!waiting_.empty()) continue;
    }
    if (in.empty() && !outer_full_) break;
    const auto step = outer_->decode(in, ByteSpan(between_.get(), kBetween));
    if (!step) return step.error();
    in.remove_prefix(step->consumed);
    total.consumed += step->consumed;
    waiting_ = ByteView(between_.get(), step->produced);
    outer_full_ = step->produced == kBetween;
    note(*step);
  }
  forget_seen();
  if (unseen() > kMaxUnseen) {
    return not_scannable("the body's codings hide more than can be held until it is read");
  }
  return total;
}

Result<> DecoderChain::finish() {
  auto whole = outer_->finish();
  if (!whole) return whole;
  return inner_->finish();
}

void DecoderChain::note(const Progress& progress) {
  if (steps_.empty() || steps_.back().produced >= kStep) steps_.emplace_back();
  steps_.back().consumed += progress.consumed;
  steps_.back().produced += progress.produced;
}

// Keeps the steps whose output the inner decoder has not shown all of, and the one before them: it
// may have begun what they complete.
void DecoderChain::forget_seen() {
  const std::size_t hidden = inner_->unseen() + waiting_.size();
  if (hidden == 0) {
    steps_.clear();
    if (outer_->unseen() > 0) steps_.push_back(Step{.consumed = outer_->unseen(), .produced = 0});
    return;
  }
  std::size_t later = 0;
  std::size_t keep = 0;
  while (keep < steps_.size() && later < hidden) {
    ++keep;
    later += steps_[steps_.size() - keep].produced;
  }
  while (steps_.size() > keep + 1) steps_.pop_front();
}

std::size_t DecoderChain::unseen() const {
  std::size_t bytes = 0;
  for (const Step& step : steps_) bytes += step.consumed;
  return bytes;
}

}  // namespace bottle
