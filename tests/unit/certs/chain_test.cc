// Common verifiers judge our chain: accepted for every shape of name, and refused
// outside the constraints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <sstream>
#include <vector>

#include "certs/certificate_authority.h"
#include "certs/openssl_ptr.h"
#include "tests/unit/certs/tools.h"

namespace bottle {
namespace {

using test::Ran;
using test::run;
using test::TempDir;
using ::testing::HasSubstr;

std::string long_name() {  // 253 bytes, as long as a name may be
  const std::string label(63, 'a');
  return label + '.' + label + '.' + label + '.' + std::string(56, 'b') + ".test";
}

const std::vector<std::string>& good_names() {
  static const std::vector<std::string> names{"api.example.test",
                                              "localhost",
                                              "x",
                                              std::string(63, 'l') + ".test",
                                              long_name(),
                                              "xn--bcher-kva.test",
                                              "deep.below.wild.test",
                                              "192.0.2.7",
                                              "2001:db8::7"};
  return names;
}

const std::vector<std::string>& bad_names() {
  static const std::vector<std::string> names{"evil.test", "example.test", "xapi.example.test",
                                              "192.0.2.8", "2001:db8::8"};
  return names;
}

std::string key_pem(const CertificateAuthority& ca) {
  const openssl::BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(out.get(), ca.leaf_key(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

class Chain : public ::testing::Test {
 protected:
  void SetUp() override {
    CaOptions options;
    options.names = CaNames::Allowlist;
    options.allow = good_names();
    options.allow[6] = "*.wild.test";
    ca_ = CertificateAuthority::create(options).value();
    ASSERT_TRUE(ca_->constrained());
    ASSERT_TRUE(ca_->warnings().empty());
    root_ = dir_.write("root.pem", ca_->root_pem());
    intermediate_ = dir_.write("intermediate.pem", ca_->intermediate_pem());
    key_ = dir_.write("key.pem", key_pem(*ca_));
  }

  std::filesystem::path chain_for(const std::string& name) {
    const auto leaf = ca_->mint(ServerName::parse(name).value(), WallClock::now());
    return dir_.write("chain-" + std::to_string(count_++) + ".pem",
                      leaf.value().pem() + ca_->intermediate_pem());
  }

  // One of tests/unit/certs/verifiers, run once for all names.
  void expect_verdicts(const std::string& command) {
    std::string all = command + " " + root_.string() + " " + key_.string();
    for (const auto& name : good_names()) all += " " + chain_for(name).string() + " " + name;
    for (const auto& name : bad_names()) all += " " + chain_for(name).string() + " " + name;
    // A good chain for another name.
    all += " " + chain_for("localhost").string() + " api.example.test";
    const Ran ran = run(all);
    ASSERT_EQ(ran.status, 0) << ran.output;
    std::istringstream lines(ran.output);
    std::string line;
    for (const auto& name : good_names()) {
      std::getline(lines, line);
      EXPECT_EQ(line, "ok " + name);
    }
    for (const auto& name : bad_names()) {
      std::getline(lines, line);
      EXPECT_THAT(line, ::testing::StartsWith("refused " + name));
    }
    std::getline(lines, line);
    EXPECT_THAT(line, ::testing::StartsWith("refused api.example.test"));
  }

  static std::string verifier(const std::string& file) {
    return std::string(BOTTLE_TESTS_DIR) + "/unit/certs/verifiers/" + file;
  }

  TempDir dir_;
  std::unique_ptr<CertificateAuthority> ca_;
  std::filesystem::path root_, intermediate_, key_;
  int count_ = 0;
};

TEST_F(Chain, OpensslStrictAcceptsIt) {
  const auto verify = [this](const std::string& name) {
    const bool ip = ServerName::parse(name).value().is_ip();
    return run("openssl verify -x509_strict -purpose sslserver -verify_" +
               std::string(ip ? "ip " : "hostname ") + name + " -CAfile " + root_.string() +
               " -untrusted " + intermediate_.string() + " " + chain_for(name).string());
  };
  for (const auto& name : good_names()) {
    const Ran ran = verify(name);
    EXPECT_EQ(ran.status, 0) << name << ": " << ran.output;
  }
  for (const auto& name : bad_names()) {
    const Ran ran = verify(name);
    EXPECT_NE(ran.status, 0) << name;
    EXPECT_THAT(ran.output, ::testing::AnyOf(HasSubstr("permitted subtree violation"),
                                             HasSubstr("excluded subtree violation")))
        << name;
  }
}

TEST_F(Chain, PythonStrictAcceptsIt) {
  if (!test::installed("python3")) GTEST_SKIP() << "python3 is not installed";
  expect_verdicts("python3 " + verifier("verify.py"));
}

TEST_F(Chain, NodeAcceptsIt) {
  if (!test::installed("node")) GTEST_SKIP() << "node is not installed";
  expect_verdicts("node " + verifier("verify.js"));
}

TEST_F(Chain, GoAcceptsIt) {
  if (!test::installed("go")) GTEST_SKIP() << "go is not installed";
  expect_verdicts("GO111MODULE=off go run " + verifier("verify.go"));
}

TEST_F(Chain, JavaAcceptsIt) {
  if (!test::installed("java") || !test::installed("javac")) {
    GTEST_SKIP() << "no JDK is installed";
  }
  expect_verdicts("java " + verifier("Verify.java"));
}

TEST_F(Chain, GnutlsAcceptsIt) {
  if (!test::installed("certtool")) GTEST_SKIP() << "certtool (gnutls-bin) is not installed";
  const auto verify = [this](const std::string& name) {
    return run("certtool --verify --load-ca-certificate " + root_.string() + " --verify-hostname " +
               name + " --verify-purpose 1.3.6.1.5.5.7.3.1 --infile " + chain_for(name).string());
  };
  for (const auto& name : good_names()) {
    const Ran ran = verify(name);
    EXPECT_EQ(ran.status, 0) << name << ": " << ran.output;
  }
  for (const auto& name : bad_names()) {
    const Ran ran = verify(name);
    EXPECT_NE(ran.status, 0) << name << ran.output;
  }
}

}  // namespace
}  // namespace bottle
