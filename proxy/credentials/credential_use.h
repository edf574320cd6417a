#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/credentials/asked_part.h"
#include "proxy/credentials/aws_chunk_signer.h"
#include "proxy/credentials/aws_signature.h"
#include "proxy/credentials/credential_set.h"
#include "proxy/credentials/spellings.h"
#include "proxy/http/head.h"

namespace bottle {

// True of the fields by which clients show credentials: Authorization, Cookie, and all whose name
// ends like X-Api-Key or Private-Token. The value of another field is more likely to be kept by a
// host and shown to others: a User-Agent, the metadata of an object.
[[nodiscard]] bool carries_credential(std::string_view field_name);

// The credentials of one exchange: puts them into its request, and takes them out of all that comes
// back. Shared by the bodies of both; keeps the set that the credentials are of.
class CredentialUse {
 public:
  CredentialUse(std::shared_ptr<const CredentialSet> set,
                std::vector<const Credential*> credentials);
  ~CredentialUse();
  CredentialUse(const CredentialUse&) = delete;
  CredentialUse& operator=(const CredentialUse&) = delete;

  // Into values of the fields that carries_credential() names, or of all where a credential says
  // so, and into the query. Also keeps the answer readable: asks for no content coding but those
  // that can be undone, for a wider part where the client asked for one, and for all where it asked
  // for several.
  // A signature that a placeholder made is made anew last; `body_hash` counts if
  // wants_body_hash().
  void put_into(RequestHead& head, std::string_view body_hash);
  // True if the request has a signature that may have to be made anew, and that covers the SHA-256
  // of the body, in hexadecimal digits, which no field tells.
  [[nodiscard]] bool wants_body_hash(const RequestHead& head) const;
  // For a body whose chunks are signed like the head; null: they are not. Once, after put_into().
  [[nodiscard]] std::unique_ptr<AwsChunkSigner> take_chunk_signer() {
    return std::move(chunk_signer_);
  }
  // The part of the answer that the client asked for, if it asked for a wider one. After
  // put_into().
  [[nodiscard]] const std::optional<AskedPart>& part() const noexcept { return part_; }
  // For the request's body; empty: nothing is put into it.
  [[nodiscard]] std::vector<const SwapPair*> for_body() const;
  // False if the request's body may get another length by that.
  [[nodiscard]] bool keeps_body_length() const;

  // An answer's status line and fields: names and values.
  void take_out_of(ResponseHead& head) const;
  void take_out_of(Fields& fields) const;
  // For the answer's body. After put_into().
  [[nodiscard]] const std::vector<const SwapPair*>& for_answer() const noexcept { return back_; }

 private:
  enum class Part : std::uint8_t { CredentialField, OtherField, Query, Body };
  [[nodiscard]] std::vector<const SwapPair*> pairs_of(Part part) const;
  // A value may leave in one of these requests: a key that only signs does not, so an answer cannot
  // have it, and may come in parts.
  [[nodiscard]] bool sends_values() const;
  void put_into_fields(Fields& fields);
  void put_into_query(std::string& target) const;
  // False if no part of the answer is asked for.
  bool ask_for_whole_values(RequestHead& head);
  // An answer that has it gives the client what the client sent.
  void take_back(Spelling made);
  [[nodiscard]] bool signs() const;
  struct Signing {
    AwsSignature signature;
    AwsPath path;
    ByteView placeholder;
    ByteView key;
  };
  [[nodiscard]] std::optional<Signing> signing_of(const RequestHead& head,
                                                  std::string_view body_hash) const;

  // A text that was made of a value, and the client's own: one spelling of that in a Basic field,
  // or a signature.
  struct MadePair {
    explicit MadePair(Spelling text_in) : text(std::move(text_in)), back(text.text, text.shown) {}
    Spelling text;
    SwapPair back;  // has views into it, so it stays where it was made
  };

  const std::shared_ptr<const CredentialSet> set_;
  const std::vector<const Credential*> credentials_;
  std::list<MadePair> made_;
  std::vector<const SwapPair*> back_;
  std::unique_ptr<AwsChunkSigner> chunk_signer_;
  std::optional<AskedPart> part_;
};

}  // namespace bottle
