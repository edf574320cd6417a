#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/locked_bytes.h"
#include "proxy/credentials/text_swap.h"
#include "proxy/guard/secret_set.h"

namespace bottle {

// A value that the agent does not have (KeptOut), ready to be put in and to be looked for, as it is
// and in its spellings (spellings_of()).
struct Credential {
  std::string name;
  std::vector<std::string> hosts;
  KeptOut place;
  std::vector<SwapPair> out;   // from the placeholder to the value: as it is, escaped in a URL
                               // if the two are of one length there
  std::vector<SwapPair> back;  // from the value to the placeholder, in each spelling
  [[nodiscard]] ByteView value() const { return back.front().from(); }
};

// The credentials of a proxy. Immutable, shared by all workers, outlives all exchanges. The values
// are in locked memory; the copies that a request and an answer need for a moment are not.
class CredentialSet {
 public:
  // Those of `secrets` with a placeholder; SecretSet::check() has accepted them. Throws
  // std::bad_alloc.
  [[nodiscard]] static std::unique_ptr<const CredentialSet> make(
      const std::vector<SecretSpec>& secrets);

  [[nodiscard]] bool empty() const noexcept { return credentials_.empty(); }
  // Those that are for the host, the longest value first: one may be a piece of another.
  [[nodiscard]] std::vector<const Credential*> of_host(std::string_view host) const;
  // False if the system did not lock the memory of the values.
  [[nodiscard]] bool locked() const noexcept { return memory_.locked(); }

 private:
  explicit CredentialSet(std::size_t bytes) : memory_(bytes) {}
  void add(const SecretSpec& secret);
  [[nodiscard]] ByteView keep(ByteView secret);
  [[nodiscard]] ByteView keep_placeholder(Bytes placeholder);

  LockedBytes memory_;
  std::size_t used_ = 0;
  std::vector<std::unique_ptr<const Bytes>> placeholders_;
  std::vector<Credential> credentials_;
};

}  // namespace bottle
