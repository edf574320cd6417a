#include "certs/certificate_authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <set>
#include <thread>
#include <vector>

#include "certs/openssl_ptr.h"

namespace bottle {
namespace {

using openssl::GeneralNamesPtr;
using openssl::X509Ptr;

std::unique_ptr<CertificateAuthority> make_ca(
    CaNames names, std::vector<std::string> allow = {},
    WallClock::time_point now = WallClock::now(),
    std::chrono::hours lifetime = std::chrono::hours(720)) {
  CaOptions options;
  options.names = names;
  options.allow = std::move(allow);
  options.lifetime = lifetime;
  return CertificateAuthority::create(options, now).value();
}

ServerName name_of(std::string_view text) { return ServerName::parse(text).value(); }

X509Ptr parse(const std::string& pem) {
  const openssl::BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
}

std::chrono::seconds validity(X509* x) {
  int days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), X509_get0_notAfter(x));
  return std::chrono::hours(24 * days) + std::chrono::seconds(seconds);
}

bool critical(X509* x, int nid) {
  const int at = X509_get_ext_by_NID(x, nid, -1);
  return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(x, at)) == 1;
}

std::string text_of(X509* x) {
  const openssl::BioPtr out(BIO_new(BIO_s_mem()));
  X509_print(out.get(), x);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

TEST(CertificateAuthority, RootIsARoot) {
  const auto ca = make_ca(CaNames::Any);
  const X509Ptr root = parse(ca->root_pem());
  ASSERT_TRUE(root);
  EXPECT_EQ(X509_check_issued(root.get(), root.get()), X509_V_OK);
  EXPECT_EQ(X509_get_pathlen(root.get()), 1);
  EXPECT_TRUE(critical(root.get(), NID_basic_constraints));
  EXPECT_TRUE(critical(root.get(), NID_key_usage));
  EXPECT_EQ(X509_get_key_usage(root.get()), std::uint32_t{KU_KEY_CERT_SIGN | KU_CRL_SIGN});
  EXPECT_EQ(ca->fingerprint().size(), 95U);
}

TEST(CertificateAuthority, IntermediateMaySignServersOnly) {
  const auto ca = make_ca(CaNames::Any);
  X509* intermediate = ca->intermediate();
  EXPECT_EQ(X509_get_pathlen(intermediate), 0);
  EXPECT_TRUE(critical(intermediate, NID_basic_constraints));
  EXPECT_EQ(X509_get_extended_key_usage(intermediate), std::uint32_t{XKU_SSL_SERVER});
  EXPECT_LT(X509_get_ext_by_NID(intermediate, NID_name_constraints, -1), 0);
  EXPECT_FALSE(ca->constrained());
  EXPECT_TRUE(ca->warnings().empty());
}

TEST(CertificateAuthority, LeavesHaveTheProfile) {
  const auto ca = make_ca(CaNames::Any);
  std::set<std::string> serials;
  for (int i = 0; i < 2'000; ++i) {
    const std::string host = "h" + std::to_string(i) + ".example.test";
    const Result<Leaf> leaf = ca->mint(name_of(host), WallClock::now());
    ASSERT_TRUE(leaf.has_value());
    X509* x = leaf->certificate();
    ASSERT_EQ(X509_get_version(x), X509_VERSION_3);
    const ASN1_INTEGER* serial = X509_get0_serialNumber(x);
    ASSERT_EQ(ASN1_STRING_length(serial), 16);
    ASSERT_EQ(ASN1_STRING_type(serial), V_ASN1_INTEGER);  // not negative
    serials.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)), 16);
    ASSERT_EQ(X509_NAME_entry_count(X509_get_subject_name(x)), 0);
    ASSERT_EQ(X509_check_issued(ca->intermediate(), x), X509_V_OK);
    ASSERT_EQ(X509_verify(x, X509_get0_pubkey(ca->intermediate())), 1);
    ASSERT_EQ(X509_get_signature_nid(x), NID_ecdsa_with_SHA256);
    ASSERT_EQ(X509_get_key_usage(x), std::uint32_t{KU_DIGITAL_SIGNATURE});
    ASSERT_TRUE(critical(x, NID_key_usage));
    ASSERT_EQ(X509_get_extended_key_usage(x), std::uint32_t{XKU_SSL_SERVER});
    ASSERT_EQ(X509_check_ca(x), 0);
    ASSERT_GE(X509_get_ext_by_NID(x, NID_basic_constraints, -1), 0);
    ASSERT_NE(X509_get0_subject_key_id(x), nullptr);
    ASSERT_EQ(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x),
                                    X509_get0_subject_key_id(ca->intermediate())),
              0);
    ASSERT_TRUE(critical(x, NID_subject_alt_name));
    const GeneralNamesPtr names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x, NID_subject_alt_name, nullptr, nullptr)));
    ASSERT_EQ(sk_GENERAL_NAME_num(names.get()), 1);
    const GENERAL_NAME* only = sk_GENERAL_NAME_value(names.get(), 0);
    ASSERT_EQ(only->type, GEN_DNS);
    ASSERT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(only->d.dNSName)),
                          static_cast<std::size_t>(ASN1_STRING_length(only->d.dNSName))),
              host);
    ASSERT_LE(validity(x), std::chrono::hours(24));
    ASSERT_LE(ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(ca->intermediate())), 0);
    ASSERT_LT(X509_cmp_current_time(X509_get0_notBefore(x)), 0);
  }
  EXPECT_EQ(serials.size(), 2'000U);
}

