#include "launcher/demo/demo_judge.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "proxy/contract/audit_schema.h"

namespace bottle::launcher {
namespace {

constexpr long kEventsGap = 150;        // ms; the origin sends one every 300
constexpr long kOldestEvent = 250'000;  // us; one that was held until the next came would be older
constexpr std::size_t kEvents = 5;
constexpr std::size_t kTries = 3;        // of a direct connection
constexpr std::size_t kMaxLines = 1000;  // of one section
constexpr std::size_t kWidth = 100;      // of a terminal
constexpr std::string_view kIndent = "    ";

// The rows of the plan that tell what a bottle is. The rest is for --dry-run.
constexpr std::array<std::string_view, 5> kPlanRows{"backend", "workspace", "command", "scanner",
                                                    "allow"};

struct Heading {
  std::string_view section;
  std::string_view title;
};
constexpr std::array kHeadings{
    Heading{"stream",
            "An answer that streams over HTTP/2: each event with the time of its arrival"},
    Heading{"secret", "A secret in a request's body: refused, with a reason and a hint"},
    Heading{"outside", "A host that is not on the allowlist: refused"},
    Heading{"direct", "Past the proxy: there is no way out"},
    Heading{"finish", "The end"},
};

bool is_shown_row(std::string_view line) {
  const auto begin = std::min(line.find_first_not_of(' '), line.size());
  const auto name = line.substr(begin, line.find(' ', begin) - begin);
  return begin == 2 && std::find(kPlanRows.begin(), kPlanRows.end(), name) != kPlanRows.end();
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

DemoJudge::DemoJudge(std::string secret, std::ostream& out)
    : secret_(std::move(secret)), out_(out) {}

void DemoJudge::show(const std::string& line) {
  leaked_ = leaked_ || line.find(secret_) != std::string::npos;
  std::string_view rest = line;
  std::size_t room = kWidth - kIndent.size();
  out_ << kIndent;
  while (rest.size() > room) {
    const auto space = rest.substr(0, room).rfind(' ');
    const bool at_space = space != std::string_view::npos && space >= room / 2;
    out_ << rest.substr(0, at_space ? space : room) << "\n" << kIndent << kIndent;
    rest.remove_prefix(at_space ? space + 1 : room);
    room = kWidth - 2 * kIndent.size();
  }
  out_ << rest << "\n" << std::flush;
}

void DemoJudge::plan_line(const std::string& line) {
  if (!plan_seen_) {
    out_ << "An agent (a shell script with curl) runs in a bottle. It may talk to one host, a "
            "stand-in for\n"
            "the internet on this machine, and tries what it should not. After \"$\" stands what "
            "it ran.\n"
            "\n* The plan in short (bottle start --dry-run prints all of it)\n";
  }
  plan_seen_ = true;
  plan_masked_ = plan_masked_ || line.find("DEMO_TOKEN=***") != std::string::npos;
  leaked_ = leaked_ || line.find(secret_) != std::string::npos;
  if (is_shown_row(line)) show(line);
}

void DemoJudge::audit_line(const std::string& line) {
  if (audit_lines_++ == 0) out_ << "\n* The audit log of these requests (bottle logs)\n";
  show(line);
}

void DemoJudge::line(const std::string& line) {
  if (lines_.empty()) {
    out_ << "\n* The start (bottle start)\n";
    lines_["start"];
  }
  constexpr std::string_view kCa = "bottle: CA sha256 ";
  constexpr std::string_view kAudit = "the audit log is ";
  if (line.starts_with(kCa)) fingerprint_ = line.substr(kCa.size());
  if (const auto at = line.find(kAudit); line.starts_with("bottle: ") && at != std::string::npos) {
    audit_ = line.substr(at + kAudit.size());
  }
  if (line.starts_with("== ")) {
    section_ = line.substr(3);
    for (const auto& heading : kHeadings) {
      if (heading.section == section_) out_ << "\n* " << heading.title << "\n";
    }
    return;
  }
  auto& kept = lines_[section_];
  if (kept.size() < kMaxLines) kept.push_back(line);
  if (!line.empty()) show(line);
}

std::string DemoJudge::bottle_id() const {
  return std::filesystem::path(audit_).parent_path().filename().string();
}

bool DemoJudge::said(const std::string& section, const std::string& text) const {
  const auto found = lines_.find(section);
  if (found == lines_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&text](const std::string& line) {
    return lower(line).find(text) != std::string::npos;
  });
}

bool DemoJudge::streamed() {
  std::vector<long> times;
  for (const auto& line : lines_["stream"]) {
    if (line.find(" ms  data:") == std::string::npos) continue;
    times.push_back(std::atol(line.c_str()));
    const auto age = line.rfind("  (");
    if (age == std::string::npos || std::atol(line.c_str() + age + 3) > kOldestEvent) {
      stream_detail_ = "an event came late: " + line;
      return false;
    }
  }
  events_ = times.size();
  if (times.size() != kEvents) {
    stream_detail_ = "instead of " + std::to_string(kEvents);
    return false;
  }
  for (std::size_t i = 1; i < times.size(); ++i) {
    if (times[i] - times[i - 1] >= kEventsGap) continue;
    stream_detail_ = "two events came together";
    return false;
  }
  if (said("stream", "http_version=2 status=200")) return true;
  stream_detail_ = "not 200 over HTTP/2";
  return false;
}

bool DemoJudge::refused_secret() const {
  return said("secret", "status=403") && said("secret", "x-bottle-deny:") &&
         (said("secret", "\"hint\"") || said("secret", "blocked:"));
}

bool DemoJudge::refused_host() const {
  return said("outside", "status=403") && said("outside", "\"hint\"");
}

bool DemoJudge::no_way_out() {
  const auto found = lines_.find("direct");
  if (found == lines_.end()) return false;
  for (const auto& line : found->second) {
    if (!line.starts_with("exit=")) continue;
    ++tries_;
    // 6: no such name, 7: cannot connect. Anything else would be an answer of some kind.
    if (line != "exit=6" && line != "exit=7") return false;
  }
  return tries_ == kTries;
}

bool DemoJudge::audit_is_there() const {
  std::string text;
  for (const auto& file : audit_files(audit_)) {
    std::ifstream in(file);
    text.append(std::istreambuf_iterator<char>(in), {});
  }
  return text.find("origin.demo") != std::string::npos &&
         text.find("not-on-the-list.demo") != std::string::npos &&
         text.find(secret_) == std::string::npos;
}

Expected<void> DemoJudge::verdict(int status) {
  bool all = true;
  out_ << "\n* What happened\n";
  const auto claim = [this, &all](bool true_, const std::string& text, const std::string& detail) {
    all = all && true_;
    out_ << (true_ ? "    yes  " : "    NO   ") << text;
    if (!detail.empty()) out_ << ": " << detail;
    out_ << "\n";
  };
  claim(plan_seen_ && plan_masked_, "the plan has the secret only as ***", "");
  claim(!fingerprint_.empty(), "the bottle had a CA of its own", fingerprint_);
  const bool stream = streamed();
  claim(stream, std::to_string(events_) + " events came one by one over HTTP/2", stream_detail_);
  claim(refused_secret(), "the secret was refused, with a reason", "");
  claim(refused_host(), "the host outside the allowlist was refused, with a hint", "");
  const bool stuck = no_way_out();
  claim(stuck, std::to_string(tries_) + " direct connections found no way out", "");
  claim(audit_is_there(), "the audit log has it all, and not the secret", audit_);
  claim(!leaked_, "the secret was printed nowhere", "");
  claim(status == 0, "the agent ended by itself", "status " + std::to_string(status));
  out_ << std::flush;
  if (all) return {};
  return Error{ExitCode::kDemoFailed, "the demo did not show everything that it promises",
               "the lines with NO say what is missing"};
}

}  // namespace bottle::launcher
