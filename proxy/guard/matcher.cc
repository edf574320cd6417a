#include "proxy/guard/matcher.h"

#include <hs/hs.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>

namespace bottle {
namespace {

void require(hs_error_t status) {
  if (status == HS_NOMEM) throw std::bad_alloc();
  if (status != HS_SUCCESS && status != HS_SCAN_TERMINATED) {
    throw std::logic_error("the pattern matcher failed");
  }
}

// No exception goes through the matcher: it ends the scan, and leaves scan().
struct Listening {
  MatchListener& listener;
  std::exception_ptr failed;
};

int on_match(unsigned id, unsigned long long, unsigned long long to, unsigned, void* context) {
  auto& listening = *static_cast<Listening*>(context);
  try {
    return listening.listener.matched(id, to) ? 0 : 1;
  } catch (...) {
    listening.failed = std::current_exception();
    return 1;
  }
}

}  // namespace

void MatchDatabase::Free::operator()(hs_database* database) const noexcept {
  hs_free_database(database);
}

Expected<> MatchDatabase::check_platform() {
  if (hs_valid_platform() == HS_SUCCESS) return {};
  return Error{ExitCode::kInternal,
               "the secret scanner needs a CPU with SSE4.2 (x86-64-v2) or NEON, and this one "
               "has not; run the proxy on a newer machine",
               ""};
}

Expected<MatchDatabase> MatchDatabase::compile(const std::vector<MatchPattern>& patterns,
                                               MatchPlatform platform) {
  const auto able = check_platform();
  if (!able) return able.error();
  std::vector<const char*> expressions;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;
  for (const MatchPattern& pattern : patterns) {
    ids.push_back(static_cast<unsigned>(expressions.size()));
    expressions.push_back(pattern.expression.c_str());
    flags.push_back(pattern.any_case ? HS_FLAG_CASELESS : 0u);
  }
  const hs_platform_info any{};  // no feature beyond the least
  const hs_platform_info* const target = platform == MatchPlatform::Any ? &any : nullptr;
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t status = hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                                             static_cast<unsigned>(expressions.size()),
                                             HS_MODE_STREAM, target, &database, &error);
  if (status == HS_SUCCESS) return MatchDatabase(database);
  const int at = error == nullptr ? -1 : error->expression;
  hs_free_compile_error(error);
  return Error{ExitCode::kInternal,
               "the secret scanner's patterns do not compile (number " + std::to_string(at) +
                   " of " + std::to_string(patterns.size()) + ")",
               ""};
}

std::string MatchDatabase::serialize() const {
  char* bytes = nullptr;
  std::size_t size = 0;
  require(hs_serialize_database(database_.get(), &bytes, &size));
  std::string out(bytes, size);
  std::free(bytes);
  return out;
}

std::optional<MatchDatabase> MatchDatabase::load(std::string_view serialized) {
  hs_database_t* database = nullptr;
  const hs_error_t status =
      hs_deserialize_database(serialized.data(), serialized.size(), &database);
  if (status == HS_NOMEM) throw std::bad_alloc();
  if (status != HS_SUCCESS) return std::nullopt;
  return MatchDatabase(database);
}

MatchScratch::MatchScratch(const MatchDatabase& database) {
  require(hs_alloc_scratch(database.database_.get(), &scratch_));
}

MatchScratch::~MatchScratch() { hs_free_scratch(scratch_); }

MatchStream::~MatchStream() {
  // Without a callback: no pattern needs to see the end of the text.
  if (stream_ != nullptr) hs_close_stream(stream_, nullptr, nullptr, nullptr);
}

void MatchStream::scan(std::string_view bytes, MatchListener& listener) {
  if (stream_ == nullptr) require(hs_open_stream(database_.database_.get(), 0, &stream_));
  constexpr std::size_t kAtOnce = std::size_t{1} << 30;  // the matcher counts in 32 bits
  Listening listening{listener, nullptr};
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kAtOnce);
    const hs_error_t status =
        hs_scan_stream(stream_, part.data(), static_cast<unsigned>(part.size()), 0,
                       scratch_.scratch_, on_match, &listening);
    if (listening.failed) std::rethrow_exception(listening.failed);
    require(status);
    if (status == HS_SCAN_TERMINATED) return;
    bytes.remove_prefix(part.size());
  }
}

void MatchStream::copy(const MatchStream& other) {
  if (other.stream_ == nullptr) return reset();
  if (stream_ == nullptr) {
    require(hs_copy_stream(&stream_, other.stream_));
  } else {
    require(hs_reset_and_copy_stream(stream_, other.stream_, scratch_.scratch_, nullptr, nullptr));
  }
}

void MatchStream::reset() {
  if (stream_ != nullptr) {
    require(hs_reset_stream(stream_, 0, scratch_.scratch_, nullptr, nullptr));
  }
}

}  // namespace bottle
