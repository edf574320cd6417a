#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "launcher/command/context.h"
#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The parts that commands are made of. commands.h has the table of them.

// One option, or one positional argument. The parser, --help and the completion scripts come from
// it.
struct Option {
  // The place of the value: a flag, a text that must be given, a text, texts.
  using Target =
      std::variant<bool*, std::string*, std::optional<std::string>*, std::vector<std::string>*>;
  std::string names;  // "-q,--quiet"; of a positional argument: "ID"
  Target into;
  std::string help;
  // The kind of the value ("FILE"), or the words that it can be ("sh|fish"). Empty for a flag; an
  // argument has none unless it is a word.
  std::string value{};

  bool is_positional() const { return !names.starts_with("-"); }
  std::vector<std::string> each_name() const;
  std::vector<std::string> words() const;  // the words that the value can be; empty: it is a kind
};

// One call of `bottle`, parsed. run() returns the status to end with.
class Command {
 public:
  virtual ~Command() = default;
  virtual Expected<int> run(const Context& context) const = 0;
};

// The same of a row of the table: the parser fills it.
class TableCommand : public Command {
 public:
  // Bound to this object.
  virtual std::vector<Option> option_list() = 0;
  virtual bool takes_words() const = 0;
  // Takes the words of the command to run, after the options were read. Fails when what was given
  // does not go together.
  virtual Expected<void> accept(std::vector<std::string> words) = 0;
};

// `Options` holds the values of the options, and has a member `command` if the command takes words.
template <class Options>
class CommandOf final : public TableCommand {
 public:
  using List = std::vector<Option> (*)(Options&);
  using Run = Expected<int> (*)(const Options&, const Context&);
  using Check = Expected<void> (*)(const Options&);
  CommandOf(List list, Run run, Check check) : list_(list), run_(run), check_(check) {}

  std::vector<Option> option_list() override { return list_(values_); }
  bool takes_words() const override { return kTakesWords; }
  Expected<void> accept(std::vector<std::string> words) override {
    if constexpr (kTakesWords) values_.command = std::move(words);
    return check_ == nullptr ? Expected<void>() : check_(values_);
  }
  Expected<int> run(const Context& context) const override { return run_(values_, context); }
  Options& values() { return values_; }

 private:
  static constexpr bool kTakesWords = requires(Options& options) { options.command; };
  Options values_{};
  List list_;
  Run run_;
  Check check_;
};

// The values, if `command` is one of this kind. They live as long as it does.
template <class Options>
Options* values_of(Command& command) {
  auto* const known = dynamic_cast<CommandOf<Options>*>(&command);
  return known == nullptr ? nullptr : &known->values();
}

// Tells the meaning of the first word of `bottle start WORD`; the options are those that are known.
using WordTest = std::function<WordMeaning(const StartOptions& options, const std::string& word)>;

// A command line of which the first word that is no option stands at `at`: for commands whose words
// need no "--" before them.
struct BareWords {
  const std::vector<std::string>& arguments;
  std::size_t at;
  // Reads arguments of which each word before "--" is bottle's own.
  Expected<std::unique_ptr<Command>> (*read)(const std::vector<std::string>&);
  const WordTest& meaning_of;  // may be empty: each first word is an entry's name
};

struct CommandRow {
  std::string_view name;
  std::string_view summary;  // a few words
  std::string_view usage{};  // shown after the summary
  std::string_view footer;   // --help has it after the options
  std::function<std::unique_ptr<TableCommand>()> make;
  Expected<std::unique_ptr<Command>> (*read_bare)(const BareWords&) = nullptr;
};

// For CommandRow::make.
template <class Options>
std::function<std::unique_ptr<TableCommand>()> maker_of(
    std::vector<Option> (*list)(Options&), Expected<int> (*run)(const Options&, const Context&),
    Expected<void> (*check)(const Options&) = nullptr) {
  return [list, run, check] { return std::make_unique<CommandOf<Options>>(list, run, check); };
}

Error usage_error(std::string message, std::string hint);

}  // namespace bottle::launcher
