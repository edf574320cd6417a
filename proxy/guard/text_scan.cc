#include "proxy/guard/text_scan.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "proxy/guard/shape_database.h"
#include "proxy/guard/views/squeeze.h"

namespace bottle {
namespace {

// All views of a block are made while it is in the near cache.
constexpr std::size_t kBlock = 16384;
// A layer that was the same text as the one before for so long, is closed.
constexpr std::size_t kCloseAfter = 4096;
// Bytes behind a match that a check may see.
constexpr std::size_t kBehind = 512;

bool is_squeezed(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

// Hears of matches in a layer, and makes finds of them.
class LayerListener final : public MatchListener, public LiteralListener {
 public:
  LayerListener(TextScan& scan, TextLayer& layer) : scan_(scan), layer_(layer) {}

  bool matched(std::size_t id, unsigned long long end) override {
    const std::uint64_t in_layer = end;
    if (!scan_.tree_.wants(false, id)) return true;
    const auto [window, at] = layer_.around(in_layer, kBehind);
    const auto match_end = static_cast<std::size_t>(in_layer - at);
    const auto token = find_token(shape_of(id), window, match_end);
    if (!token) return true;
    const std::size_t first = std::min(token->begin, match_end);
    return scan_.report(layer_, RawFind{.exact = false,
                                        .index = id,
                                        .token = window.substr(first, match_end - first),
                                        .begin = at + first,
                                        .end = std::max<std::uint64_t>(at + token->end, in_layer)});
  }

  bool found(std::size_t literal, std::uint64_t begin, std::uint64_t end) override {
    const std::size_t owner = scan_.tree_.set().plain[literal].owner;
    if (!scan_.tree_.wants(true, owner)) return true;
    return scan_.report(
        layer_, RawFind{.exact = true, .index = owner, .token = {}, .begin = begin, .end = end});
  }

 private:
  TextScan& scan_;
  TextLayer& layer_;
};

namespace {

struct SqueezedHit {
  std::size_t owner;
  std::uint64_t begin;
  std::uint64_t end;
};

// Hears of literals in the squeezed text; where they are in the layer is a matter of counting.
struct SqueezedListener final : LiteralListener {
  SqueezedListener(ScanTree& tree_in, const LiteralSet& set_in) : tree(tree_in), set(&set_in) {}
  bool found(std::size_t literal, std::uint64_t begin, std::uint64_t end) override {
    const std::size_t owner = (*set)[literal].owner;
    if (tree.wants(true, owner)) hits.push_back({owner, begin, end});
    return true;
  }
  ScanTree& tree;
  const LiteralSet* set;
  std::vector<SqueezedHit> hits;
};

// The place of the `count`th letter or digit of `text`, counted from 0; the size if it has fewer.
std::size_t place_of(ByteView text, std::uint64_t count) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_squeezed(text[i]) && count-- == 0) return i;
  }
  return text.size();
}

}  // namespace

TextScan::TextScan(ScanTree& tree) : tree_(tree) {}
TextScan::~TextScan() = default;

void TextScan::begin(TextScan* parent, unsigned depth) {
  close();
  parent_ = parent;
  depth_ = depth;
  if (!layers_[0]) {
    layers_[0] = std::make_unique<TextLayer>(tree_.set().shapes, tree_.scratch());
  }
  layers_[0]->reset();
  squeezed_.all.reset();
  squeezed_.digits.reset();
  last_apart_ = false;
  inside_ = nullptr;
  sniffing_ = depth > 0;
  beginning_.clear();
  inflated_ = 0;
  is_medium_ = ends_in_x_ = false;
}

void TextScan::close() {
  for (Child& child : children_) end_child(child);
  end_child(stream_);
  inflater_.reset();
  for (auto& layer : layers_) {
    if (layer) layer->open = false;
  }
  // Children were ended without their last piece: the finder forgets them too.
  if (finder_ && !finder_->idle()) {
    finder_.reset();
    finder_at_ = 0;
  }
}

void TextScan::end_child(Child& child) {
  if (child.text) tree_.give_back(std::move(child.text));
  child.waits = false;
}

bool TextScan::waiting() const {
  for (const auto& layer : layers_) {
    if (layer && layer->open && (layer->literals.waiting())) return true;
  }
  for (const Child& child : children_) {
    if (child.text && child.text->waiting()) return true;
  }
  return stream_.text && stream_.text->waiting();
}

bool TextScan::in_run() const {
  for (std::size_t i = 0; i < kEscapeLayers; ++i) {
    if (layers_[i] && layers_[i]->open && layers_[i]->escapes.is_waiting()) return true;
  }
  if (finder_ && !finder_->idle()) return true;
  for (const Child& child : children_) {
    if (child.text && child.text->in_run()) return true;
  }
  return stream_.text && stream_.text->in_run();
}

