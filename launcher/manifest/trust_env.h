#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace bottle::launcher {

// The variables that make programs in a bottle use its proxy and trust its CA. The table in the .cc
// is the only place where such a variable is named, and it is the same for every backend.

// Where the trust files are in every bottle. The directory is read-only there.
inline constexpr std::string_view kTrustDirectory = "/run/bottle";
inline constexpr std::string_view kCaPath = "/run/bottle/ca.pem";
inline constexpr std::string_view kBundlePath = "/run/bottle/ca-bundle.pem";
inline constexpr std::string_view kJavaStorePath = "/run/bottle/truststore.jks";
inline constexpr std::string_view kJavaStorePassword =
    "changeit";  // Java's own default: not a secret
// A bottle's own host name.
inline constexpr std::string_view kOwnName = "bottle";

enum class TrustValue {
  kCa,          // the bottle's CA alone: the program appends it to what it trusts
  kBundle,      // system roots and the CA: the program trusts this file instead of its own
  kProxy,       // http://HOST:PORT
  kExceptions,  // hosts that are reached without the proxy
  kHost,        // the proxy's host
  kPort,        // the proxy's port
  kText,        // `text` as it is
  kJava,        // JVM options; only where there is a JVM
};

struct TrustVariable {
  std::string_view name;
  TrustValue value;
  std::string_view text;
  std::string_view who;  // the programs that read it
};

std::span<const TrustVariable> trust_table();
bool is_trust_variable(std::string_view name);

struct TrustSettings {
  std::string proxy_host = "127.0.0.1";
  std::uint16_t proxy_port = 3128;
  bool java = false;                // a JVM is there, so the JVM options are worth setting
  std::string java_tool_options{};  // the manifest's part of JAVA_TOOL_OPTIONS; ours follow
  std::string own_name{kOwnName};   // the machine's, which needs no proxy; may be empty
  std::string proxy_credentials{};  // USER:PASSWORD of the proxy's URL, percent-encoded
  std::string ca{kCaPath};
  std::string bundle{kBundlePath};
};

std::map<std::string, std::string> trust_environment(const TrustSettings& settings);

// Files in which distributions keep the roots of the whole system. A backend puts the merged bundle
// over those that exist, for programs that read a file and no variable (wget, apt, …).
std::span<const std::string_view> system_bundle_files();

}  // namespace bottle::launcher
