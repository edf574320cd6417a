#include "proxy/tls/origin_trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/unit/tls/pki.h"

namespace bottle {
namespace {

using namespace test;
using testing::HasSubstr;

// Verifies a chain of `leaf` and `between` against these roots: X509_V_OK, or why not.
int verified(const OriginTrust& trust, const Identity& leaf,
             const std::vector<const Identity*>& between = {}) {
  const std::unique_ptr<X509_STORE_CTX, openssl::Deleter<&X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  STACK_OF(X509)* chain = sk_X509_new_null();
  for (const Identity* one : between) sk_X509_push(chain, one->certificate.get());
  EXPECT_EQ(X509_STORE_CTX_init(context.get(), trust.store(), leaf.certificate.get(), chain), 1);
  X509_verify_cert(context.get());
  const int verdict = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(chain);
  return verdict;
}

// Roots in a file that SSL_CERT_FILE names: the system's.
class SystemRoots : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-test-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    if (const char* before = std::getenv("SSL_CERT_FILE")) before_ = before;
  }
  void TearDown() override {
    std::filesystem::remove_all(directory_);
    before_.empty() ? ::unsetenv("SSL_CERT_FILE") : ::setenv("SSL_CERT_FILE", before_.c_str(), 1);
  }

  [[nodiscard]] std::filesystem::path file(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
    return directory_ / name;
  }
  Expected<std::shared_ptr<const OriginTrust>> load(const std::string& system,
                                                    const std::filesystem::path& own = {}) {
    ::setenv("SSL_CERT_FILE", file("system.pem", system).c_str(), 1);
    return OriginTrust::load(own);
  }

  std::filesystem::path directory_;
  std::string before_;
};

std::string with_broken_key(const Identity& root) {
  // The last 16 bytes of the key, which stand right before the extensions: the names stay.
  unsigned char* der = nullptr;
  const int size = i2d_X509(root.certificate.get(), &der);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(root.certificate.get());
  const std::string point(reinterpret_cast<const char*>(ASN1_STRING_get0_data(key)), 65);
  const std::size_t at = bytes.find(point);
  EXPECT_NE(at, std::string::npos);
  bytes[at] = '\x09';  // no form of a point
  const openssl::BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio(out.get(), "CERTIFICATE", "", reinterpret_cast<const unsigned char*>(bytes.data()),
                size);
  char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

TEST_F(SystemRoots, ARootIsFoundByTheNameThatAChainEndsIn) {
  const Identity first = issue(ca_wish("first root"), nullptr);
  const Identity second = issue(ca_wish("second root"), nullptr);
  const Identity unknown = issue(ca_wish("unknown root"), nullptr);
  const auto trust = load(first.pem() + "# a comment\n" + second.pem());
  ASSERT_TRUE(trust) << trust.error().message;
  EXPECT_EQ((*trust)->size(), 2U);
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(verified(**trust, issue(Wish(), &first)), X509_V_OK);
    const Identity between = issue(ca_wish("between"), &second);
    EXPECT_EQ(verified(**trust, issue(Wish(), &between), {&between}), X509_V_OK);
    EXPECT_EQ(verified(**trust, issue(Wish(), &unknown)),
              X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  }
}

TEST_F(SystemRoots, OfRootsWithOneNameEachIsTried) {
  const Identity old_key = issue(ca_wish("one name"), nullptr);
  const Identity new_key = issue(ca_wish("one name"), nullptr);
  const Identity impostor = issue(ca_wish("one name"), nullptr);
  const auto trust = load(old_key.pem() + new_key.pem());
  ASSERT_TRUE(trust) << trust.error().message;
  EXPECT_EQ(verified(**trust, issue(Wish(), &new_key)), X509_V_OK);
  EXPECT_EQ(verified(**trust, issue(Wish(), &old_key)), X509_V_OK);
  EXPECT_NE(verified(**trust, issue(Wish(), &impostor)), X509_V_OK);
}

TEST_F(SystemRoots, OneThatCannotBeDecodedVouchesForNothing) {
  const Identity good = issue(ca_wish("good root"), nullptr);
  const Identity bad = issue(ca_wish("bad root"), nullptr);
  const auto trust = load(with_broken_key(bad) + good.pem());
  ASSERT_TRUE(trust) << trust.error().message;
  EXPECT_NE(verified(**trust, issue(Wish(), &bad)), X509_V_OK);
  EXPECT_EQ(verified(**trust, issue(Wish(), &good)), X509_V_OK);
}

TEST_F(SystemRoots, WhatIsNoCertificateIsAnError) {
  const Identity root = issue(ca_wish("a root"), nullptr);
  const std::string stub = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  for (const std::string& text : {root.pem() + stub, std::string("no PEM"), std::string()}) {
    const auto trust = load(text);
    ASSERT_FALSE(trust) << text;
    EXPECT_EQ(trust.error().code, ExitCode::kFiles);
    EXPECT_THAT(trust.error().message, HasSubstr("system.pem"));
  }
}

TEST_F(SystemRoots, WhatAPersonNamedMustBeReadableAsAWhole) {
  const Identity root = issue(ca_wish("a root"), nullptr);
  const Identity own = issue(ca_wish("own root"), nullptr);
  const auto trust = load(root.pem(), file("own.pem", own.pem()));
  ASSERT_TRUE(trust) << trust.error().message;
  EXPECT_EQ((*trust)->size(), 2U);
  EXPECT_EQ(verified(**trust, issue(Wish(), &own)), X509_V_OK);
  EXPECT_EQ(verified(**trust, issue(Wish(), &root)), X509_V_OK);
  const auto broken = load(root.pem(), file("own.pem", with_broken_key(own)));
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("own.pem"));
}

TEST_F(SystemRoots, ManyThreadsAskForOneRootAtOnce) {
  const Identity root = issue(ca_wish("a root"), nullptr);
  const Identity leaf = issue(Wish(), &root);
  for (int round = 0; round < 20; ++round) {
    const auto trust = load(root.pem());
    ASSERT_TRUE(trust);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { EXPECT_EQ(verified(**trust, leaf), X509_V_OK); });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(OriginTrust, NeedsCertificates) {
  const Identity root = issue(ca_wish("a root"), nullptr);
  EXPECT_FALSE(OriginTrust::from_pem("").has_value());
  EXPECT_FALSE(OriginTrust::from_pem("no PEM").has_value());
  EXPECT_FALSE(OriginTrust::from_pem(root.pem() + "-----BEGIN CERTIFICATE-----\nMIIB\n"
                                                  "-----END CERTIFICATE-----\n")
                   .has_value());
  EXPECT_EQ(OriginTrust::from_pem(root.pem()).value()->size(), 1U);
}

}  // namespace
}  // namespace bottle
