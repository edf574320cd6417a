#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/http/head.h"

namespace bottle {

// AWS Signature Version 4 in the field Authorization. (Neither version 4A, nor one in the query,
// nor one of each chunk of a body.) It is made anew with the value of a key of which the client has
// the placeholder. Only a signature that the placeholder made is: then the request was read here as
// the client read it.

// The canonical path: as it stands in the request (S3), or with its escapes escaped again.
enum class AwsPath : std::uint8_t { AsItStands, EscapedAgain };

struct AwsSignature {
  std::string time;                 // of X-Amz-Date
  std::string scope;                // "20260101/us-east-1/s3/aws4_request"
  std::vector<std::string> fields;  // that are signed, in lower case
  std::string digits;               // the signature
};

// The signature by which the client says what it sent. Nothing if the request has no such
// signature, or one that does not cover the host: it would be good for another one too.
[[nodiscard]] std::optional<AwsSignature> aws_signature_of(const RequestHead& head);

// True if the signature covers the hash of a body that no field tells.
[[nodiscard]] bool needs_body_hash(const RequestHead& head);

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
