#include "proxy/secret_desk.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <new>
#include <utility>

#include "proxy/credentials/credential_set.h"

namespace bottle {
namespace {

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

Error no_memory_for_them() {
  return Error{ExitCode::kInternal, "memory is short", "try again, or give the proxy more memory"};
}

// `now` with other secrets.
Expected<Snapshot> snapshot_of(const std::vector<SecretSpec>& secrets, const GuardOptions& options,
                               const Snapshot& now) {
  try {
    auto set = SecretSet::make(secrets, options);
    if (!set) return set.error();
    Snapshot next = now;
    next.secrets = std::move(*set);
    next.credentials = CredentialSet::make(secrets);
    if (!next.credentials->locked()) {
      spdlog::warn("new values may be written to swap: memory could not be locked");
    }
    return next;
  } catch (const std::bad_alloc&) {
    return no_memory_for_them();
  }
}

}  // namespace

SecretDesk::SecretDesk(SecretBook& book, GuardOptions options, SnapshotStore& store,
                       AuditSink& audit)
    : book_(book), options_(std::move(options)), store_(store), audit_(audit) {}

void SecretDesk::handle(ControlRequest request, const std::string& who,
                        std::function<void(std::string answer)> done) {
  const std::string id = request.id;
  switch (request.verb) {
    case ControlRequest::Verb::ListSecrets:
      return done(secrets_answer(id, book_.states()));
    case ControlRequest::Verb::TellTrouble: {
      if (!request.text.empty()) {
        spdlog::warn("{} has no new value: {}", request.name, request.text);
      }
      const bool known = book_.note_trouble(request.name, std::move(request.text));
      if (known) return done(changed_answer(id, {}));
      return done(error_answer(id, Error{ExitCode::kUsage, "there is no secret of that name", ""}));
    }
    case ControlRequest::Verb::SetSecrets:
      break;
    default:
      return done(
          error_answer(id, Error{ExitCode::kInternal, "this is no message of secrets", ""}));
  }
  const auto answer = [id, done = std::move(done)](const Expected<std::vector<std::string>>& made) {
    done(made ? changed_answer(id, *made) : error_answer(id, made.error()));
  };
  make(book_.with_values(std::move(request.secrets)), who, answer);
}

void SecretDesk::replace(std::vector<SecretSpec> list, const std::string& who) {
  make(book_.with_list(std::move(list)), who, [](const Expected<std::vector<std::string>>& made) {
    if (!made) spdlog::error("the secrets stay as they were: {}", made.error().message);
  });
}

void SecretDesk::renew(std::vector<NewSecret> values, const std::string& who) {
  make(book_.with_values(std::move(values)), who,
       [](const Expected<std::vector<std::string>>& made) {
         if (!made) spdlog::error("new values are not looked for: {}", made.error().message);
       });
}

void SecretDesk::make(Expected<SecretBook::Change> change, const std::string& who,
                      const Done& done) {
  if (!change) return done(change.error());
  if (change->names.empty()) return done(std::vector<std::string>());
  auto next = snapshot_of(change->secrets, options_, store_.now());
  if (!next) return done(next.error());
  std::vector<std::string> names = change->names;
  // From here on the values may be in use, so none of them is forgotten.
  book_.take(std::move(*change), std::chrono::system_clock::now());
  taken_();
  tell(names, who);
  store_.change(std::move(*next), [done, names = std::move(names)](bool all) {
    if (!all) return done(no_memory_for_them());
    done(names);
  });
}

void SecretDesk::tell(const std::vector<std::string>& names, const std::string& who) {
  AuditRecord record;
  record.time = std::chrono::system_clock::now();
  record.kind = AuditKind::SecretsChanged;
  record.detail = list_of(names) + " (by " + who + ")";
  record.by = DecidedBy::Proxy;
  audit_.write(record);
  spdlog::info("new values of {} (by {})", list_of(names), who);
}

}  // namespace bottle
