#pragma once

#include "proxy/contract/finding_record.h"
#include "proxy/guard/finding.h"

namespace bottle {

// The audit log's account of a finding.
[[nodiscard]] FindingRecord record_of(const Finding& finding, FindingAction action);

}  // namespace bottle
