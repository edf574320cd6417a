#include "launcher/trust_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "launcher/java_trust_store.h"
#include "launcher/process.h"

namespace bottle::launcher {
namespace {

using testing::HasSubstr;

TEST(TrustEnv, WhatAppendsGetsTheCaAndWhatReplacesGetsTheBundle) {
  const auto env = trust_environment({});
  for (const char* name : {"NODE_EXTRA_CA_CERTS", "DENO_CERT"}) {
    EXPECT_EQ(env.at(name), kCaPath) << name;
  }
  for (const char* name :
       {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT",
        "npm_config_cafile", "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NIX_SSL_CERT_FILE"}) {
    EXPECT_EQ(env.at(name), kBundlePath) << name;
  }
  EXPECT_EQ(env.at("NODE_USE_ENV_PROXY"), "1");
}

TEST(TrustEnv, ProxyVariablesComeInBothCases) {
  const auto env = trust_environment({.proxy_host = "10.0.0.1", .proxy_port = 4000});
  for (const std::string name :
       {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY", "NO_PROXY"}) {
    std::string lower;
    for (const char c : name) lower += static_cast<char>(std::tolower(c));
    EXPECT_EQ(env.at(name), env.at(lower));
    EXPECT_EQ(env.at(name),
              name == "NO_PROXY" ? "localhost,127.0.0.1,::1" : "http://10.0.0.1:4000");
  }
  EXPECT_EQ(env.at("CLOUDSDK_PROXY_PORT"), "4000");
}

TEST(TrustEnv, JavaOnlyWhereThereIsOneAndAfterTheUsersOwn) {
  EXPECT_FALSE(trust_environment({}).contains("JAVA_TOOL_OPTIONS"));
  const auto env = trust_environment({.java = true, .java_tool_options = "-Xmx1g"});
  EXPECT_THAT(env.at("JAVA_TOOL_OPTIONS"), testing::StartsWith("-Xmx1g -D"));
  EXPECT_THAT(env.at("JAVA_TOOL_OPTIONS"), HasSubstr("-Dhttps.proxyPort=3128"));
  EXPECT_EQ(trust_environment({.java_tool_options = "-Xmx1g"}).at("JAVA_TOOL_OPTIONS"), "-Xmx1g");
}

TEST(TrustEnv, TheTableNamesEachVariableOnce) {
  std::set<std::string_view> names;
  for (const auto& variable : trust_table()) {
    EXPECT_TRUE(names.insert(variable.name).second) << variable.name;
    EXPECT_TRUE(is_trust_variable(variable.name));
    EXPECT_FALSE(variable.who.empty()) << variable.name;
  }
  EXPECT_FALSE(is_trust_variable("PATH"));
}

TEST(JavaTrustStore, NeedsACertificate) {
  EXPECT_FALSE(java_trust_store("", "changeit"));
  EXPECT_FALSE(java_trust_store("-----BEGIN CERTIFICATE-----\n", "changeit"));
}

// Java itself is the judge of the format.
TEST(JavaTrustStore, KeytoolReadsIt) {
  if (!find_program("keytool", "/usr/bin:/bin") || !find_program("openssl", "/usr/bin:/bin")) {
    GTEST_SKIP() << "keytool (a JDK) or openssl is missing";
  }
  std::string pattern = testing::TempDir() + "java-XXXXXX";
  const std::filesystem::path dir = ::mkdtemp(pattern.data());
  const std::string pem = (dir / "ca.pem").string();
  ASSERT_EQ(std::system(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                         "-subj /CN=test -days 1 -keyout /dev/null -out " +
                         pem + " 2>/dev/null")
                            .c_str()),
            0);
  std::ifstream in(pem);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto store = java_trust_store(text, "changeit");
  ASSERT_TRUE(store);
  const std::string file = (dir / "store.jks").string();
  std::ofstream(file, std::ios::binary) << *store;
  const std::string list = "keytool -list -storetype JKS -keystore " + file + " -storepass ";
  EXPECT_EQ(std::system((list + "changeit 2>/dev/null | grep -q trustedCertEntry").c_str()), 0);
  EXPECT_NE(std::system((list + "otherpass >/dev/null 2>&1").c_str()), 0);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace bottle::launcher
