#include "proxy/credentials/aws_signature.h"

#include "certs/digest.h"
#include "tests/unit/credentials/credential_bench.h"

namespace bottle::test {
namespace {

const std::string kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
// Of AWS's own examples.
const std::string kSuiteKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const std::string kS3Key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

struct Example {
  std::string method, target, host, time, scope, names;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body, key, digits;
};

RequestHead head_of(const Example& one, const std::string& digits) {
  RequestHead head;
  head.method = one.method;
  head.target = one.target;
  head.authority = one.host;
  head.fields.add("X-Amz-Date", one.time);
  for (const auto& [name, value] : one.fields) head.fields.add(name, value);
  head.fields.add("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + one.scope +
                                       ", SignedHeaders=" + one.names + ", Signature=" + digits);
  return head;
}

const std::string kScope = "20150830/us-east-1/service/aws4_request";
const std::string kTime = "20150830T123600Z";

// Of the test suite for Signature Version 4 and of the documentation of S3.
const std::vector<Example>& examples() {
  static const std::vector<Example> kExamples{
      {"GET",
       "/",
       "example.amazonaws.com",
       kTime,
       kScope,
       "host;x-amz-date",
       {},
       "",
       kSuiteKey,
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"GET",
       "/?Param2=value2&Param1=value1",
       "example.amazonaws.com",
       kTime,
       kScope,
       "host;x-amz-date",
       {},
       "",
       kSuiteKey,
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"GET",
       "/%E1%88%B4",
       "example.amazonaws.com",
       kTime,
       kScope,
       "host;x-amz-date",
       {},
       "",
       kSuiteKey,
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"POST",
       "/",
       "example.amazonaws.com",
       kTime,
       kScope,
       "content-type;host;x-amz-date",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       kSuiteKey,
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"GET",
       "/test.txt",
       "examplebucket.s3.amazonaws.com",
       "20130524T000000Z",
       "20130524/us-east-1/s3/aws4_request",
       "host;range;x-amz-content-sha256;x-amz-date",
       {{"Range", "bytes=0-9"}, {"x-amz-content-sha256", kEmptyHash}},
       "",
       kS3Key,
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
  };
  return kExamples;
}

std::string digits_of(const RequestHead& head, AwsPath path, const std::string& body,
                      const std::string& key) {
  const auto signature = aws_signature_of(head);
  if (!signature) return "none";
  return aws_digits(head, *signature, path, hex(sha256(body)), key).value_or("none");
}

TEST(AwsSignature, IsThatOfTheExamples) {
  for (const Example& one : examples()) {
    const RequestHead head = head_of(one, one.digits);
    EXPECT_EQ(digits_of(head, AwsPath::AsItStands, one.body, one.key), one.digits) << one.target;
    EXPECT_NE(digits_of(head, AwsPath::AsItStands, one.body, one.key + "x"), one.digits);
    EXPECT_NE(digits_of(head, AwsPath::AsItStands, one.body + "x", one.key) == one.digits,
              needs_body_hash(head, *aws_signature_of(head)))
        << one.target;
  }
}

TEST(AwsSignature, SpacesAndRepeatedFieldsHaveOneForm) {
  Example one = examples()[0];
  one.names = "a;host;x-amz-date";
  one.fields = {{"A", " x   y "}, {"a", "z"}};
  const auto a = digits_of(head_of(one, one.digits), AwsPath::AsItStands, "", one.key);
  one.fields = {{"A", "x y,z"}};
  EXPECT_EQ(digits_of(head_of(one, one.digits), AwsPath::AsItStands, "", one.key), a);
  EXPECT_NE(a, "none");
}

TEST(AwsSignature, OtherAuthorizationsAreNone) {
  const std::string good = examples()[0].digits;
  const std::string scope = "Credential=A/" + kScope;
  for (const std::string& value :
       {std::string("AWS4-HMAC-SHA256"),
        "AWS4-HMAC-SHA256x " + scope + ", SignedHeaders=host, Signature=" + good,
        "AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=host, Signature=" + good.substr(1),
        "AWS4-HMAC-SHA256 Credential=A/b/c, SignedHeaders=host, Signature=" + good,
        "AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature=" + good,
        "AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=x-amz-date, Signature=" + good,
        "AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=host;host, Signature=" + good,
        "AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=xhost;host2, Signature=" + good,
        "AWS4-HMAC-SHA256 " + scope + ", Signature=" + good, "Bearer " + good}) {
    RequestHead head;
    head.fields.add("x-amz-date", kTime);
    head.fields.add("authorization", value);
    EXPECT_FALSE(aws_signature_of(head)) << value;
  }
  RequestHead head = head_of(examples()[0], good);
  head.fields.remove("x-amz-date");
  EXPECT_FALSE(aws_signature_of(head));
  Example absent = examples()[0];
  absent.names = "host;x-absent;x-amz-date";
  EXPECT_EQ(digits_of(head_of(absent, good), AwsPath::AsItStands, "", kSuiteKey), "none");
}

SecretSpec signing_key_kept_out() {
  KeptOut place;
  place.in_header = false;
  place.in_aws_signature = true;
  return kept_out(place, {"*.amazonaws.com"});
}

// The client signs with the placeholder.
Request signed_request(Example one, AwsPath path) {
  Request request;
  request.head = head_of(one, std::string(64, '0'));
  const std::string digits = digits_of(request.head, path, one.body, kPlaceholder);
  request.head = head_of(one, digits);
  if (!one.body.empty()) {
    request.head.has_body = true;
    request.body = std::make_unique<SlicedSource>(one.body, 5);
  }
  return request;
}

TEST(AwsSignature, IsMadeAnewWithTheValue) {
  SecretSpec token = kept_out({}, {"*.amazonaws.com"});
  token.name = "SESSION";
  token.value = "IQoJb3JpZ2luX2VjEJr8Rw3Tn6yBv1KxMd5GhJ2Lf4";
  token.kept_out->placeholder = "Wm5Xb2Nc8vZr4QyTs7UiE6Pj19gkHd5Xp2Vm9cQr7T";
  for (Example one : examples()) {
    for (const AwsPath path : {AwsPath::AsItStands, AwsPath::EscapedAgain}) {
      CredentialBench bench(std::vector{signing_key_kept_out(), token});
      one.names += path == AwsPath::AsItStands ? ";x-amz-security-token" : "";
      if (path == AwsPath::AsItStands) {
        one.fields.emplace_back("X-Amz-Security-Token", token.kept_out->placeholder);
      }
      bench.ask(signed_request(one, path), one.host);
      ASSERT_FALSE(bench.failure);
      const auto out = aws_signature_of(bench.inner.head);
      ASSERT_TRUE(out);
      EXPECT_EQ(out->digits, digits_of(bench.inner.head, path, one.body, kValue)) << one.target;
      EXPECT_EQ(bench.inner.head.fields.find("x-amz-security-token"), token.value);
      EXPECT_EQ(bench.inner.got, one.body);
    }
  }
}

TEST(AwsSignature, OnlyIfThePlaceholderMadeIt) {
  Example one = examples()[3];
  for (const int what : {0, 1, 2}) {
    CredentialBench bench(signing_key_kept_out());
    Request request = signed_request(one, AwsPath::AsItStands);
    if (what == 0) request.head.target = "/other";
    if (what == 1) request.body = std::make_unique<SlicedSource>("Param1=value2", 3);
    if (what == 2) request.head = head_of(one, std::string(64, 'a'));
    const auto before = aws_signature_of(request.head)->digits;
    bench.ask(std::move(request), one.host);
    EXPECT_EQ(aws_signature_of(bench.inner.head)->digits, before);
  }
}

TEST(AwsSignature, IsNotMadeAnewWithoutTheHost) {
  Example one = examples()[0];
  one.names = "x-amz-date";
  AwsSignature signature{
      .time = kTime, .scope = kScope, .fields = {"x-amz-date"}, .digits = std::string(64, '0')};
  Request request;
  request.head = head_of(one, signature.digits);
  const auto digits =
      aws_digits(request.head, signature, AwsPath::AsItStands, kEmptyHash, kPlaceholder);
  ASSERT_TRUE(digits);
  request.head = head_of(one, *digits);
  const std::string before(*request.head.fields.find("authorization"));
  CredentialBench bench(signing_key_kept_out());
  bench.ask(std::move(request), one.host);
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), before);
}

// The value does not leave, so no part of an answer can have a part of it.
TEST(AwsSignature, AnswersMayComeInPartsWhereAKeyOnlySigns) {
  Example one = examples().back();
  one.names = "host;range;x-amz-content-sha256;x-amz-date";
  CredentialBench bench(signing_key_kept_out());
  bench.ask(signed_request(one, AwsPath::AsItStands), one.host);
  EXPECT_TRUE(bench.inner.head.fields.has("range"));
  const auto out = aws_signature_of(bench.inner.head);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->fields,
            (std::vector<std::string>{"host", "range", "x-amz-content-sha256", "x-amz-date"}));
  EXPECT_EQ(out->digits, digits_of(bench.inner.head, AwsPath::AsItStands, "", kValue));
}

