#include "proxy/credentials/aws_chunk_signer.h"

#include "tests/unit/credentials/credential_bench.h"

namespace bottle::test {
namespace {

const std::string kKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const std::string kNone(64, '0');

struct Example {
  std::string seed;
  std::vector<std::string> chunks;  // the signatures of 65536, 1024 and 0 bytes
  std::string trailer;              // with its signature
};

// Of S3's documentation on chunks, without and with a trailer.
const Example kPlain{"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
                     {"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                      "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                      "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"},
                     ""};
const Example kTrailer{"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
                       {"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"},
                       "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
                       "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"};

std::string body_of(const Example& one) {
  return "10000;chunk-signature=" + one.chunks[0] + "\r\n" + std::string(65536, 'a') + "\r\n" +
         "400;chunk-signature=" + one.chunks[1] + "\r\n" + std::string(1024, 'a') + "\r\n" +
         "0;chunk-signature=" + one.chunks[2] + "\r\n" + one.trailer + "\r\n";
}

AwsSignature head_of(const std::string& digits) {
  return {.time = "20130524T000000Z",
          .scope = "20130524/us-east-1/s3/aws4_request",
          .fields = {"host"},
          .digits = digits};
}

std::string anew(const std::string& body, const std::string& from, const std::string& to,
                 const std::string& from_key, const std::string& to_key, std::size_t piece) {
  AwsChunkSigner signer(head_of(from), to, from_key, to_key);
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    out += signer.feed(ByteView(body).substr(at, piece));
    EXPECT_LE(signer.held(), 65536U + 256U + piece);
  }
  return out + signer.finish();
}

TEST(AwsChunkSigner, SignaturesAreThoseOfTheExamples) {
  for (const Example& one : {kPlain, kTrailer}) {
    const std::string body = body_of(one);
    const std::string seed(64, 'b');
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7000}, body.size()}) {
      const std::string other = anew(body, one.seed, seed, kKey, kValue, piece);
      EXPECT_EQ(other.size(), body.size());
      for (const std::string& digits : one.chunks) EXPECT_EQ(other.find(digits), other.npos);
      EXPECT_EQ(other.find("d81f82fc"), other.npos);
      // With the keys and the seeds the other way round it is the client's again.
      EXPECT_EQ(anew(other, seed, one.seed, kValue, kKey, piece), body);
    }
  }
}

TEST(AwsChunkSigner, FromAForeignSignatureOnNothingIsMadeAnew) {
  const std::string body = body_of(kTrailer);
  EXPECT_EQ(anew(body, kTrailer.seed, kNone, kValue, kKey, 1000), body);
  std::string changed = body;
  changed[body.find("400;") + 100] = 'b';
  const std::string out = anew(changed, kTrailer.seed, kNone, kKey, kValue, 1000);
  EXPECT_EQ(out.find(kTrailer.chunks[0]), out.npos);
  EXPECT_EQ(out.substr(65536 + 200), changed.substr(65536 + 200));
}

TEST(AwsChunkSigner, WhatIsNoFramingPassesAsItIs) {
  for (const std::string& body :
       {std::string(1000, '1'), std::string("x;chunk-signature="), std::string("\r\n\r\n"),
        "10;chunk-signature=" + kNone + "0\r\n", std::string("10\r\n0123456789abcdef\r\n0\r\n\r\n"),
        "0;chunk-signature=" + kPlain.seed + "\r\n" + std::string(20000, 't')}) {
    EXPECT_EQ(anew(body, kPlain.seed, kNone, kKey, kValue, 3), body);
  }
}

Request chunked_request(const std::string& body) {
  Request request;
  request.head.method = "PUT";
  request.head.target = "/o";
  request.head.authority = "s3.amazonaws.com";
  request.head.fields.add("x-amz-date", head_of("").time);
  request.head.fields.add("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  request.head.fields.add("authorization", "AWS4-HMAC-SHA256 Credential=A/" + head_of("").scope +
                                               ", SignedHeaders=host, Signature=" + kNone);
  const auto sent = aws_signature_of(request.head);
  const auto digits = aws_digits(request.head, *sent, AwsPath::AsItStands, "", kPlaceholder);
  set_aws_digits(request.head, *sent, *digits);
  request.head.has_body = true;
  const std::string signed_by_client =
      anew(body, kPlain.seed, *digits, kKey, kPlaceholder, body.size());
  request.body = std::make_unique<SlicedSource>(signed_by_client, 5000);
  return request;
}

SecretSpec signing() {
  KeptOut place;
  place.in_header = false;
  place.in_aws_signature = true;
  return kept_out(place, {"*.amazonaws.com"});
}

TEST(AwsChunkSigner, ARequestsChunksFollowItsHead) {
  const std::string body = body_of(kPlain);
  CredentialBench bench(signing());
  bench.ask(chunked_request(body), "s3.amazonaws.com");
  ASSERT_FALSE(bench.failure);
  const auto out = aws_signature_of(bench.inner.head);
  ASSERT_TRUE(out);
  EXPECT_EQ(bench.inner.got, anew(body, kPlain.seed, out->digits, kKey, kValue, 999));
  EXPECT_EQ(bench.decode.taken(), 0U);
}

TEST(AwsChunkSigner, ALongChunkAndAFullMemoryEndTheBody) {
  Request request = chunked_request(body_of(kPlain));
  request.body = std::make_unique<SlicedSource>("100001;chunk-signature=" + kNone + "\r\naaaa", 10);
  CredentialBench bench(signing());
  bench.ask(std::move(request), "s3.amazonaws.com");
  ASSERT_TRUE(bench.inner.failed);
  EXPECT_EQ(bench.inner.failed->code, Code::BodyTooLarge);
  EXPECT_EQ(bench.inner.got, "");

  CredentialBench full(signing());
  ASSERT_TRUE(full.decode.take(64u << 20));
  full.ask(chunked_request(body_of(kPlain)), "s3.amazonaws.com");
  ASSERT_TRUE(full.inner.failed);
  EXPECT_EQ(full.inner.failed->code, Code::Overloaded);
}

}  // namespace
}  // namespace bottle::test
