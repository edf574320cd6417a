#include "launcher/manifest/trust_env.h"

#include <algorithm>
#include <array>

namespace bottle::launcher {
namespace {

using enum TrustValue;

constexpr std::array kTable{
    // Replace the program's own roots: the merged bundle.
    TrustVariable{"SSL_CERT_FILE", kBundle, "", "OpenSSL, Go, Ruby, httpx, aiohttp, rustls-native"},
    TrustVariable{"CURL_CA_BUNDLE", kBundle, "", "curl, requests"},
    TrustVariable{"GIT_SSL_CAINFO", kBundle, "", "git (its GnuTLS build ignores SSL_CERT_FILE)"},
    TrustVariable{"REQUESTS_CA_BUNDLE", kBundle, "", "Python requests"},
    TrustVariable{"PIP_CERT", kBundle, "", "pip"},
    TrustVariable{"HTTPLIB2_CA_CERTS", kBundle, "", "Python httplib2"},
    TrustVariable{"npm_config_cafile", kBundle, "", "npm"},
    TrustVariable{"NPM_CONFIG_CAFILE", kBundle, "", "npm, pnpm, yarn 1"},
    TrustVariable{"YARN_HTTPS_CA_FILE_PATH", kBundle, "", "yarn 2 and later"},
    TrustVariable{"BUNDLE_SSL_CA_CERT", kBundle, "", "Ruby bundler"},
    TrustVariable{"CARGO_HTTP_CAINFO", kBundle, "", "cargo"},
    TrustVariable{"AWS_CA_BUNDLE", kBundle, "", "AWS CLI and SDKs"},
    TrustVariable{"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", kBundle, "", "gcloud"},
    TrustVariable{"NIX_SSL_CERT_FILE", kBundle, "", "Nix"},
    TrustVariable{"PERL_LWP_SSL_CA_FILE", kBundle, "", "Perl LWP"},
    TrustVariable{"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", kBundle, "", "gRPC C core"},
    TrustVariable{"HEX_CACERTS_PATH", kBundle, "", "Hex, mix"},
    TrustVariable{"JULIA_SSL_CA_ROOTS_PATH", kBundle, "", "Julia"},
    TrustVariable{"CONDA_SSL_VERIFY", kBundle, "", "conda, mamba"},
    TrustVariable{"COMPOSER_CAFILE", kBundle, "", "PHP composer"},
    // Add to the program's own roots: the CA alone.
    TrustVariable{"NODE_EXTRA_CA_CERTS", kCa, "", "Node, npm, bun, Claude Code"},
    TrustVariable{"DENO_CERT", kCa, "", "Deno"},
    // Switches.
    TrustVariable{"NODE_USE_ENV_PROXY", kText, "1", "Node 24: use the proxy variables at all"},
    TrustVariable{"NODE_USE_SYSTEM_CA", kText, "1", "Node 22.15 and later"},
    TrustVariable{"DENO_TLS_CA_STORE", kText, "system", "Deno"},
    TrustVariable{"UV_SYSTEM_CERTS", kText, "1", "uv"},
    TrustVariable{"UV_NATIVE_TLS", kText, "1", "uv of 2025 and before"},
    // The proxy. Programs disagree about the case; curl reads http_proxy in lower case only.
    TrustVariable{"HTTP_PROXY", kProxy, "", "most"},
    TrustVariable{"http_proxy", kProxy, "", "most"},
    TrustVariable{"HTTPS_PROXY", kProxy, "", "most"},
    TrustVariable{"https_proxy", kProxy, "", "most"},
    TrustVariable{"ALL_PROXY", kProxy, "", "curl, cargo, httpx"},
    TrustVariable{"all_proxy", kProxy, "", "curl, cargo, httpx"},
    TrustVariable{"GRPC_PROXY", kProxy, "", "gRPC C core"},
    TrustVariable{"grpc_proxy", kProxy, "", "gRPC C core"},
    TrustVariable{"NO_PROXY", kExceptions, "", "most"},
    TrustVariable{"no_proxy", kExceptions, "", "most"},
    TrustVariable{"CLOUDSDK_PROXY_TYPE", kText, "http", "gcloud"},
    TrustVariable{"CLOUDSDK_PROXY_ADDRESS", kHost, "", "gcloud"},
    TrustVariable{"CLOUDSDK_PROXY_PORT", kPort, "", "gcloud"},
    // A JVM reads none of the above.
    TrustVariable{"JAVA_TOOL_OPTIONS", kJava, "", "every JVM"},
};

constexpr std::array<std::string_view, 6> kBundleFiles{
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo, NixOS
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // the former is a link to it
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/ssl/cert.pem",                                  // Alpine, and OpenSSL's own default
    "/etc/pki/tls/cacert.pem",
};

// The hosts that are reached without the proxy: this machine. Programs disagree about IPv6:
// Python's urllib and Node want the brackets, and httpx refuses to work when a name has them, but
// takes a URL. Node ends a name at a space too, others only at a comma. So the last entry is a URL
// for httpx, two names for Node, and nothing for the rest, to which "::1" is enough. (urllib, and
// httpx before 0.24, ask the proxy for [::1], which refuses it.)
std::string exceptions(const TrustSettings& settings) {
  std::string out = "localhost,127.0.0.1,::1,0.0.0.0";
  if (!settings.own_name.empty()) out += "," + settings.own_name;
  return out + ",all://[::1]/ [::1]";
}

std::string java_options(const TrustSettings& settings) {
  const std::string port = std::to_string(settings.proxy_port);
  std::string out = settings.java_tool_options;
  const auto add = [&out](const std::string& option) {
    if (!out.empty()) out += ' ';
    out += option;
  };
  add("-Djavax.net.ssl.trustStore=" + std::string(kJavaStorePath));
  add("-Djavax.net.ssl.trustStoreType=JKS");
  add("-Djavax.net.ssl.trustStorePassword=" + std::string(kJavaStorePassword));
  add("-Dhttp.proxyHost=" + settings.proxy_host);
  add("-Dhttp.proxyPort=" + port);
  add("-Dhttps.proxyHost=" + settings.proxy_host);
  add("-Dhttps.proxyPort=" + port);
  const std::string own = settings.own_name.empty() ? "" : "|" + settings.own_name;
  add("-Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1]|0.0.0.0" + own);
  return out;
}

}  // namespace

std::span<const TrustVariable> trust_table() { return kTable; }

bool is_trust_variable(std::string_view name) {
  return std::any_of(kTable.begin(), kTable.end(),
                     [name](const TrustVariable& v) { return v.name == name; });
}

std::map<std::string, std::string> trust_environment(const TrustSettings& settings) {
  const std::string port = std::to_string(settings.proxy_port);
  const std::string credentials =
      settings.proxy_credentials.empty() ? "" : settings.proxy_credentials + "@";
  std::map<std::string, std::string> out;
  for (const auto& variable : kTable) {
    std::string value;
    switch (variable.value) {
      case kCa:
        value = settings.ca;
        break;
      case kBundle:
        value = settings.bundle;
        break;
      case kProxy:
        value = "http://" + credentials + settings.proxy_host + ":" + port;
        break;
      case kExceptions:
        value = exceptions(settings);
        break;
      case kHost:
        value = settings.proxy_host;
        break;
      case kPort:
        value = port;
        break;
      case kText:
        value = variable.text;
        break;
      case kJava:
        value = settings.java ? java_options(settings) : settings.java_tool_options;
        if (value.empty()) continue;
        break;
    }
    out.emplace(variable.name, std::move(value));
  }
  return out;
}

std::span<const std::string_view> system_bundle_files() { return kBundleFiles; }

}  // namespace bottle::launcher