TEST(AwsSignature, CoversTheWiderPartThatIsAskedFor) {
  Example one = examples().back();
  SecretSpec key = signing_key_kept_out();
  key.kept_out->in_header = true;
  CredentialBench bench(std::move(key));
  bench.ask(signed_request(one, AwsPath::AsItStands), one.host);
  const auto range = bench.inner.head.fields.find("range");
  EXPECT_TRUE(range && range->starts_with("bytes=0-") && range != "bytes=0-9");
  const auto out = aws_signature_of(bench.inner.head);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->digits, digits_of(bench.inner.head, AwsPath::AsItStands, "", kValue));
}

TEST(AwsSignature, CoversNoFieldThatIsLeftOut) {
  Example one = examples().back();
  one.names = "host;if-range;range;x-amz-content-sha256;x-amz-date";
  one.fields[0].second = "bytes=0-9,20-29";
  one.fields.emplace_back("If-Range", "\"v1\"");
  SecretSpec key = signing_key_kept_out();
  key.kept_out->in_header = true;
  CredentialBench bench(std::move(key));
  bench.ask(signed_request(one, AwsPath::AsItStands), one.host);
  EXPECT_FALSE(bench.inner.head.fields.has("range"));
  EXPECT_FALSE(bench.inner.head.fields.has("if-range"));
  const auto out = aws_signature_of(bench.inner.head);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->fields, (std::vector<std::string>{"host", "x-amz-content-sha256", "x-amz-date"}));
  EXPECT_EQ(out->digits, digits_of(bench.inner.head, AwsPath::AsItStands, "", kValue));
}

