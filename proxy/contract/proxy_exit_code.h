#pragma once

#include <cstdint>

namespace bottle {

// The exit codes of bottle-proxy; docs/exit-codes.md is the page for people. From sysexits(3) on.
enum class ExitCode : std::uint8_t {
  Ok = 0,           // drained and stopped, or --help
  Unwell = 1,       // --healthcheck: it does not answer as it should
  Usage = 64,       // the command line or the configuration file is wrong
  Listen = 69,      // the place to listen at is taken or not ours
  Internal = 70,    // a defect, or the machine lacks what is needed (randomness, CPU)
  Files = 73,       // a file that it must read or write cannot be read or written
  NotDrained = 75,  // stopped by a second signal or the drain's end with exchanges under way
};

}  // namespace bottle
