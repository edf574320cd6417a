#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/watch/drawn_targets.h"
#include "launcher/watch/history.h"
#include "launcher/watch/screen.h"

namespace bottle::launcher::watch {

// `bottle watch` without its terminal and its bottles: events and keys go in,
// screens and actions come out. Nothing here waits or reads a clock.

struct WatchedBottle {
  std::string id{};
  std::string name{};        // of the manifest
  std::int64_t started = 0;  // seconds since 1970
  bool ended = false;
};

// A request that waits for the person's word. The texts are as the proxy gave them.
struct WatchedAsk {
  std::string bottle{};
  std::string ask{};  // its number
  std::string host{};
  std::uint16_t port = 0;
  std::string method{};
  std::string path{};
  std::int64_t ends = 0;  // seconds since 1970
  std::uint64_t waiting = 1;

  std::string place() const;     // "pypi.org:443", printable
  std::string to_allow() const;  // HOST or HOST:PORT, as `bottle allow` takes it
};

struct Key {
  enum class Kind : std::uint8_t {
    kCharacter,
    kUp,
    kDown,
    kPageUp,
    kPageDown,
    kHome,
    kEnd,
    kLeft,
    kRight,
    kEnter,
    kEscape,
    kBackspace,
    kTab,
  };
  Kind kind = Kind::kCharacter;
  char character = '\0';
};

// Something that the person wants done in a bottle.
struct Action {
  enum class Answer : std::uint8_t { kAllow, kOnce, kDeny };
  std::string bottle{};
  std::string ask{};   // empty: a host that was refused is allowed
  std::string host{};  // HOST or HOST:PORT
  Answer answer = Answer::kAllow;
  bool save = false;  // in the manifest, too
};

inline constexpr std::size_t kMaxFilter = 100;  // characters
inline constexpr std::size_t kMaxEnded = 32;    // bottles that have ended and are still listed
// A line that keys act on must have stood there so long: a key was not meant for one that
// has just come.
inline constexpr std::int64_t kSettleMs = 700;
inline constexpr std::int64_t kNoteMs = 10'000;

// The state that a screen shows. Model changes it, and draw() reads it.
struct WatchState {
  enum class Mode : std::uint8_t { kList, kFilter, kDetail, kHelp };
  std::int64_t now_ms = 0;  // since 1970
  std::vector<WatchedBottle> bottles{};
  History history{};
  std::vector<WatchedAsk> asks{};
  Mode mode = Mode::kList;
  std::string filter{};
  std::string only{};  // the id of the bottle that is shown; empty: all
  bool bottles_shown = true;
  bool follows = true;
  std::uint64_t selected = 0;  // number of a row
  std::uint64_t top = 0;       // number of the first row on the screen
  bool asks_have_keys = false;
  std::size_t selected_ask = 0;
  int scrolled = 0;  // lines of the detail or the help above the screen
  std::string note{};
  bool note_is_trouble = false;
  std::int64_t note_since = 0;
};

// The rows that pass the filter, oldest first.
using Row = std::pair<std::uint64_t, const ExchangeRow*>;
std::vector<Row> visible_rows(const WatchState& state);
// The one of that number, or else the next later one, or the last. `rows` is not empty.
std::size_t row_at(const std::vector<Row>& rows, std::uint64_t number);

class Model {
 public:
  void time_is(std::int64_t ms) { state_.now_ms = ms; }
  void bottle_started(WatchedBottle bottle);
  void bottle_ended(const std::string& id);
  // A line that is none is left out.
  void audit_line(const std::string& bottle, std::string_view line);
  // All that are pending in that bottle.
  void asks_are(const std::string& bottle, std::vector<WatchedAsk> asks);
  // For the person, for some seconds.
  void note(const std::string& text, bool is_trouble);
  void key(const Key& key);

  bool wants_to_quit() const { return quit_; }
  bool has_bottle(const std::string& id) const;
  const WatchState& state() const { return state_; }
  std::vector<Action> take_actions();
  // An answer is on its way: the ask goes now, before the proxy tells it. Nothing happens if there
  // is none of that name.
  void ask_was_answered(const std::string& bottle, const std::string& ask);
  // True once after asks have come: the terminal may ring.
  bool take_bell();
  // For a terminal of that size. Keys act on the lines of the last screen.
  Screen screen(Size size);

 private:
  void list_key(const Key& key);
  void filter_key(const Key& key);
  void text_key(const Key& key);
  void character_key(char c);
  void move(int by);
  void move_ask(int by);
  void next_bottle(int by);
  void act(char c);
  void act_on_ask(const WatchedAsk& ask, char c);
  void act_on_row(const ExchangeRow& row, char c);
  void fit(Size size);
  // The thing that keys like 'a' act on.
  std::string target() const;
  // It has been drawn for a while, and so long it was the target, or the person chose it.
  bool is_settled() const;
  const ExchangeRow* selected_row() const;

  WatchState state_;
  bool quit_ = false;
  bool bell_ = false;
  int page_ = 1;  // rows that the last screen had
  DrawnTargets drawn_{};
  std::string shown_target_{};
  std::int64_t changed_ = 0;  // when it became another one without a key of the person
  std::vector<Action> actions_{};
};

}  // namespace bottle::launcher::watch
