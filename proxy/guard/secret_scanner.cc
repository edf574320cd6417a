#include "proxy/guard/secret_scanner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/guard/carried_text.h"
#include "proxy/guard/joined_values.h"
#include "proxy/guard/json_path.h"
#include "proxy/guard/matcher.h"
#include "proxy/guard/scan_tree.h"
#include "proxy/guard/secret_forms.h"
#include "proxy/guard/secret_set_impl.h"
#include "proxy/guard/views/squeeze.h"
#include "proxy/guard/well_known_names.h"

namespace bottle {
namespace {

// A host's name that is shorter has no encoded run.
constexpr std::size_t kShortestRun = 16;

// Libraries write field names in a case of their own, and HTTP/2 in lower case alone.
std::array<std::string, 3> name_spellings(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return {std::string(name), to_lower(name), std::move(upper)};
}

// A segment of a path that is long enough for a token.
bool has_long_segment(std::string_view target) {
  constexpr std::size_t kShortestToken = 16;
  for (std::size_t at = target.find('/'); at != std::string_view::npos;) {
    const std::size_t next = std::min(target.find('/', at + 1), target.size());
    if (next - at > kShortestToken) return true;
    at = next < target.size() ? next : std::string_view::npos;
  }
  return false;
}

}  // namespace

ScanSpace::ScanSpace(const SecretSet& set, InflaterMaker* inflaters)
    : scratch_(std::make_unique<MatchScratch>(set.impl().shapes)), inflaters_(inflaters) {}
ScanSpace::~ScanSpace() = default;

class SecretScanner::State final : public FindListener {
 public:
  State(const SecretSetImpl& set, MatchScratch& scratch, InflaterMaker* inflaters,
        std::string_view host, Scheme scheme)
      : set_(set),
        scratch_(scratch),
        inflaters_(inflaters),
        host_(host),
        has_homes_(scheme == Scheme::Https) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::optional<Finding> scan_host() {
    auto found = scan_name(host_, RequestPart::Host);
    if (found || host_.size() < kShortestRun) return found;
    // Labels are short: an encoded text goes over several.
    Bytes joined = host_;
    std::erase(joined, '.');
    return scan_text(joined + "\n" + host_, RequestPart::Host);
  }

  // In a name that has no upper case: a host's, and HTTP/2's field names.
  std::optional<Finding> scan_name(std::string_view name, RequestPart part) {
    const std::string lower = to_lower(name);
    for (const auto& [form, index] : set_.short_in_names) {
      const std::size_t at = lower.find(form);
      if (at != std::string::npos) return in_name(index, part, at, at + form.size());
    }
    struct Listener final : LiteralListener {
      bool found(std::size_t literal_in, std::uint64_t, std::uint64_t) override {
        literal = literal_in;
        return false;
      }
      std::optional<std::size_t> literal;
    };
    Bytes squeezed;
    squeeze(lower, squeezed);
    Listener listener;
    LiteralStream stream;
    stream.scan(set_.in_names, squeezed, listener);
    if (!listener.literal) return std::nullopt;
    return in_name(set_.in_names[*listener.literal].owner, part, 0, name.size());
  }

  // A text that is there as a whole.
  std::optional<Finding> scan_text(std::string_view text, RequestPart part) {
    look_at(text, part, Mode::First);
    return std::exchange(refused_, std::nullopt);
  }

  // The same for values that stand in it one behind the other, cut up over names.
  std::optional<Finding> scan_values(JoinedValues& values, RequestPart part) {
    part_ = part;
    mode_ = Mode::First;
    block_ = {};
    ValueListener listener(*this, 0);
    values.look(set_.squeezed, listener);
    return std::exchange(refused_, std::nullopt);
  }

  // True if scan_text() would refuse or note something.
  bool has_any(std::string_view text, RequestPart part) {
    any_ = false;
    look_at(text, part, Mode::Any);
    return any_;
  }

