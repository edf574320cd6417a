#pragma once

#include <list>
#include <utility>
#include <vector>

#include "proxy/credentials/credential_set.h"
#include "proxy/http/head.h"

namespace bottle {

// The credentials of one exchange: puts them into its request, and takes them out of all that comes
// back. Shared by the bodies of both; the credentials outlive it.
class CredentialUse {
 public:
  explicit CredentialUse(std::vector<const Credential*> credentials);
  ~CredentialUse();
  CredentialUse(const CredentialUse&) = delete;
  CredentialUse& operator=(const CredentialUse&) = delete;

  // Into fields' values and the query. Also keeps the answer readable: asks for no content coding
  // but those that can be undone, and for none of a part of a body.
  void put_into(RequestHead& head);
  // For the request's body; empty: nothing is put into it.
  [[nodiscard]] std::vector<const SwapPair*> for_body() const;

  // An answer's status line and fields: names and values.
  void take_out_of(ResponseHead& head) const;
  void take_out_of(Fields& fields) const;
  // For the answer's body. After put_into().
  [[nodiscard]] const std::vector<const SwapPair*>& for_answer() const noexcept { return back_; }

 private:
  [[nodiscard]] std::vector<const SwapPair*> pairs_of(bool KeptOut::* part) const;
  void put_into_fields(Fields& fields);

  struct BasicPair {
    BasicPair(Bytes put_in_in, Bytes was_here_in)
        : put_in(std::move(put_in_in)), was_here(std::move(was_here_in)), back(put_in, was_here) {}
    Bytes put_in;
    Bytes was_here;
    SwapPair back;  // has views into them, so it stays where it was made
  };

  const std::vector<const Credential*> credentials_;
  std::list<BasicPair> basic_;
  std::vector<const SwapPair*> back_;
};

}  // namespace bottle