void TextScan::feed(ByteView bytes) {
  if (sniffing_) sniff(bytes);
  if (is_medium_) {
    search_streams(bytes);
  } else if (inflater_) {
    (void)inflate(bytes);
  }
  while (!bytes.empty() && !tree_.stopped()) {
    const ByteView block = bytes.substr(0, kBlock);
    scan(0, block);
    bytes.remove_prefix(block.size());
  }
}

void TextScan::finish() {
  for (std::size_t i = 0; i < kEscapeLayers && !tree_.stopped(); ++i) flush_layer(i);
  if (finder_ && !tree_.stopped()) {
    finder_->flush();
    finder_at_ = 0;
  }
  for (auto& layer : layers_) {
    if (!layer || !layer->open || tree_.stopped()) continue;
    LayerListener listener(*this, *layer);
    layer->literals.finish(listener);
  }
  if (stream_.text && !tree_.stopped()) stream_.text->finish();
  end_child(stream_);
}

// An escape that the text's end cut off is text.
void TextScan::flush_layer(std::size_t index) {
  if (!layers_[index] || !layers_[index]->open) return;
  if (!layers_[index + 1] || index + 1 > kEscapeLayers || !layers_[index + 1]->open) return;
  TextLayer& layer = *layers_[index];
  layer.decoded.clear();
  layer.escapes.flush(layer.decoded);
  layer.ended = true;
  if (!layer.decoded.empty()) scan(index + 1, layer.decoded);
}

void TextScan::begin_layer(std::size_t index, std::size_t from) {
  auto& layer = layers_[index];
  if (!layer) layer = std::make_unique<TextLayer>(tree_.set().shapes, tree_.scratch());
  layer->copy(*layers_[from]);
  layer->from = layers_[from].get();
  layer->folds = index == kFolded;
  if (!last_apart_) {
    squeezed_last_ = squeezed_;
    last_apart_ = true;
  }
}

// `block` of the layer: looks at it, and shows it to what comes behind.
void TextScan::scan(std::size_t index, ByteView block) {
  TextLayer& layer = *layers_[index];
  const bool can_go_on = index < kEscapeLayers;
  const bool same = !can_go_on || layer.escapes.passes(block);
  bool next = can_go_on && layers_[index + 1] && layers_[index + 1]->open;
  if (!same && !next) {
    begin_layer(index + 1, index);
    next = true;
  }
  if (!next) {
    scan_last(index, block);
    return;
  }
  layer.block = block;
  LayerListener listener(*this, layer);
  layer.shapes.scan(block, listener);
  layer.literals.scan(tree_.set().plain, block, listener);
  if (index == 0) look_squeezed(squeezed_, layer, block);
  if (tree_.stopped()) return;
  TextLayer& behind = *layers_[index + 1];
  if (same) {
    behind.plain += block.size();
    scan(index + 1, block);
    const auto& further = layers_[index + 2];
    const bool is_last = index + 1 == kEscapeLayers || !further || !further->open;
    if (behind.plain >= kCloseAfter && is_last) behind.open = false;
  } else {
    behind.plain = 0;
    layer.decoded.clear();
    layer.escapes.decode(block, layer.decoded);
    if (!layer.decoded.empty()) scan(index + 1, layer.decoded);
  }
  layer.keep();
}

// The last of the layers: what is behind it sees its text, or that folded.
void TextScan::scan_last(std::size_t index, ByteView block) {
  TextLayer& layer = *layers_[index];
  auto& folded = layers_[kFolded];
  bool folds = folded && folded->open;
  const bool ascii = layer.fold.passes(block);
  if (!folds && !ascii) {
    begin_layer(kFolded, index);
    folds = true;
  }
  if (folds && folded->from != &layer) {
    // The layers before it came or went: the text goes on.
    layer.fold = std::exchange(folded->from->fold, Fold());
    folded->from = &layer;
  }
  layer.block = block;
  LayerListener listener(*this, layer);
  layer.shapes.scan(block, listener);
  layer.literals.scan(tree_.set().plain, block, listener);
  if (index == 0) look_squeezed(squeezed_, layer, block);
  if (tree_.stopped()) return;
  if (!folds) {
    if (index == 0) last_apart_ = false;
    look_inside(index, block);
  } else {
    scan_folded(index, block);
  }
  layer.keep();
}

void TextScan::scan_folded(std::size_t from, ByteView block) {
  TextLayer& layer = *layers_[from];
  TextLayer& folded = *layers_[kFolded];
  if (layer.fold.passes(block)) {
    folded.plain += block.size();
  } else {
    folded.plain = 0;
    layer.decoded.clear();
    layer.fold.decode(block, layer.decoded);
    block = layer.decoded;
  }
  folded.block = block;
  LayerListener listener(*this, folded);
  folded.shapes.scan(block, listener);
  folded.literals.scan(tree_.set().plain, block, listener);
  if (tree_.stopped()) return;
  look_inside(kFolded, block);
  folded.keep();
  if (folded.plain >= kCloseAfter) folded.open = false;
}