  std::vector<Finding> find_all(std::string_view text) {
    look_at(text, RequestPart::Body, Mode::All);
    return std::exchange(all_, {});
  }

  ScanResult feed(ByteView chunk) {
    ScanResult result;
    if (!in_body_ && !chunk.empty()) {
      body();
      feed_body(chunk);
    }
    result.refused = in_body_;
    if (!in_body_)
      result.safe = chunk.size() - (body_ && !chunk.empty() && body_->waiting() ? 1 : 0);
    return result;
  }

  std::optional<Finding> pause() {
    if (in_body_ || !body_ || !body_->in_run()) return in_body_;
    field_.clear();
    recent_at_ = fed_ - recent_.size();
    look_at(recent_, RequestPart::Body, Mode::First);
    recent_at_ = 0;
    in_body_ = std::exchange(refused_, std::nullopt);
    return in_body_;
  }

  std::optional<Finding> finish() {
    if (!in_body_ && body_) {
      part_ = RequestPart::Body;
      mode_ = Mode::First;
      block_ = {};
      body_->finish();
      in_body_ = std::exchange(refused_, std::nullopt);
      if (!in_body_ && !is_json_) {
        form_.finish(values_);
        look_at_joined(values_, fed_);
      }
    }
    return in_body_;
  }

  void in_field(std::string_view name) { field_ = name; }
  [[nodiscard]] const std::vector<Finding>& notes() const noexcept { return notes_; }

 private:
  enum class Mode : std::uint8_t {
    First,  // ends with the first that is to be refused
    Any,    // ends with anything
    All,    // collects
  };
  static constexpr std::size_t kBlock = 64 * 1024;

  bool wants(bool exact, std::size_t index) override {
    if (exact) return !has_homes_ || !set_.belongs(index, part_, host_);
    if (notes_.size() < kMaxNotes) return true;
    return shape_of(index).severity == Severity::Refuse &&
           !(has_homes_ && set_.is_home(index, part_, host_));
  }

  bool found(const RawFind& find) override {
    Finding finding{.kind = find.exact ? FindingKind::Secret : FindingKind::Token,
                    .severity = Severity::Refuse,
                    .name = {},
                    .part = part_,
                    .field = field_,
                    .begin = recent_at_ + find.begin,
                    .end = recent_at_ + find.end};
    if (find.exact) {
      finding.name = set_.exact[find.index].name;
      finding.fingerprint = set_.exact[find.index].fingerprint;
      const Bytes& value = set_.exact[find.index].value;
      const bool pieces = value.size() > kWholeByHalves || value.find('\n') != Bytes::npos;
      if (pieces) finding.value_size = value.size();
    } else {
      const TokenShape& shape = shape_of(find.index);
      if (has_homes_ && set_.is_own(find.token, part_, host_)) return true;
      finding.name = shape.name;
      finding.fingerprint = fingerprint(set_.options.key, find.token);
      finding.severity = shape.severity;
      if (has_homes_ && set_.is_home(find.index, part_, host_)) finding.severity = Severity::Note;
      if (const auto* kept = set_.kept_out_as(find.token)) {
        finding.name = kept->name;
        finding.fingerprint = kept->fingerprint;
        finding.severity = Severity::Refuse;
      }
    }
    if (set_.ignores(finding.fingerprint)) return true;
    if (part_ == RequestPart::Body) finding.json_path = path_at(finding.end);
    return take(std::move(finding));
  }

  void lacks_memory() override {
    (void)take(Finding{.kind = FindingKind::Unread,
                       .severity = Severity::Refuse,
                       .name = "compressed text, and no memory to look into it",
                       .part = part_,
                       .field = field_});
  }

  bool take(Finding finding) {
    any_ = true;
    if (mode_ == Mode::Any) return false;
    if (finding.severity == Severity::Note) {
      note(std::move(finding));
      return true;
    }
    if (mode_ == Mode::First) {
      refused_ = std::move(finding);
      return false;
    }
    all_.push_back(std::move(finding));
    return all_.size() < kMaxFindings;
  }