TEST(CertificateAuthority, AddressesAreAddresses) {
  const auto ca = make_ca(CaNames::Any);
  for (const std::string address : {"192.0.2.7", "2001:db8::7"}) {
    const Result<Leaf> leaf = ca->mint(name_of(address), WallClock::now());
    ASSERT_TRUE(leaf.has_value());
    EXPECT_EQ(X509_check_ip_asc(leaf->certificate(), address.c_str(), 0), 1);
    EXPECT_NE(X509_check_host(leaf->certificate(), address.c_str(), 0, 0, nullptr), 1);
  }
}

TEST(CertificateAuthority, EveryRunHasItsOwnKeys) {
  std::set<std::string> keys;
  constexpr int kRuns = 20;
  for (int i = 0; i < kRuns; ++i) {
    const auto ca = make_ca(CaNames::Any);
    const Result<Leaf> leaf = ca->mint(name_of("a.test"), WallClock::now());
    const X509Ptr root = parse(ca->root_pem());
    for (X509* x : {root.get(), ca->intermediate(), leaf->certificate()}) {
      const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(x);
      keys.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(key)),
                   static_cast<std::size_t>(ASN1_STRING_length(key)));
    }
  }
  EXPECT_EQ(keys.size(), 3U * kRuns);
}

TEST(CertificateAuthority, ALeafEndsNoLaterThanTheCa) {
  const auto now = WallClock::now();
  const auto ca = make_ca(CaNames::Any, {}, now, std::chrono::hours(30));
  const Result<Leaf> late = ca->mint(name_of("a.test"), now + std::chrono::hours(29));
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->not_after(), ca->not_after());
  EXPECT_EQ(ASN1_TIME_compare(X509_get0_notAfter(late->certificate()),
                              X509_get0_notAfter(ca->intermediate())),
            0);
  const Result<Leaf> over = ca->mint(name_of("a.test"), now + std::chrono::hours(30));
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().reason, "ca_expired");
}

TEST(CertificateAuthority, AllowlistBecomesConstraints) {
  const auto ca = make_ca(CaNames::Allowlist, {"api.test", "*.wild.test", "deep.wild.test"});
  ASSERT_TRUE(ca->constrained());
  EXPECT_TRUE(critical(ca->intermediate(), NID_name_constraints));
  const std::string text = text_of(ca->intermediate());
  EXPECT_THAT(text, ::testing::HasSubstr("DNS:api.test"));
  EXPECT_THAT(text, ::testing::HasSubstr("DNS:wild.test"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("deep.wild.test")));
  EXPECT_THAT(text, ::testing::HasSubstr("IP:0.0.0.0/0.0.0.0"));
  EXPECT_THAT(text, ::testing::HasSubstr("IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0"));
}

// Verifies a minted leaf with OpenSSL's own rules.
bool accepted(const CertificateAuthority& ca, const std::string& name) {
  const Result<Leaf> leaf = ca.mint(name_of(name), WallClock::now());
  const X509Ptr root = parse(ca.root_pem());
  const openssl::X509StorePtr store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root.get());
  STACK_OF(X509)* chain = sk_X509_new_null();
  sk_X509_push(chain, ca.intermediate());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store.get(), leaf->certificate(), chain);
  X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
  const bool good = X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  sk_X509_free(chain);
  return good;
}

TEST(CertificateAuthority, ConstraintsBiteForEveryKindOfName) {
  struct Row {
    std::vector<std::string> allow;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  };
  const std::vector<Row> rows{
      {{"api.test"}, {"api.test"}, {"xapi.test", "test", "192.0.2.1", "2001:db8::1"}},
      {{"*.wild.test"}, {"a.wild.test", "a.b.wild.test"}, {"wild.test.evil", "192.0.2.1"}},
      {{"under_score.test"}, {"under_score.test", "a.under_score.test"}, {"score.test"}},
      {{"192.0.2.1"}, {"192.0.2.1"}, {"192.0.2.2", "2001:db8::1", "api.test"}},
      {{"[2001:db8::1]"}, {"2001:db8::1"}, {"2001:db8::2", "192.0.2.1", "api.test"}},
      {{}, {}, {"api.test", "192.0.2.1", "2001:db8::1"}},
      {{"*"}, {"api.test", "192.0.2.1", "2001:db8::1"}, {}}};
  for (const Row& row : rows) {
    const auto ca = make_ca(CaNames::Allowlist, row.allow);
    for (const auto& name : row.good) EXPECT_TRUE(accepted(*ca, name)) << name;
    for (const auto& name : row.bad) EXPECT_FALSE(accepted(*ca, name)) << name;
  }
}

