#include "proxy/body/text_inflater.h"

#include <array>
#include <utility>

namespace bottle {
namespace {

// A text that is no such stream after all, or a broken one, ends it: the text around it is looked
// at anyhow.
class OneStream final : public Inflater {
 public:
  explicit OneStream(std::unique_ptr<ContentDecoder> decoder) : decoder_(std::move(decoder)) {}

  ByteView inflate(ByteView& in) override {
    while (decoder_ && (!in.empty() || full_)) {
      const auto progress = decoder_->decode(in, out_);
      if (!progress) {
        lacks_memory_ = progress.error().code == Code::Overloaded;
        decoder_.reset();
        break;
      }
      in.remove_prefix(progress->consumed);
      full_ = progress->produced == out_.size();
      const ByteView made(out_.data(), progress->produced);
      if (decoder_->ended()) decoder_.reset();
      if (!made.empty()) return made;
      if (progress->consumed == 0) break;
    }
    return {};
  }
  [[nodiscard]] bool lacks_memory() const noexcept override { return lacks_memory_; }

 private:
  std::unique_ptr<ContentDecoder> decoder_;
  bool lacks_memory_ = false;
  std::array<char, 4096> out_;
  bool full_ = false;
};

}  // namespace

std::unique_ptr<Inflater> TextInflater::make(StreamMark mark) {
  const Coding coding = coding_of(mark);
  if (coding == Coding::Identity) return nullptr;
  return std::make_unique<OneStream>(ContentDecoder::make(coding, limits_, space_));
}

}  // namespace bottle