TEST(AwsSignature, BodiesAreHeldWithinLimits) {
  Example one = examples()[3];
  CredentialBench bench(signing_key_kept_out());
  Request request = signed_request(one, AwsPath::AsItStands);
  request.body = std::make_unique<SlicedSource>(std::string((8u << 20) + 1, 'a'), 65536);
  bench.ask(std::move(request), one.host);
  ASSERT_TRUE(bench.failure);
  EXPECT_EQ(bench.failure->code, Code::BodyTooLarge);
  EXPECT_EQ(bench.inner.got, "");
  EXPECT_EQ(bench.decode.taken(), 0U);

  CredentialBench full(signing_key_kept_out());
  ASSERT_TRUE(full.decode.take(64u << 20));
  full.ask(signed_request(one, AwsPath::AsItStands), one.host);
  ASSERT_TRUE(full.failure);
  EXPECT_EQ(full.failure->code, Code::Overloaded);
}

RequestHead presigned_head(const std::string& digits, const std::string& expires = "86400") {
  RequestHead head;
  head.method = "GET";
  head.authority = "examplebucket.s3.amazonaws.com";
  head.target =
      "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%"
      "2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=" +
      expires + "&X-Amz-SignedHeaders=host&X-Amz-Signature=" + digits;
  return head;
}