TEST(CertificateAuthority, AListThatCannotBeExpressedIsSaidAloud) {
  for (const std::string entry : {"*", "api.*.test", "*a.test"}) {
    const auto ca = make_ca(CaNames::Allowlist, {"good.test", entry});
    EXPECT_FALSE(ca->constrained());
    ASSERT_EQ(ca->warnings().size(), 1U);
    EXPECT_THAT(ca->warnings()[0], ::testing::HasSubstr(entry));
  }
  const auto odd = make_ca(CaNames::Allowlist, {"good.test", "-hyphen.test", "*.192.0.2.1"});
  EXPECT_TRUE(odd->constrained());
  EXPECT_EQ(odd->warnings().size(), 2U);
}

TEST(CertificateAuthority, TooLongAListIsNotExpressed) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < CertificateAuthority::kMaxConstraints; ++i) {
    list.push_back("h" + std::to_string(i) + ".test");
  }
  EXPECT_TRUE(make_ca(CaNames::Allowlist, list)->constrained());
  list.emplace_back("one.more.test");
  const auto ca = make_ca(CaNames::Allowlist, list);
  EXPECT_FALSE(ca->constrained());
  EXPECT_EQ(ca->warnings().size(), 1U);
}

TEST(CertificateAuthority, ManyNamesArePutTogetherWhereTheyStandSideBySide) {
  std::vector<std::string> list{"api.alone.test", "www.few.test", "api.few.test"};
  for (int i = 0; i < 80; ++i) list.push_back("h" + std::to_string(i) + ".many.test");
  const auto ca = make_ca(CaNames::Allowlist, list);
  ASSERT_TRUE(ca->constrained());
  ASSERT_EQ(ca->warnings().size(), 1U);
  EXPECT_THAT(ca->warnings()[0], ::testing::HasSubstr("put together"));
  for (const char* const name : {"h7.many.test", "other.many.test", "www.few.test"}) {
    EXPECT_TRUE(accepted(*ca, name)) << name;
  }
  for (const char* const name : {"other.few.test", "alone.test", "other.test", "many.test.evil"}) {
    EXPECT_FALSE(accepted(*ca, name)) << name;
  }
  // Never a whole top-level domain, however many there are.
  std::vector<std::string> flat;
  for (int i = 0; i < 100; ++i) flat.push_back("h" + std::to_string(i) + ".test");
  const auto long_one = make_ca(CaNames::Allowlist, flat);
  EXPECT_FALSE(accepted(*long_one, "other.test"));
  EXPECT_TRUE(accepted(*long_one, "h99.test"));
  ASSERT_EQ(long_one->warnings().size(), 1U);
  EXPECT_THAT(long_one->warnings()[0], ::testing::HasSubstr("each TLS handshake"));
}

TEST(CertificateAuthority, SignsFromManyThreads) {
  const auto ca = make_ca(CaNames::Any);
  std::vector<std::thread> threads;
  std::array<int, 4> good{};
  for (std::size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&ca, &good, t] {
      for (int i = 0; i < 200; ++i) {
        const Result<Leaf> leaf =
            ca->mint(name_of("h" + std::to_string(i) + ".test"), WallClock::now());
        if (leaf && X509_verify(leaf->certificate(), X509_get0_pubkey(ca->intermediate())) == 1) {
          ++good[t];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : good) EXPECT_EQ(count, 200);
}

// CPU time a call, the best of several rounds.
template <class Call>
double microseconds(Call call) {
  constexpr int kCalls = 200;
  const auto cpu_time = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
  };
  double best = 1e9;
  for (int round = 0; round < 8; ++round) {
    const double start = cpu_time();
    for (int i = 0; i < kCalls; ++i) call();
    best = std::min(best, (cpu_time() - start) / kCalls);
  }
  return best;
}

// Not a test of speed: prints what a leaf costs, and fails only when keys took the slow way by
// a factor that no machine explains.
TEST(CertificateAuthority, ALeafCostsLittleMoreThanItsSignature) {
  const auto ca = make_ca(CaNames::Any);
  const ServerName name = name_of("api.example.test");
  const double leaf =
      microseconds([&] { EXPECT_TRUE(ca->mint(name, WallClock::now()).has_value()); });
  const double signature = microseconds([&] {
    std::array<unsigned char, 80> out{};
    std::size_t size = out.size();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, ca->leaf_key());
    EXPECT_EQ(EVP_DigestSign(context, out.data(), &size, out.data(), 32), 1);
    EVP_MD_CTX_free(context);
  });
  std::printf("a leaf: %.1f us; a signature alone: %.1f us\n", leaf, signature);
  EXPECT_LT(leaf, 5 * signature) << "is the leaf key a provider key?";
}

}  // namespace
}  // namespace bottle
