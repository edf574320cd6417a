#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/answers/answer_class.h"
#include "proxy/guard/answers/answer_set.h"
#include "proxy/guard/answers/encoded_runs.h"
#include "proxy/guard/answers/event_text.h"
#include "proxy/guard/answers/invisible.h"
#include "proxy/guard/answers/markup_text.h"
#include "proxy/guard/answers/text_kind.h"
#include "proxy/guard/answers/text_watch.h"
#include "proxy/guard/finding.h"
#include "proxy/guard/views/escape_view.h"
#include "proxy/guard/views/fold.h"

namespace bottle {

// Looks at the body of one answer, without its content coding, in pieces of any size. Content-Type
// and the first bytes say how the body is read; a body that is no text passes. The scanner undoes
// escapes (two layers in JSON), leaves tags out, folds look-alike letters, and decodes encoded
// words, two deep. Each class is told once, where it was found first.
// Memory is fixed: about 60 KiB and three matcher streams. Work is linear.
class AnswerScanner final : private FoundListener, private DecodedSink {
 public:
  // `set` and `space` outlive it.
  AnswerScanner(const AnswerSet& set, AnswerSpace& space, std::string_view content_type);
  AnswerScanner(const AnswerScanner&) = delete;
  AnswerScanner& operator=(const AnswerScanner&) = delete;

  // The next bytes of the body. True if something new was found in them.
  bool feed(ByteView bytes);
  // The body is complete.
  bool finish();
  // FindingKind::Answer, at most one of a class. A place behind escapes is near the true one.
  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return findings_; }

 private:
  // One text with its views, down to the watch.
  struct Lane {
    Lane(const AnswerSet& set, MatchScratch& scratch, FoundListener& listener,
         MarkupText::Mode mode, DecodedSink& sink)
        : markup(mode), runs(sink), watch(set, scratch, listener) {}
    std::array<EscapeView, 2> escapes;
    MarkupText markup;
    Invisible invisible;
    Fold fold;
    EncodedRuns runs;
    TextWatch watch;
    // Where each view is made; their room is kept.
    std::array<Bytes, 2> unescaped;
    Bytes without_tags;
    Bytes folded;
    std::vector<SettingMark> marks;
  };

  void begin();
  void look(ByteView bytes);
  void look(Lane& lane, ByteView bytes, bool end);
  void look_behind_escapes(Lane& lane, std::size_t layer, ByteView bytes, bool end);
  void look_at_text(Lane& lane, ByteView text, bool end);
  void watch_text(Lane& lane, ByteView text);
  void found(AnswerClass what, std::uint64_t at) override;
  void decoded(ByteView text) override;
  void add(AnswerClass what, std::uint64_t at);

  static constexpr std::size_t kPiece = 16 * 1024;  // a step: views of it fit into the cache

  const AnswerSet& set_;
  AnswerSpace& space_;
  const std::string content_type_;
  bool begun_ = false;
  TextKind kind_ = TextKind::None;
  Bytes beginning_;
  std::unique_ptr<Lane> body_;
  std::unique_ptr<Lane> joined_;  // text that events carry piece by piece
  EventText events_;
  Bytes event_text_;
  std::uint64_t at_ = 0;  // of the body: where the step begins
  unsigned depth_ = 0;    // of decoded()
  AnswerClasses told_{};
  std::vector<Finding> findings_;
};

}  // namespace bottle
