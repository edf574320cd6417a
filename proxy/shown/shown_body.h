#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/body/spool.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/contract/shown_record.h"
#include "proxy/http/head.h"
#include "proxy/ledger/known_text.h"
#include "proxy/shown/shown_form.h"

namespace bottle {

// The form of a request's body that the scanner is shown (ShownForm).
struct ShownBody {
  std::shared_ptr<const SpooledBody> body;  // the whole one, where nothing was left out
  ShownRecord record;
  std::vector<TextMark> marks;  // for KnownText::add_passed(), once the scanner has passed it
  bool has_unreadable = false;  // whatever became of it; also if the body could not be looked at
};

// True if a body of such a request is looked at: it says that it is JSON.
[[nodiscard]] bool has_shown_form(const RequestHead& head);

// Makes it of `whole`, a turn at a time. A body that is no JSON, or whose shown form cannot be
// kept, is shown whole. All outlive the call.
awaitable<ShownBody> make_shown_form(std::shared_ptr<const SpooledBody> whole, Spool& spool,
                                     KnownText& known, KnownText::Place place,
                                     ShownForm::Rules rules);

// The same of a request's. Failure: Denied ("opaque_refused") under OpaqueRule::Refuse.
awaitable<Result<ShownBody>> make_shown_body(std::shared_ptr<const SpooledBody> whole, Spool& spool,
                                             KnownText& known, KnownText::Place place,
                                             OpaqueRule opaque);

}  // namespace bottle
