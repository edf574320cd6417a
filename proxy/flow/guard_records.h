#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/contract/finding_record.h"
#include "proxy/guard/finding.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// The audit log's account of a finding.
[[nodiscard]] FindingRecord record_of(const Finding& finding, FindingAction action);
// Adds the findings in an answer, or in messages that come back. Under `blocks` they are refused:
// the passage is cut by the guard, and the result is the Failure of the first; `in`: "the answer".
[[nodiscard]] Result<> report_answer(const std::vector<Finding>& findings, bool blocks,
                                     std::string_view in, Passage& passage);
// The Failure of an answer that the guard blocks: it found `what` `in` it.
[[nodiscard]] Failure blocked_answer(const std::string& what, std::string_view in);
// That a host's name looks like data on its way out.
[[nodiscard]] FindingRecord suspicious_host_name();
// That an answer passed, or a part of it, without being looked at.
[[nodiscard]] FindingRecord unread_answer();
// That the guard read a request's body as it was sent, and could not undo its coding.
[[nodiscard]] FindingRecord unread_request();
// Adds the findings of a scan that refuses to the passage, which outlives the returned function.
[[nodiscard]] std::function<void(const Finding&)> reporter(Passage& passage);

}  // namespace bottle
