#pragma once

#include <filesystem>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// `bottle logs --verify`: says whether the audit log is as the proxy wrote it, or where it is not.
// The status: 0, or that of ExitCode::kCheckFailed. `writing`: its bottle runs.
Expected<int> verify_log(const std::filesystem::path& audit, bool writing, const Context& context);

}  // namespace bottle::launcher
