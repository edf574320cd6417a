#include "proxy/control/secret_book.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace bottle {
namespace {

template <class List>
auto find_name(List& list, const std::string& name) {
  return std::find_if(list.begin(), list.end(),
                      [&name](const SecretSpec& one) { return one.name == name; });
}

bool same_place(const SecretSpec& a, const SecretSpec& b) {
  if (a.hosts != b.hosts || a.in_body != b.in_body) return false;
  if (a.kept_out.has_value() != b.kept_out.has_value()) return false;
  if (!a.kept_out) return true;
  const auto parts = [](const KeptOut& kept) {
    return std::tie(kept.placeholder, kept.in_header, kept.in_any_header, kept.in_query,
                    kept.in_body, kept.in_aws_signature);
  };
  return parts(*a.kept_out) == parts(*b.kept_out);
}

// `one` gets the value and the former values that were there before it.
void remember(SecretSpec& one, const std::string& value, std::vector<std::string> former) {
  one.former = std::move(former);
  if (value != one.value) one.former.insert(one.former.begin(), value);
  std::erase(one.former, one.value);
  if (one.former.size() > kMaxFormer) one.former.resize(kMaxFormer);
}

Error bad(const std::string& name, const std::string& what, std::string hint) {
  return Error{ExitCode::kUsage, "secret " + name + ": " + what, std::move(hint)};
}

}  // namespace

Expected<SecretBook::Change> SecretBook::with_values(std::vector<NewSecret> values) const {
  Change change{.secrets = secrets_, .names = {}};
  for (NewSecret& value : values) {
    const auto found = find_name(change.secrets, value.name);
    if (found == change.secrets.end()) {
      return Error{ExitCode::kUsage, "there is no secret of that name",
                   "list them: bottle secrets"};
    }
    if (!found->kept_out) {
      return bad(found->name, "the agent itself has its value, which cannot be taken back",
                 "a new value of it needs a new start; with \"keep_out\" it does not");
    }
    if (found->value == value.value) continue;
    const std::string before = std::exchange(found->value, std::move(value.value));
    remember(*found, before, std::move(found->former));
    change.names.push_back(found->name);
  }
  if (const auto checked = SecretSet::check(change.secrets); !checked) return checked.error();
  return change;
}

Expected<SecretBook::Change> SecretBook::with_list(std::vector<SecretSpec> list) const {
  if (const auto checked = SecretSet::check(list); !checked) return checked.error();
  Change change{.secrets = std::move(list), .names = {}};
  for (SecretSpec& one : change.secrets) {
    const auto before = find_name(secrets_, one.name);
    if (before == secrets_.end()) {
      change.names.push_back(one.name);
      continue;
    }
    if (before->value != one.value || !same_place(*before, one)) change.names.push_back(one.name);
    remember(one, before->value, before->former);
  }
  for (const SecretSpec& before : secrets_) {
    if (find_name(change.secrets, before.name) != change.secrets.end()) continue;
    const bool was_gone = before.hosts && before.hosts->empty() && !before.kept_out;
    if (!was_gone) change.names.push_back(before.name);
    SecretSpec gone = before;
    gone.hosts.emplace();
    gone.in_body = false;
    gone.kept_out.reset();
    change.secrets.push_back(std::move(gone));
  }
  if (const auto checked = SecretSet::check(change.secrets); !checked) return checked.error();
  return change;
}

void SecretBook::take(Change change, std::chrono::system_clock::time_point now) {
  secrets_ = std::move(change.secrets);
  for (const std::string& name : change.names) news_[name] = News{.since = now, .trouble = {}};
}

bool SecretBook::note_trouble(const std::string& name, std::string text) {
  if (find_name(secrets_, name) == secrets_.end()) return false;
  news_[name].trouble = std::move(text);
  return true;
}

std::vector<SecretState> SecretBook::states() const {
  std::vector<SecretState> out;
  for (const SecretSpec& one : secrets_) {
    SecretState state{.name = one.name,
                      .kept_out = one.kept_out.has_value(),
                      .hosts = one.hosts.value_or(std::vector<std::string>()),
                      .former = one.former.size()};
    if (const auto news = news_.find(one.name); news != news_.end()) {
      state.since = news->second.since;
      state.trouble = news->second.trouble;
    }
    out.push_back(std::move(state));
  }
  return out;
}

}  // namespace bottle
