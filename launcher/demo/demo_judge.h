#pragma once

#include <cstddef>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// Listens to what `bottle start` and the demo's agent print, shows it under headings that a person
// understands, and says at the end which of the demo's claims came true. Knows only text, so a test
// can feed it.
class DemoJudge {
 public:
  // `secret` must appear nowhere. `out` outlives the judge.
  DemoJudge(std::string secret, std::ostream& out);

  void plan_line(const std::string& line);   // of the dry run
  void line(const std::string& line);        // of the run
  void audit_line(const std::string& line);  // of `bottle logs`, after the run
  // The id of the bottle that ran; empty: it did not say.
  std::string bottle_id() const;
  // Prints one line a claim. Fails (kDemoFailed) when one is false. `status`: what bottle ended
  // with.
  Expected<void> verdict(int status);

 private:
  bool streamed();
  bool refused_secret() const;
  bool refused_host() const;
  bool no_way_out();
  bool audit_is_there() const;
  bool said(const std::string& section, const std::string& text) const;
  void show(const std::string& line);

  std::string secret_;
  std::ostream& out_;
  std::string section_ = "start";
  std::map<std::string, std::vector<std::string>> lines_;  // by section
  std::string audit_;
  std::string fingerprint_;
  std::string stream_detail_;
  std::size_t events_ = 0;
  std::size_t tries_ = 0;
  std::size_t audit_lines_ = 0;
  bool plan_seen_ = false;
  bool plan_masked_ = false;
  bool leaked_ = false;
};

}  // namespace bottle::launcher
