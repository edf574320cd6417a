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

// A value, or a former one, to be taken out of answers: from each of its spellings to a text of
// that length, which is the placeholder, cut or filled up where the lengths differ.
struct TakenOut {
  std::vector<SwapPair> pairs;
  [[nodiscard]] ByteView value() const { return pairs.front().from(); }
};

// A value that the agent does not have (KeptOut), ready to be put in and to be looked for, as it is
// and in its spellings (spellings_of()).
struct Credential {
  std::string name;
  std::vector<std::string> hosts;
  KeptOut place;
  std::vector<SwapPair> out;   // from the placeholder to the value: as it is, escaped in a URL
  std::vector<TakenOut> back;  // the value, then the former ones
  [[nodiscard]] ByteView value() const { return back.front().value(); }
  // False: a body that it is put into gets another length.
  [[nodiscard]] bool keeps_length() const { return value().size() == place.placeholder.size(); }
};

// The credentials of a proxy. Immutable, shared by all workers; an exchange keeps those that it
// took. The values are in locked memory; the copies that a request and an answer need for a moment
// are not.
class CredentialSet {
 public:
  // Those of `secrets` with a placeholder, without a login's; SecretSet::check() has accepted them.
  // Throws std::bad_alloc.
  [[nodiscard]] static std::unique_ptr<const CredentialSet> make(
      const std::vector<SecretSpec>& secrets);

  [[nodiscard]] bool empty() const noexcept { return credentials_.empty(); }
  // Those that are for the host, the longest placeholder first: one may be a piece of another.
  [[nodiscard]] std::vector<const Credential*> of_host(std::string_view host) const;
  // False if the system did not lock the memory of the values.
  [[nodiscard]] bool locked() const noexcept { return memory_.locked(); }

 private:
  explicit CredentialSet(std::size_t bytes) : memory_(bytes) {}
  void add(const SecretSpec& secret);  // if it is kept out, and not of a login
  [[nodiscard]] TakenOut taken_out(ByteView value, const Bytes& placeholder);
  [[nodiscard]] ByteView keep(ByteView secret);
  [[nodiscard]] ByteView keep_placeholder(Bytes placeholder);

  LockedBytes memory_;
  std::size_t used_ = 0;
  std::vector<std::unique_ptr<const Bytes>> placeholders_;
  std::vector<Credential> credentials_;
};

}  // namespace bottle
