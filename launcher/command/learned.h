#pragma once

#include <optional>
#include <string>

#include "launcher/command/context.h"
#include "launcher/lifetime/audit_summary.h"
#include "launcher/plan/plan.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The words at the start of a bottle that learns: its policy does not hold meanwhile.
void warn_of_learning(std::ostream& out);

// Writes the proposal of a bottle of `plan`, by its audit lines since `begin`, beside its logs, and
// shows its change of the manifest. After the bottle's end.
void propose_learned(const Plan& plan, const AuditMark& begin, std::ostream& out);

// `bottle allow --learned [ID]`: writes the proposal of a bottle that has ended into its manifest;
// without an id that of the last one.
Expected<int> save_learned(const std::optional<std::string>& id, const Context& context);

}  // namespace bottle::launcher
