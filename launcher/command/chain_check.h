#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/audit_chain.h"

namespace bottle::launcher {

// The first place at which a part of an audit log is not as the proxy wrote it.
struct ChainBreak {
  std::string file;
  std::uint64_t line = 0;  // of the file, from 1 on
  std::string words;
};

// Checks the chain of one part of an audit log (audit_chain.h): it is given the part's files, the
// oldest first, and their lines. No I/O.
class ChainCheck {
 public:
  // `gone`: older files of the part were removed by rotation, so its first line need not be 1.
  explicit ChainCheck(bool gone) : gone_(gone) {}

  void file(std::string name);
  void line(std::string_view text);
  // The last bytes of the last file have no line end.
  void unfinished(std::string_view text);
  // No more lines come. `writing`: the proxy runs, so what is not finished may yet be.
  void end(bool writing);
  // As the log's last line says that the part ends, if it does.
  void ends_with(const ChainLink& link);

  const std::optional<ChainBreak>& broken() const { return broken_; }
  std::uint64_t lines() const { return lines_; }          // with a chain
  std::uint64_t unchained() const { return unchained_; }  // of older versions, before all others
  std::uint64_t first() const { return first_; }          // the number of the first line
  const ChainLink& last() const { return last_; }
  // Places where a chain begins anew: a proxy whose log is a stream does not know older lines.
  const std::vector<ChainBreak>& new_chains() const { return new_chains_; }
  // Of the last line, if the log was ended there: how its parts end, in the order of AuditPart.
  const std::vector<ChainLink>& ends() const { return ends_; }

 private:
  struct Place {
    std::string file;
    std::uint64_t line = 0;
  };
  // A line that does not follow. Its neighbour shows why.
  struct Suspect {
    Place place;
    std::uint64_t number = 0;
    std::string value;
    std::string words;  // if the neighbour shows nothing
  };

  void break_at(const Place& place, std::string words);
  void stray(std::string_view text);
  void begin(const ChainParts& parts);
  void follow(const ChainParts& parts, std::string_view text);
  void settle(const ChainParts* next);
  void take(const ChainParts& parts, std::string_view text);

  const bool gone_;
  Place place_;
  bool begun_ = false;
  ChainLink last_;
  std::uint64_t first_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t unchained_ = 0;
  std::optional<Place> stray_;  // bytes that are no line of the chain
  bool stray_is_last_ = false;  // ... and have no line end
  std::optional<Suspect> suspect_;
  std::optional<ChainBreak> broken_;
  std::vector<ChainBreak> new_chains_;
  std::vector<ChainLink> ends_;
};

}  // namespace bottle::launcher
