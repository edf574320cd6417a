#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "certs/digest.h"
#include "proxy/base/bytes.h"
#include "proxy/http/head.h"

namespace bottle {

// AWS Signature Version 4 in the field Authorization, or in the query (presigned URLs). Not version
// 4A. It is made anew with the value of a key of which the client has the placeholder. Only a
// signature that the placeholder made is: then the request was read here as the client read it.

// The canonical path: as it stands in the request (S3), or with its escapes escaped again.
enum class AwsPath : std::uint8_t { AsItStands, EscapedAgain };

inline constexpr std::size_t kAwsDigits = 64;  // that a signature has

struct AwsSignature {
  enum class Place : std::uint8_t { Field, Query };
  std::string time;                 // of X-Amz-Date
  std::string scope;                // "20260101/us-east-1/s3/aws4_request"
  std::vector<std::string> fields;  // that are signed, in lower case
  std::string digits;               // the signature
  Place place = Place::Field;
  std::uint64_t expires = 0;  // seconds from `time` on; a field's are the service's to know
};

// A presigned URL that is good for more seconds is not made anew: a host may keep it in a log that
// the agent can read. SDKs presign for an hour at most, unless they are asked to.
inline constexpr std::uint64_t kMaxAwsExpires = 3600;

// The signature by which the client says what it sent. Nothing if the request has no such
// signature, two, or one that does not cover the host: it would be good for another one too.
[[nodiscard]] std::optional<AwsSignature> aws_signature_of(const RequestHead& head);

// True if the signature covers the hash of a body that no field tells.
[[nodiscard]] bool needs_body_hash(const RequestHead& head, const AwsSignature& signature);

// The key that signs within a scope. The caller overwrites it.
[[nodiscard]] Digest aws_signing_key(ByteView secret, std::string_view scope);

// The digits of the head's signature by `secret`; `body_hash` counts if needs_body_hash(). Nothing
// if a field that is signed is not there.
[[nodiscard]] std::optional<std::string> aws_digits(const RequestHead& head,
                                                    const AwsSignature& signature, AwsPath path,
                                                    std::string_view body_hash, ByteView secret);

// Takes a field out of those that are signed, in `signature` and in the head.
void unsign_aws_field(RequestHead& head, AwsSignature& signature, std::string_view name);

// Puts other digits in the place of the head's.
void set_aws_digits(RequestHead& head, const AwsSignature& signature, std::string_view digits);

}  // namespace bottle
