#pragma once

#include <chrono>

#include "proxy/base/cancellable.h"
#include "proxy/base/deadline.h"
#include "proxy/flow/audit_sink.h"

namespace bottle {

// How long a line of an exchange's end may wait for another to be written with: so much of the
// log is lost when the process is killed, and nothing when it ends otherwise.
inline constexpr std::chrono::milliseconds kAuditFlushAfter{100};

// A worker's way to AuditSink::write_soon(): sees to it that what waits is written. Outlived by
// both that it is given. One thread.
class AuditFlush final : private Cancellable {
 public:
  AuditFlush(AuditSink& audit, TimerWheel& wheel) noexcept : audit_(audit), due_(wheel, *this) {}

  void write(const AuditRecord& record) noexcept {
    if (!audit_.write_soon(record) || armed_) return;
    armed_ = true;
    due_.arm(kAuditFlushAfter);
  }

 private:
  void cancel() noexcept override {
    armed_ = false;
    audit_.flush();
  }

  AuditSink& audit_;
  Deadline due_;
  bool armed_ = false;
};

}  // namespace bottle
