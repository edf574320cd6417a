#include "proxy/policy_desk.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "proxy/http/authority.h"

namespace bottle {
namespace {

using SystemClock = std::chrono::system_clock;

struct Asked {
  Destination destination;
  Scheme scheme = Scheme::Https;
  std::string target;  // empty: the host was asked about
};

Result<Asked> asked_by(const std::string& text) {
  if (text.find("://") != std::string::npos) {
    auto form = parse_absolute_form(text);
    if (!form) return form.error();
    return Asked{.destination = std::move(form->destination),
                 .scheme = form->scheme,
                 .target = std::move(form->path)};
  }
  auto destination = parse_authority(text, default_port(Scheme::Https));
  if (!destination) return destination.error();
  const Scheme scheme =
      destination->port == default_port(Scheme::Http) ? Scheme::Http : Scheme::Https;
  return Asked{.destination = std::move(*destination), .scheme = scheme, .target = {}};
}

}  // namespace

PolicyDesk::PolicyDesk(PolicyBook& book, SnapshotStore& store, AuditSink& audit)
    : book_(book), store_(store), audit_(audit) {}

void PolicyDesk::handle(ControlRequest request, const std::string& who,
                        std::function<void(std::string answer)> done) {
  const std::string id = request.id;
  const auto now = SystemClock::now();
  if (request.verb == ControlRequest::Verb::ListPolicy) {
    return done(policy_answer(id, book_.allowed(now), book_.routed()));
  }
  if (request.verb == ControlRequest::Verb::CheckPolicy) return done(check(id, request.text));
  const auto answer = [id, done = std::move(done)](const Expected<std::vector<std::string>>& made) {
    done(made ? changed_answer(id, *made) : error_answer(id, made.error()));
  };
  if (request.verb == ControlRequest::Verb::Allow) {
    return allow(request.wish, who, answer);
  }
  make(book_.with_closed(request.name, who, now), who, answer);
}

void PolicyDesk::allow(const AllowWish& wish, const std::string& who, const Done& done) {
  make(book_.with_allowed(wish, who, SystemClock::now()), who, done);
}

void PolicyDesk::replace(const std::vector<std::string>& allow,
                         const std::vector<std::string>& routes, const std::string& who) {
  make(book_.with_start(allow, routes), who, [](const Expected<std::vector<std::string>>& made) {
    if (made) return;
    spdlog::error("the policy stays as it was: {}{}{}", made.error().message,
                  made.error().hint.empty() ? "" : ". ", made.error().hint);
  });
}

void PolicyDesk::make(Expected<PolicyBook::Change> change, const std::string& who,
                      const Done& done) {
  if (!change) return done(change.error());
  if (change->words.empty()) return done(std::vector<std::string>());
  std::vector<std::string> changed{change->words};
  book_.take(std::move(*change));
  taken_();
  tell(changed.front(), who);
  Snapshot next = store_.now();
  next.policy = book_.policy();
  store_.change(std::move(next), [this, who, done, changed = std::move(changed)](bool all) {
    if (all) {
      done(changed);
      return changed_(who);
    }
    done(Error{ExitCode::kInternal, "memory is short", "try again, or give the proxy more memory"});
  });
}

void PolicyDesk::tell(const std::string& what, const std::string& who) {
  AuditRecord record;
  record.time = SystemClock::now();
  record.kind = AuditKind::PolicyChanged;
  record.detail = what + " (by " + who + ")";
  record.by = DecidedBy::Proxy;
  audit_.write(record);
  spdlog::info("the policy has changed: {}", record.detail);
}

std::string PolicyDesk::check(const std::string& id, const std::string& url) const {
  const auto asked = asked_by(url);
  if (!asked) {
    return error_answer(id, Error{ExitCode::kUsage, "not a host or URL: " + asked.error().detail,
                                  "write HOST, HOST:PORT or https://HOST/"});
  }
  PolicyCheck out{
      .destination = asked->destination,
      .decision = book_.policy()->decide(asked->destination, asked->scheme, asked->target)};
  const auto allowed = book_.allowed(SystemClock::now());
  if (out.decision.entry) out.entry = allowed.at(*out.decision.entry);
  const auto routed = book_.routed();
  if (out.decision.route_entry) out.route_entry = routed.at(*out.decision.route_entry);
  return check_answer(id, out);
}

}  // namespace bottle