  void note(Finding finding) {
    const auto same = [&](const Finding& other) {
      return other.name == finding.name && other.part == finding.part &&
             other.field == finding.field && other.fingerprint == finding.fingerprint;
    };
    if (notes_.size() < kMaxNotes && std::none_of(notes_.begin(), notes_.end(), same)) {
      notes_.push_back(std::move(finding));
    }
  }

  [[nodiscard]] Finding in_name(std::size_t index, RequestPart part, std::size_t begin,
                                std::size_t end) const {
    return Finding{.kind = FindingKind::Secret,
                   .severity = Severity::Refuse,
                   .name = set_.exact[index].name,
                   .part = part,
                   .begin = begin,
                   .end = end,
                   .fingerprint = set_.exact[index].fingerprint};
  }

  void look_at(std::string_view text, RequestPart part, Mode mode) {
    if (!texts_) texts_ = std::make_unique<ScanTree>(set_, scratch_, inflaters_, *this);
    part_ = part;
    mode_ = mode;
    block_ = {};
    texts_->reset();
    texts_->feed(text);
    texts_->finish();
  }

  void body() {
    if (!body_) body_ = std::make_unique<ScanTree>(set_, scratch_, inflaters_, *this);
    part_ = RequestPart::Body;
    mode_ = Mode::First;
    field_.clear();
  }

  void feed_body(ByteView chunk) {
    while (!chunk.empty() && !in_body_) {
      block_ = chunk.substr(0, kBlock);
      begin_json();
      body_->feed(block_);
      in_body_ = std::exchange(refused_, std::nullopt);
      if (!in_body_) look_at_values();
      keep_recent();
      fed_ += block_.size();
      chunk.remove_prefix(block_.size());
    }
    block_ = {};
  }

  // Hears of values of the set in a JoinedValues.
  struct ValueListener final : LiteralListener {
    ValueListener(State& state_in, std::uint64_t end_in) : state(state_in), end(end_in) {}
    bool found(std::size_t literal, std::uint64_t, std::uint64_t) override {
      const std::size_t owner = state.set_.squeezed[literal].owner;
      if (!state.wants(true, owner)) return true;
      return state.found({.exact = true, .index = owner, .token = {}, .begin = 0, .end = end});
    }
    State& state;
    std::uint64_t end;
  };

  // The values in the block, one behind the other.
  void look_at_values() {
    if (is_json_) {
      json_.feed(block_, &values_);
    } else if (begun_) {
      form_.feed(block_, values_);
    }
    look_at_joined(values_, fed_ + block_.size());
  }

  void look_at_joined(JoinedValues& values, std::uint64_t end) {
    ValueListener listener(*this, end);
    values.look(set_.squeezed, listener);
    if (refused_) in_body_ = std::exchange(refused_, std::nullopt);
  }

  // For pause(): the last bytes of the body.
  void keep_recent() {
    if (block_.size() >= kRecent) {
      recent_.assign(block_.substr(block_.size() - kRecent));
      return;
    }
    // Seldom moved, however short the pieces are.
    if (recent_.size() + block_.size() > 2 * kRecent) recent_.erase(0, recent_.size() - kRecent);
    recent_ += block_;
  }

  // By its first byte that is no space.
  void begin_json() {
    if (begun_) return;
    const std::size_t first = block_.find_first_not_of(" \t\r\n");
    if (first == ByteView::npos) return;
    begun_ = true;
    is_json_ = block_[first] == '{' || block_[first] == '[';
  }

  // The path of the value that the byte before `end` is in.
  [[nodiscard]] std::string path_at(std::uint64_t end) const {
    if (!is_json_) return {};
    JsonPath path = json_;
    if (end > fed_ + 1) path.feed(block_.substr(0, static_cast<std::size_t>(end - 1 - fed_)));
    return path.path();
  }

