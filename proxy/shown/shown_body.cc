#include "proxy/shown/shown_body.h"

#include <algorithm>
#include <utility>

#include "proxy/base/io_wait.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/media_type.h"
#include "proxy/shown/shown_form.h"

namespace bottle {
namespace {

constexpr std::size_t kTurn = 512 * 1024;  // looked at in about a millisecond

Failure opaque_refused() {
  return Failure{Code::Denied, "the body has text that no scanner can read",
                 problem_code::kOpaqueRefused,
                 "This bottle refuses images and ciphertext to this host with the setting opaque. "
                 "Send text, or ask for a bottle with another rule."};
}

// Everything but the gaps, a turn at a time. The gaps are in the order of the text.
awaitable<Result<std::shared_ptr<const SpooledBody>>> without_gaps(ByteView text,
                                                                   const ShownForm& form,
                                                                   Spool& spool, Party party) {
  SpoolWriter writer(spool, party);
  std::size_t at = 0;
  std::size_t since = 0;
  const std::size_t count = form.gaps().size();
  for (std::size_t i = 0; i <= count; ++i) {
    const std::size_t end = i < count ? form.gaps()[i].begin : text.size();
    while (at < end) {
      const ByteView piece = text.substr(at, std::min(end - at, kTurn));
      const auto kept = writer.append(piece);
      if (!kept) co_return kept.error();
      at += piece.size();
      since += piece.size();
      if (since < kTurn) continue;
      since = 0;
      co_await later_turn();
    }
    if (i < count) at = form.gaps()[i].end;
  }
  co_return writer.finish();
}

}  // namespace

bool has_shown_form(const RequestHead& head) { return is_json_type(media_type(head.fields)); }

awaitable<ShownBody> make_shown_form(std::shared_ptr<const SpooledBody> whole, Spool& spool,
                                     KnownText& known, KnownText::Place place,
                                     ShownForm::Rules rules) {
  ShownBody shown;
  shown.body = whole;
  const std::uint64_t sent = whole->size();
  const Party party = whole->party();
  shown.record.shown_bytes = shown.record.sent_bytes = sent;
  auto text = SpooledText::of(std::move(whole));
  shown.has_unreadable = !text;
  if (!text) co_return shown;
  ShownForm form(text->view(), known, place, rules);
  while (form.look(kTurn)) co_await later_turn();
  if (!form.is_json()) co_return shown;
  shown.has_unreadable = form.record().unreadable != 0;
  shown.marks = form.take_marks();
  if (form.gaps().empty()) co_return shown;
  auto body = co_await without_gaps(text->view(), form, spool, party);
  if (!body) co_return shown;
  shown.body = std::move(*body);
  shown.record = form.record();
  shown.record.sent_bytes = sent;
  shown.record.shown_bytes = shown.body->size();
  co_return shown;
}

awaitable<Result<ShownBody>> make_shown_body(std::shared_ptr<const SpooledBody> whole, Spool& spool,
                                             KnownText& known, KnownText::Place place,
                                             OpaqueRule opaque) {
  const ShownForm::Rules rules{.opaque = opaque};
  auto shown = co_await make_shown_form(std::move(whole), spool, known, place, rules);
  if (opaque == OpaqueRule::Refuse && shown.has_unreadable) co_return opaque_refused();
  co_return shown;
}

}  // namespace bottle
