#include "proxy/guard/scan_tree.h"

#include <utility>

#include "proxy/guard/text_scan.h"

namespace bottle {
namespace {

constexpr unsigned kRootsRuns = 1;  // their depth
constexpr std::uint64_t kWorkFactor = 3;
// The budget grows in such steps: one part of a text does not pay for what stands far before it.
constexpr std::size_t kStep = 8192;
constexpr std::uint64_t kFreeWork = 64 * 1024;  // a small body may hold a well compressed one

}  // namespace

ScanTree::ScanTree(const SecretSetImpl& set, MatchScratch& scratch, InflaterMaker* inflaters,
                   FindListener& listener)
    : set_(set),
      scratch_(scratch),
      inflaters_(inflaters),
      listener_(listener),
      root_(std::make_unique<TextScan>(*this)) {
  root_->begin(nullptr, 0);
}

ScanTree::~ScanTree() = default;

void ScanTree::feed(ByteView bytes) {
  while (!bytes.empty() && !stopped_) {
    const ByteView step = bytes.substr(0, kStep);
    fed_ += step.size();
    root_->feed(step);
    bytes.remove_prefix(step.size());
  }
}

void ScanTree::finish() {
  if (!stopped_) root_->finish();
}

void ScanTree::reset() {
  root_->begin(nullptr, 0);
  fed_ = 0;
  spent_ = {};
  stopped_ = false;
}

bool ScanTree::waiting() const { return root_->waiting(); }
bool ScanTree::in_run() const { return root_->in_run(); }

std::unique_ptr<TextScan> ScanTree::take(TextScan& parent, unsigned depth) {
  std::unique_ptr<TextScan> text;
  if (!spare_.empty()) {
    text = std::move(spare_.back());
    spare_.pop_back();
  } else if (texts_ < kMaxTexts || depth == kRootsRuns) {
    text = std::make_unique<TextScan>(*this);
    ++texts_;
  } else {
    return nullptr;
  }
  text->begin(&parent, depth);
  return text;
}

void ScanTree::give_back(std::unique_ptr<TextScan> text) {
  if (!text) return;
  text->close();
  spare_.push_back(std::move(text));
}

bool ScanTree::spend(unsigned depth, std::size_t bytes) noexcept {
  if (depth == kRootsRuns) return true;
  std::uint64_t& spent = spent_[depth];
  if (spent + bytes > kWorkFactor * fed_ + kFreeWork) return false;
  spent += bytes;
  return true;
}

std::unique_ptr<Inflater> ScanTree::inflater(StreamMark mark) {
  return inflaters_ == nullptr ? nullptr : inflaters_->make(mark);
}

void ScanTree::lacks_memory() {
  if (!stopped_) listener_.lacks_memory();
  stopped_ = true;
}

bool ScanTree::report(const RawFind& find) {
  if (stopped_) return false;
  if (!listener_.found(find)) stopped_ = true;
  return !stopped_;
}

}  // namespace bottle
