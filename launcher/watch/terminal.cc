#include "launcher/watch/terminal.h"

// Its macros have names like move and clear.
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
// A macro of term.h.
#undef columns

#include <clocale>
#include <csignal>
#include <cstdio>

#include "launcher/process/plain_text.h"

namespace bottle::launcher::watch {
namespace {

constexpr int kEscapeDelay =
    200;  // ms between Escape and the rest of a key, which ssh may bring late
constexpr int kControlL = 'L' - '@';

enum Pair : short { kGreen = 1, kRed, kYellow };

Error no_terminal(const std::string& why) {
  return Error{ExitCode::kUsage, "bottle watch draws on a terminal, and " + why,
               "bottle watch --json prints lines, and `bottle logs -f` shows requests as text"};
}

// Before ncurses takes the terminal, since it leaves something behind when it fails.
Expected<void> check_kind(const std::string& term) {
  int found = 0;
  if (term.empty() || ::setupterm(term.c_str(), STDOUT_FILENO, &found) != OK) {
    return Error{ExitCode::kUsage,
                 term.empty() ? "TERM is not set, so the kind of the terminal is not known"
                              : "this machine does not know the terminal " + printable(term),
                 "try TERM=xterm-256color bottle watch, or install the package ncurses-term; "
                 "bottle watch --json needs no terminal"};
  }
  const bool moves = ::tigetstr("cup") != nullptr;
  ::del_curterm(::cur_term);
  if (moves) return {};
  return no_terminal("a terminal of the kind " + printable(term) + " cannot move its cursor");
}

attr_t attributes_of(Ink ink, bool coloured) {
  const auto in = [coloured](Pair pair) {
    return coloured ? static_cast<attr_t>(COLOR_PAIR(pair)) : A_NORMAL;
  };
  switch (ink) {
    case Ink::kPlain:
    case Ink::kLine:
      return A_NORMAL;
    case Ink::kFaint:
      return coloured ? A_DIM : A_NORMAL;
    case Ink::kStrong:
      return A_BOLD;
    case Ink::kGood:
      return in(kGreen);
    case Ink::kBad:
      return in(kRed) | A_BOLD;
    case Ink::kTrouble:
    case Ink::kWaiting:
      return in(kYellow) | A_BOLD;
    case Ink::kBar:
    case Ink::kSelected:
      return A_REVERSE;
  }
  return A_NORMAL;
}

std::optional<Key> key_of(int code) {
  using Kind = Key::Kind;
  switch (code) {
    case KEY_UP:
      return Key{.kind = Kind::kUp};
    case KEY_DOWN:
      return Key{.kind = Kind::kDown};
    case KEY_PPAGE:
      return Key{.kind = Kind::kPageUp};
    case KEY_NPAGE:
      return Key{.kind = Kind::kPageDown};
    case KEY_HOME:
      return Key{.kind = Kind::kHome};
    case KEY_END:
      return Key{.kind = Kind::kEnd};
    case KEY_LEFT:
      return Key{.kind = Kind::kLeft};
    case KEY_RIGHT:
      return Key{.kind = Kind::kRight};
    case KEY_ENTER:
    case '\r':
    case '\n':
      return Key{.kind = Kind::kEnter};
    case 0x1b:
      return Key{.kind = Kind::kEscape};
    case KEY_BACKSPACE:
    case 0x7f:
    case '\b':
      return Key{.kind = Kind::kBackspace};
    case '\t':
      return Key{.kind = Kind::kTab};
    default:
      break;
  }
  if (code >= 0x20 && code < 0x7f) return Key{.character = static_cast<char>(code)};
  return std::nullopt;
}

}  // namespace

struct Terminal::Handle {
  SCREEN* screen = nullptr;
  bool coloured = false;
};

Expected<std::unique_ptr<Terminal>> Terminal::open(const std::string& term, bool coloured) {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) {
    return no_terminal("standard input or output is none");
  }
  if (auto known = check_kind(term); !known) return std::move(known.error());
  // Lines are drawn as the terminal's characters allow; numbers stay as they are.
  std::setlocale(LC_CTYPE, "");
  std::unique_ptr<Terminal> out(new Terminal(coloured));
  out->handle_->screen = ::newterm(term.c_str(), stdout, stdin);
  if (out->handle_->screen == nullptr) return no_terminal("ncurses cannot use this one");
  // The caller answers signals, and ncurses has taken this one.
  std::signal(SIGTSTP, SIG_DFL);
  ::set_escdelay(kEscapeDelay);
  ::cbreak();
  ::noecho();
  ::nodelay(stdscr, TRUE);
  ::keypad(stdscr, TRUE);
  ::curs_set(0);
  out->handle_->coloured = coloured && ::has_colors() == TRUE;
  if (out->handle_->coloured) {
    ::start_color();
    ::use_default_colors();
    ::init_pair(kGreen, COLOR_GREEN, -1);
    ::init_pair(kRed, COLOR_RED, -1);
    ::init_pair(kYellow, COLOR_YELLOW, -1);
  }
  return out;
}

Terminal::Terminal(bool coloured) : handle_(std::make_unique<Handle>()) {
  handle_->coloured = coloured;
}

Terminal::~Terminal() {
  if (handle_->screen == nullptr) return;
  ::endwin();
  ::delscreen(handle_->screen);
}

Size Terminal::size() const { return {.rows = getmaxy(stdscr), .columns = getmaxx(stdscr)}; }

void Terminal::draw(const Screen& screen) {
  const Size size = screen.size();
  for (int row = 0; row < size.rows; ++row) {
    ::wmove(stdscr, row, 0);
    for (int column = 0; column < size.columns; ++column) {
      const char character = screen.character(row, column);
      const Ink ink = screen.ink(row, column);
      const attr_t attributes = attributes_of(ink, handle_->coloured);
      chtype cell = static_cast<unsigned char>(character);
      if (ink == Ink::kLine) cell = character == '|' ? ACS_VLINE : ACS_HLINE;
      ::waddch(stdscr, cell | static_cast<chtype>(attributes));
    }
  }
  ::wrefresh(stdscr);
}

void Terminal::ring() { ::beep(); }

std::optional<Key> Terminal::next_key() {
  for (int code = ::wgetch(stdscr); code != ERR; code = ::wgetch(stdscr)) {
    if (code == kControlL) ::clearok(curscr, TRUE);
    if (const auto key = key_of(code)) return key;
  }
  return std::nullopt;
}

void Terminal::resized() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0) return;
  ::resizeterm(window.ws_row, window.ws_col);
  ::clearok(curscr, TRUE);
}

void Terminal::give_back() { ::endwin(); }

void Terminal::take_again() {
  resized();
  ::clearok(curscr, TRUE);
  ::wrefresh(stdscr);
}

}  // namespace bottle::launcher::watch