const std::string kPresigned = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

// The example of S3's documentation.
TEST(AwsSignature, PresignedIsThatOfTheExample) {
  const RequestHead head = presigned_head(kPresigned);
  ASSERT_TRUE(aws_signature_of(head));
  EXPECT_EQ(aws_signature_of(head)->expires, 86400U);
  EXPECT_FALSE(needs_body_hash(head, *aws_signature_of(head)));
  EXPECT_EQ(digits_of(head, AwsPath::AsItStands, "", kS3Key), kPresigned);
  for (const char* const bad : {"", "1x", "99999999999999999999", "-1"}) {
    EXPECT_FALSE(aws_signature_of(presigned_head(kPresigned, bad))) << bad;
  }
  RequestHead twice = head;
  twice.target += "&X-Amz-Signature=" + kPresigned;
  EXPECT_FALSE(aws_signature_of(twice));
  RequestHead both = head;
  both.fields.add("authorization", "Bearer x");
  EXPECT_FALSE(aws_signature_of(both));
}

std::string presigned_by(const std::string& key, const std::string& expires) {
  return digits_of(presigned_head(std::string(64, '0'), expires), AwsPath::AsItStands, "", key);
}

TEST(AwsSignature, PresignedIsMadeAnewForAnHourAtMost) {
  for (const std::string expires : {"3600", "3601"}) {
    CredentialBench bench(signing_key_kept_out());
    Request request;
    request.head = presigned_head(presigned_by(kPlaceholder, expires), expires);
    bench.ask(std::move(request), "examplebucket.s3.amazonaws.com");
    const bool anew = expires == "3600";
    EXPECT_EQ(bench.inner.head.target,
              presigned_head(presigned_by(anew ? kValue : kPlaceholder, expires), expires).target);
  }
}

// A service that says which signature it got gives away one that is good for another client too.
TEST(AwsSignature, ComesBackAsTheClientMadeIt) {
  const std::string mine = presigned_by(kPlaceholder, "60");
  CredentialBench bench(signing_key_kept_out());
  bench.inner.answer.head.fields.add("x-given", presigned_by(kValue, "60"));
  bench.inner.answer.body =
      std::make_unique<SlicedSource>("<Given>" + presigned_by(kValue, "60") + "</Given>", 7);
  Request request;
  request.head = presigned_head(mine, "60");
  bench.ask(std::move(request), "examplebucket.s3.amazonaws.com");
  EXPECT_EQ(bench.head.fields.find("x-given"), mine);
  EXPECT_EQ(bench.body, "<Given>" + mine + "</Given>");
}

TEST(AwsSignature, PresignedCoversNoFieldThatIsLeftOut) {
  SecretSpec key = signing_key_kept_out();
  key.kept_out->in_header = true;
  Request request;
  request.head = presigned_head(std::string(64, '0'), "60");
  request.head.target.replace(request.head.target.find("=host&"), 6, "=host%3Bif-range&");
  request.head.fields.add("if-range", "\"v1\"");
  set_aws_digits(request.head, *aws_signature_of(request.head),
                 digits_of(request.head, AwsPath::AsItStands, "", kPlaceholder));
  CredentialBench bench(std::move(key));
  bench.ask(std::move(request), "examplebucket.s3.amazonaws.com");
  const auto out = aws_signature_of(bench.inner.head);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->fields, (std::vector<std::string>{"host"}));
  EXPECT_EQ(out->digits, digits_of(bench.inner.head, AwsPath::AsItStands, "", kValue));
}

}  // namespace
}  // namespace bottle::test
