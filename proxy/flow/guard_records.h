#pragma once

#include <functional>

#include "proxy/contract/finding_record.h"
#include "proxy/guard/finding.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// The audit log's account of a finding.
[[nodiscard]] FindingRecord record_of(const Finding& finding, FindingAction action);
// That an answer passed, or a part of it, without being looked at.
[[nodiscard]] FindingRecord unread_answer();
// That the guard read a request's body as it was sent, and could not undo its coding.
[[nodiscard]] FindingRecord unread_request();
// Adds the findings of a scan that refuses to the passage, which outlives the returned function.
[[nodiscard]] std::function<void(const Finding&)> reporter(Passage& passage);

}  // namespace bottle