// The text of the last layer: cut up values, and encoded runs.
void TextScan::look_inside(std::size_t index, ByteView text) {
  TextLayer& layer = *layers_[index];
  if (index != 0) look_squeezed(squeezed_last_, layer, text);
  if (tree_.stopped() || depth_ >= ScanTree::kMaxDepth) return;
  if (!finder_) finder_ = std::make_unique<RunFinder>(*this);
  inside_ = &layer;
  inside_at_ = layer.at;
  finder_->feed(text);
  begin_children();
  finder_at_ += text.size();
}

void TextScan::look_squeezed(Squeezed& streams, TextLayer& layer, ByteView block) {
  const LiteralSet& set = tree_.set().squeezed;
  if (set.empty()) return;
  thread_local Bytes squeezed;  // of no use between calls
  squeezed.clear();
  squeeze(block, squeezed);
  const std::uint64_t before = streams.all.position();
  SqueezedListener listener(tree_, set);
  streams.all.scan(set, squeezed, listener);
  listener.set = &tree_.set().numbers;
  streams.digits.scan(*listener.set, squeezed, listener);
  for (const SqueezedHit& hit : listener.hits) {
    // Back to the layer's bytes: the end is in the block, the beginning may be before it.
    const std::size_t last = place_of(block, hit.end - 1 - before);
    std::uint64_t begin = layer.at;
    if (hit.begin >= before) {
      begin += place_of(block, hit.begin - before);
    } else {
      std::uint64_t missing = before - hit.begin;
      std::size_t back = layer.tail.size();
      while (back > 0 && missing > 0) missing -= is_squeezed(layer.tail[--back]) ? 1u : 0u;
      begin -= layer.tail.size() - back;
    }
    const RawFind find{
        .exact = true, .index = hit.owner, .token = {}, .begin = begin, .end = layer.at + last + 1};
    if (!report(layer, find)) return;
  }
}

void TextScan::view(ByteView text, ViewSpec where) {
  if (tree_.stopped()) return;
  Child& child = children_[where.slot];
  if (where.first) {
    end_child(child);
    child.waits = any_waits_ = true;
    child.held_size = 0;
  }
  const bool room = (child.waits || child.text) && tree_.spend(depth_ + 1, text.size());
  if (room && hold(child, text, where)) return;
  if (child.waits) begin_child(child);
  if (!child.text) return;
  where_ = where;
  where_finder_ = true;
  if (room) {
    child.text->feed(text);
    if (!where.last) return;
    if (!tree_.stopped()) child.text->finish();
  }
  end_child(child);
}

// False: the child's text has to be looked at.
bool TextScan::hold(Child& child, ByteView text, ViewSpec where) {
  if (!child.waits || text.size() > kShortText - child.held_size) return false;
  if (where.last) {
    if (!text.empty() || may_tell(ByteView(child.held.data(), child.held_size), tree_.set())) {
      return false;
    }
    child.waits = false;
    return true;
  }
  text.copy(child.held.data() + child.held_size, text.size());
  child.held_size = static_cast<std::uint8_t>(child.held_size + text.size());
  child.where = where;
  return true;
}

// With what was held.
void TextScan::begin_child(Child& child) {
  child.waits = false;
  child.text = tree_.take(*this, depth_ + 1);
  if (!child.text || child.held_size == 0) return;
  where_ = child.where;
  where_finder_ = true;
  child.text->feed(ByteView(child.held.data(), child.held_size));
}

// Bytes that are held may have left the guard when the next piece comes, so they are looked at.
void TextScan::begin_children() {
  if (!any_waits_) return;
  any_waits_ = false;
  for (Child& child : children_) {
    if (child.waits && !tree_.stopped()) begin_child(child);
  }
}

bool TextScan::report(const TextLayer& layer, RawFind find) {
  std::tie(find.begin, find.end) = in_root(&layer, find.begin, find.end);
  return tree_.report(find);
}

std::pair<std::uint64_t, std::uint64_t> TextScan::in_root(const TextLayer* layer,
                                                          std::uint64_t begin,
                                                          std::uint64_t end) const {
  while (layer->from != nullptr) {
    std::tie(begin, end) = source_of(*layer, begin, end);
    layer = layer->from;
  }
  if (parent_ == nullptr) return {begin, end};
  const TextScan& parent = *parent_;
  if (!parent.where_finder_)
    return parent.in_root(parent.layers_[0].get(), 0, parent.layers_[0]->end());
  const auto in_layer = [&](std::uint64_t place) {
    const std::uint64_t sum = place + parent.inside_at_;
    return sum > parent.finder_at_ ? sum - parent.finder_at_ : 0;
  };
  return parent.in_root(parent.inside_, in_layer(parent.where_.begin), in_layer(parent.where_.end));
}

}  // namespace bottle
