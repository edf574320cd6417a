#pragma once

#include <cstdint>
#include <string>

#include "launcher/watch/exchange_row.h"
#include "launcher/watch/screen.h"

namespace bottle::launcher::watch {

// The columns of the list: those for which a width has room.
class Columns {
 public:
  // `with_bottle`: lines of more than one bottle stand there.
  Columns(int width, bool with_bottle);

  void draw_head(Screen& screen, int row, int left) const;
  void draw_row(Screen& screen, int row, int left, const ExchangeRow& exchange,
                std::int64_t now) const;

 private:
  struct Texts;
  void draw(Screen& screen, int row, int left, const Texts& texts, Ink state, Ink where) const;

  int method_;
  int where_;  // takes the rest
  bool bottle_;
  bool route_;
  bool scanned_;
  bool bytes_in_;
};

Ink ink_of(ExchangeRow::State state);
// Without a fraction: "120".
std::string plain_number(double number);
// At most five characters: "999", "1.2K", "34M".
std::string short_bytes(double bytes);
// At most six: "12345", "123s", "20min".
std::string short_ms(double ms);

}  // namespace bottle::launcher::watch
