#include "launcher/manifest/trust_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

using testing::HasSubstr;

constexpr const char* kNoProxy = "localhost,127.0.0.1,::1,0.0.0.0,bottle,all://[::1]/ [::1]";

TEST(TrustEnv, TheOwnHostNameIsExceptedWhereThereIsOne) {
  const auto env = trust_environment({.java = true, .own_name = ""});
  EXPECT_EQ(env.at("no_proxy"), "localhost,127.0.0.1,::1,0.0.0.0,all://[::1]/ [::1]");
  EXPECT_THAT(env.at("JAVA_TOOL_OPTIONS"), testing::EndsWith("|0.0.0.0"));
}

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
    EXPECT_EQ(env.at(name), name == "NO_PROXY" ? kNoProxy : "http://10.0.0.1:4000");
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

struct Row {
  const char* name;
  const char* value;  // with the settings of the test
};

// By hand, row for row: what a program gets that reads this variable.
class TrustRow : public testing::TestWithParam<Row> {};

TEST_P(TrustRow, HasItsValue) {
  const auto env = trust_environment({.proxy_host = "192.0.2.7",
                                      .proxy_port = 4000,
                                      .java = true,
                                      .proxy_credentials = "me:it",
                                      .ca = "/c.pem",
                                      .bundle = "/b.pem"});
  ASSERT_TRUE(env.contains(GetParam().name));
  EXPECT_EQ(env.at(GetParam().name), GetParam().value);
}

constexpr const char* kRowProxy = "http://me:it@192.0.2.7:4000";
const Row kRows[] = {
    {"SSL_CERT_FILE", "/b.pem"},
    {"CURL_CA_BUNDLE", "/b.pem"},
    {"GIT_SSL_CAINFO", "/b.pem"},
    {"REQUESTS_CA_BUNDLE", "/b.pem"},
    {"PIP_CERT", "/b.pem"},
    {"HTTPLIB2_CA_CERTS", "/b.pem"},
    {"npm_config_cafile", "/b.pem"},
    {"NPM_CONFIG_CAFILE", "/b.pem"},
    {"YARN_HTTPS_CA_FILE_PATH", "/b.pem"},
    {"BUNDLE_SSL_CA_CERT", "/b.pem"},
    {"CARGO_HTTP_CAINFO", "/b.pem"},
    {"AWS_CA_BUNDLE", "/b.pem"},
    {"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "/b.pem"},
    {"NIX_SSL_CERT_FILE", "/b.pem"},
    {"PERL_LWP_SSL_CA_FILE", "/b.pem"},
    {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "/b.pem"},
    {"HEX_CACERTS_PATH", "/b.pem"},
    {"JULIA_SSL_CA_ROOTS_PATH", "/b.pem"},
    {"CONDA_SSL_VERIFY", "/b.pem"},
    {"COMPOSER_CAFILE", "/b.pem"},
    {"NODE_EXTRA_CA_CERTS", "/c.pem"},
    {"DENO_CERT", "/c.pem"},
    {"NODE_USE_ENV_PROXY", "1"},
    {"NODE_USE_SYSTEM_CA", "1"},
    {"DENO_TLS_CA_STORE", "system"},
    {"UV_SYSTEM_CERTS", "1"},
    {"UV_NATIVE_TLS", "1"},
    {"HTTP_PROXY", kRowProxy},
    {"http_proxy", kRowProxy},
    {"HTTPS_PROXY", kRowProxy},
    {"https_proxy", kRowProxy},
    {"ALL_PROXY", kRowProxy},
    {"all_proxy", kRowProxy},
    {"GRPC_PROXY", kRowProxy},
    {"grpc_proxy", kRowProxy},
    {"NO_PROXY", kNoProxy},
    {"no_proxy", kNoProxy},
    {"CLOUDSDK_PROXY_TYPE", "http"},
    {"CLOUDSDK_PROXY_ADDRESS", "192.0.2.7"},
    {"CLOUDSDK_PROXY_PORT", "4000"},
    {"JAVA_TOOL_OPTIONS",
     "-Djavax.net.ssl.trustStore=/run/bottle/truststore.jks -Djavax.net.ssl.trustStoreType=JKS "
     "-Djavax.net.ssl.trustStorePassword=changeit -Dhttp.proxyHost=192.0.2.7 -Dhttp.proxyPort=4000 "
     "-Dhttps.proxyHost=192.0.2.7 -Dhttps.proxyPort=4000 "
     "-Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1]|0.0.0.0|bottle"},
};
INSTANTIATE_TEST_SUITE_P(Table, TrustRow, testing::ValuesIn(kRows),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(TrustEnv, EveryRowIsAmongTheTested) {
  std::set<std::string_view> tested;
  for (const auto& row : kRows) tested.insert(row.name);
  for (const auto& variable : trust_table())
    EXPECT_TRUE(tested.contains(variable.name)) << variable.name;
  EXPECT_EQ(tested.size(), trust_table().size());
}

}  // namespace
}  // namespace bottle::launcher
