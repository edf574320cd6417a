#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"

struct hs_database;
struct hs_scratch;
struct hs_stream;

namespace bottle {

// The part of vectorscan that the guard uses, with owners. Every function that cannot do its work
// throws (std::bad_alloc, or std::logic_error): a matcher that failed must not look like "nothing
// found".

struct MatchPattern {
  std::string expression;  // vectorscan's dialect (PCRE without what cannot be streamed)
  bool any_case = false;
};

// The CPUs that a database is for: this machine's, or each that the library runs on.
enum class MatchPlatform : unsigned char { This, Any };

// Patterns compiled for streaming. Immutable; used by any number of threads.
class MatchDatabase {
 public:
  // Fails (kInternal) if the CPU lacks what vectorscan needs.
  [[nodiscard]] static Expected<> check_platform();
  // Pattern number i reports as id i. Fails (kInternal) if the CPU lacks what vectorscan
  // needs, or a pattern does not compile; the text quotes no pattern.
  [[nodiscard]] static Expected<MatchDatabase> compile(
      const std::vector<MatchPattern>& patterns, MatchPlatform platform = MatchPlatform::This);
  // Bytes from which load() makes it again, with the same version of the library.
  [[nodiscard]] std::string serialize() const;
  // Nothing if they are of another version or for another CPU.
  [[nodiscard]] static std::optional<MatchDatabase> load(std::string_view serialized);

 private:
  friend class MatchScratch;
  friend class MatchStream;
  struct Free {
    void operator()(hs_database* database) const noexcept;
  };
  explicit MatchDatabase(hs_database* database) : database_(database) {}
  std::unique_ptr<hs_database, Free> database_;
};

// Working memory, one a thread.
class MatchScratch {
 public:
  explicit MatchScratch(const MatchDatabase& database);
  ~MatchScratch();
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;

 private:
  friend class MatchStream;
  hs_scratch* scratch_ = nullptr;
};

// Told of a match that ends with the byte before `end`, counted from the stream's start. True: go
// on; false: that was enough, and the stream must be reset before it is used again.
class MatchListener {
 public:
  virtual ~MatchListener() = default;
  virtual bool matched(std::size_t id, unsigned long long end) = 0;
};

// One text that comes in pieces. Takes memory with its first byte. `database` and `scratch` outlive
// it.
class MatchStream {
 public:
  MatchStream(const MatchDatabase& database, MatchScratch& scratch)
      : database_(database), scratch_(scratch) {}
  ~MatchStream();
  MatchStream(const MatchStream&) = delete;
  MatchStream& operator=(const MatchStream&) = delete;

  // Reports every match whose last byte is in `bytes`, before it returns.
  void scan(std::string_view bytes, MatchListener& listener);
  void reset();
  // Goes on from where `other`, of the same database, is.
  void copy(const MatchStream& other);

 private:
  const MatchDatabase& database_;
  MatchScratch& scratch_;
  hs_stream* stream_ = nullptr;
};

}  // namespace bottle
