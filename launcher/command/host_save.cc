#include "launcher/command/host_save.h"

#include "launcher/command/saved_manifest.h"
#include "launcher/lifetime/known_manifest.h"
#include "launcher/manifest/manifest_write.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {
Expected<HostSave> HostSave::prepare(const BottleRecord& record, const HostEntry& entry,
                                     const Context& context) {
  if (record.manifest.empty()) {
    return Error{ExitCode::kUsage, "bottle " + record.id + " has no manifest to save it in",
                 "leave --save out; `bottle init` writes a manifest for the next start"};
  }
  const auto base = state_base(context.around);
  if (!base) return base.error();
  // The file that a link leads to is written, and the link stays.
  std::error_code ec;
  const auto real = std::filesystem::canonical(record.manifest, ec);
  HostSave out(ec ? record.manifest : real, *base / record.id);
  auto text = manifest_text(out.file_);
  if (!text) return text.error();
  const std::string hint =
      "somebody made or changed it meanwhile: read it before the next start; without --save the "
      "host is allowed until the bottle ends";
  if (auto known = check_known(out.state_, out.file_, *text, hint); !known) return known.error();
  auto edited = with_allowed(*text, out.file_.string(), record.bottle, entry);
  if (!edited) return edited.error();
  out.before_ = std::move(*text);
  if (*edited) out.after_ = std::move(**edited);
  return out;
}

Expected<void> HostSave::write(const Context& context) const {
  if (after_.empty()) {
    context.err << "bottle: " << shown_path(file_) << " has it already\n";
    return {};
  }
  if (auto written = replace_manifest(file_, before_, after_); !written) return written;
  context.err << "bottle: wrote it to " << shown_path(file_) << ":\n";
  context.out << line_difference(before_, after_);
  remember_manifest(state_, after_);
  tell_bottles(file_, before_, after_, context);
  return {};
}

}  // namespace bottle::launcher
