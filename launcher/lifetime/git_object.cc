#include "launcher/lifetime/git_object.h"

#include <algorithm>
#include <optional>

namespace bottle::launcher {
namespace {

constexpr std::size_t kMaxParents = 1000;
constexpr std::size_t kMaxShown = 100;  // bytes of a text in a line for people

bool is_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 20 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "Name <mail> 1700000000 +0100": the part for people. nullopt: it has another form.
std::optional<std::string> person_in(std::string_view text) {
  const auto end = text.rfind("> ");
  if (end == std::string_view::npos || text.find('<') >= end) return std::nullopt;
  const auto when = text.substr(end + 2);
  const auto space = when.find(' ');
  if (space == std::string_view::npos || !is_number(when.substr(0, space))) return std::nullopt;
  const auto zone = when.substr(space + 1);
  if (zone.size() < 2 || (zone.front() != '+' && zone.front() != '-') ||
      !is_number(zone.substr(1))) {
    return std::nullopt;
  }
  return std::string(text.substr(0, end + 1));
}

// The lines of an object's head, in their order.
class Head {
 public:
  explicit Head(std::string_view text) : text_(text) {}

  // The value of the next line if it has this name, else nullopt.
  std::optional<std::string_view> take(std::string_view name) {
    const auto end = text_.find('\n');
    const auto line = text_.substr(0, end);
    if (end == std::string_view::npos || !line.starts_with(name) || line.size() <= name.size() ||
        line[name.size()] != ' ') {
      return std::nullopt;
    }
    text_.remove_prefix(end + 1);
    return line.substr(name.size() + 1);
  }
  // Lines that git adds behind the known ones: an encoding, merged tags. False: none of them is a
  // name with a value, or goes on with a space.
  bool skip_others() {
    while (!text_.empty() && text_.front() != '\n') {
      const auto end = text_.find('\n');
      if (end == std::string_view::npos) return false;
      const auto line = text_.substr(0, end);
      const auto space = line.find(' ');
      const bool named = std::all_of(
          line.begin(), line.begin() + static_cast<std::ptrdiff_t>(std::min(space, line.size())),
          [](char c) { return c >= 'a' && c <= 'z'; });
      if (space == std::string_view::npos || !named || line.starts_with("gpgsig ")) return false;
      text_.remove_prefix(end + 1);
    }
    return true;
  }
  // The text behind the head. nullopt: no empty line ends it.
  std::optional<std::string_view> message() const {
    if (text_.empty() || text_.front() != '\n') return std::nullopt;
    return text_.substr(1);
  }

 private:
  std::string_view text_;
};

Error not_git(const std::string& why) { return Error{ExitCode::kUsage, why, ""}; }

std::string first_line(std::string_view message) {
  const auto from = message.find_first_not_of('\n');
  if (from == std::string_view::npos) return {};
  return std::string(message.substr(from, message.find('\n', from) - from));
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxShown)) {
    // A cut in the middle of a character is no harm; a control character of a terminal is.
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  return text.size() > kMaxShown ? out + "..." : out;
}

Expected<GitObject> read_commit(Head& head, std::string_view tree) {
  GitObject out{.kind = GitObject::Kind::kCommit, .id = std::string(tree)};
  while (const auto parent = head.take("parent")) {
    if (!is_id(*parent) || out.parents.size() == kMaxParents) {
      return not_git("a parent of the commit is no id");
    }
    out.parents.emplace_back(*parent);
  }
  const auto author = head.take("author");
  const auto committer = head.take("committer");
  const auto written = author ? person_in(*author) : std::nullopt;
  const auto committed = committer ? person_in(*committer) : std::nullopt;
  if (!written || !committed) return not_git("the commit has no author or no committer");
  out.author = *written;
  out.person = *committed;
  return out;
}

Expected<GitObject> read_tag(Head& head, std::string_view object) {
  GitObject out{.kind = GitObject::Kind::kTag, .id = std::string(object)};
  const auto type = head.take("type");
  const auto name = head.take("tag");
  const auto tagger = head.take("tagger");
  const auto person = tagger ? person_in(*tagger) : std::nullopt;
  const bool known =
      type && (*type == "commit" || *type == "tag" || *type == "tree" || *type == "blob");
  if (!known || !name || !person) return not_git("the tag has no type, no name or no tagger");
  out.name = *name;
  out.person = *person;
  return out;
}

}  // namespace

Expected<GitObject> read_git_object(std::string_view text) {
  if (text.size() > kMaxGitObject) return not_git("it is larger than 1 MiB");
  if (text.find('\0') != std::string_view::npos) return not_git("it has a NUL character");
  Head head(text);
  Expected<GitObject> out = not_git("it is neither a commit nor a tag of git");
  if (const auto tree = head.take("tree"); tree && is_id(*tree)) {
    out = read_commit(head, *tree);
  } else if (const auto object = head.take("object"); object && is_id(*object)) {
    out = read_tag(head, *object);
  }
  if (!out) return out;
  const auto message = head.skip_others() ? head.message() : std::nullopt;
  if (!message) return not_git("its head is not one of git's");
  out->subject = first_line(*message);
  return out;
}

std::string words_of(const GitObject& object) {
  if (object.kind == GitObject::Kind::kTag) {
    return "tag " + printable(object.name) + " of " + object.id.substr(0, 12) + " by " +
           printable(object.person);
  }
  std::string out = "commit \"" + printable(object.subject) + "\" by " + printable(object.author);
  if (object.person != object.author) out += ", committed by " + printable(object.person);
  return out;
}

}  // namespace bottle::launcher
