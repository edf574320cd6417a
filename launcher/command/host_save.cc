#include "launcher/command/host_save.h"

#include "launcher/lifetime/known_manifest.h"
#include "launcher/manifest/manifest_write.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {
namespace {

Error unknown_manifest(const std::filesystem::path& file) {
  return {ExitCode::kManifest,
          file.string() + " is not the one that the bottle was started with, and is left as it is",
          "somebody made or changed it meanwhile: read it before the next start; without --save "
          "the host is allowed until the bottle ends"};
}

}  // namespace

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
  if (known_manifest(out.state_) != *text) return unknown_manifest(out.file_);
  auto edited = with_allowed(*text, out.file_.string(), record.bottle, entry);
  if (!edited) return edited.error();
  out.before_ = std::move(*text);
  if (*edited) out.after_ = std::move(**edited);
  return out;
}

Expected<void> HostSave::write(const Context& context) const {
  if (after_.empty()) {
    context.err << "bottle: " << file_.string() << " has it already\n";
    return {};
  }
  if (auto written = replace_manifest(file_, before_, after_); !written) return written;
  context.err << "bottle: wrote it to " << file_.string() << ":\n";
  context.out << line_difference(before_, after_);
  remember_manifest(state_, after_);
  return {};
}

}  // namespace bottle::launcher