  const SecretSetImpl& set_;
  MatchScratch& scratch_;
  InflaterMaker* const inflaters_;
  const std::string host_;
  const bool has_homes_;
  std::unique_ptr<ScanTree> texts_;
  std::unique_ptr<ScanTree> body_;

  RequestPart part_ = RequestPart::Body;
  Mode mode_ = Mode::First;
  std::string field_;
  bool any_ = false;
  std::optional<Finding> refused_;
  std::vector<Finding> all_;
  std::vector<Finding> notes_;

  std::optional<Finding> in_body_;
  std::uint64_t fed_ = 0;  // bytes of the body before block_
  ByteView block_;
  Bytes recent_;                 // the last of them, at least kRecent if there are so many
  std::uint64_t recent_at_ = 0;  // while those are looked at: where they begin
  bool begun_ = false;
  bool is_json_ = false;
  JsonPath json_;
  FormValues form_;
  JoinedValues values_;
};

SecretScanner::SecretScanner(const SecretSet& set, ScanSpace& space, std::string_view host,
                             Scheme scheme)
    : state_(std::make_unique<State>(set.impl(), *space.scratch_, space.inflaters_, host, scheme)) {
}
SecretScanner::~SecretScanner() = default;

std::optional<Finding> SecretScanner::scan_host() {
  state_->in_field({});
  return state_->scan_host();
}

std::optional<Finding> SecretScanner::scan_url(std::string_view target) {
  state_->in_field({});
  auto found = state_->scan_text(target, RequestPart::Url);
  const std::size_t query = target.find('?');
  if (!found && query != std::string_view::npos) {
    JoinedValues values;
    add_pairs(target.substr(query + 1), values);
    found = state_->scan_values(values, RequestPart::Url);
  }
  if (found || !has_long_segment(target)) return found;
  // Base64 has '/' too, so what stands behind one is taken for its middle. In a path it begins a
  // segment.
  Bytes segments(target);
  std::replace(segments.begin(), segments.end(), '/', '\n');
  return state_->scan_text(segments, RequestPart::Url);
}

std::optional<Finding> SecretScanner::scan_fields(const Fields& fields) {
  // All of them at once first, as nearly always there is nothing. The line ends are boundaries for
  // the patterns, as the ends of a text are.
  Bytes all;
  JoinedValues values;
  state_->in_field({});
  for (const Field field : fields) {
    add_pairs(field.value, values);
    if (!is_well_known_name(field.name)) {
      auto in_name = state_->scan_name(field.name, RequestPart::Header);
      if (in_name) return in_name;
      for (const std::string& name : name_spellings(field.name)) all.append(name).append("\n");
    }
    all.append(field.value).append("\n");
    all.append(carried_text(field.name, field.value)).append("\n");
  }
  if (!state_->has_any(all, RequestPart::Header)) {
    return state_->scan_values(values, RequestPart::Header);
  }
  // One by one then, which also tells where it is. A match across two fields is none.
  for (const Field field : fields) {
    state_->in_field({});
    for (const std::string& name : name_spellings(field.name)) {
      auto in_name = state_->scan_text(name, RequestPart::Header);
      if (in_name) return in_name;
    }
    state_->in_field(field.name);
    auto found = state_->scan_text(field.value, RequestPart::Header);
    if (!found)
      found = state_->scan_text(carried_text(field.name, field.value), RequestPart::Header);
    if (found) return found;
  }
  state_->in_field({});
  return state_->scan_values(values, RequestPart::Header);
}

ScanResult SecretScanner::feed(ByteView chunk) { return state_->feed(chunk); }
std::optional<Finding> SecretScanner::pause() { return state_->pause(); }
std::optional<Finding> SecretScanner::finish() { return state_->finish(); }
std::vector<Finding> SecretScanner::find_all(ByteView text) { return state_->find_all(text); }
const std::vector<Finding>& SecretScanner::notes() const noexcept { return state_->notes(); }

}  // namespace bottle
