// How fast the guard reads; see README.md.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "proxy/guard/head_scan.h"
#include "proxy/guard/secret_scanner.h"

namespace {

using namespace bottle;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

// The median of the CPU time of one call, in seconds.
template <class Work>
double median(Work work, int inner) {
  std::vector<double> times;
  for (int round = 0; round < 15; ++round) {
    const double start = cpu_seconds();
    for (int i = 0; i < inner; ++i) work();
    times.push_back((cpu_seconds() - start) / inner);
  }
  std::nth_element(times.begin(), times.begin() + 7, times.end());
  return times[7];
}

std::string word(std::mt19937& random, std::string_view letters, std::size_t size) {
  std::string out;
  while (out.size() < size) out += letters[random() % letters.size()];
  return out;
}

std::string plain_text(std::size_t size) {
  std::mt19937 random(1);
  std::string out;
  while (out.size() < size) {
    out += word(random, "etaoinshrdlu", 1 + random() % 9);
    out += random() % 12 == 0 ? ".\n" : " ";
  }
  return out;
}

std::string conversation(std::size_t size) {
  std::string out = R"({"model":"m","messages":[)";
  const std::string text = plain_text(3000);
  while (out.size() < size) {
    std::string escaped;
    for (const char c : text) {
      if (c == '\n') {
        escaped += "\\n";
      } else {
        escaped += c;
      }
    }
    out += R"({"role":"user","content":[{"type":"text","text":")" + escaped + "\"}]},";
  }
  return out + "{}]}";
}

// Base64, hex, escapes of all kinds, other scripts, separators: all views at work.
std::string mixture(std::size_t size) {
  std::mt19937 random(2);
  std::string out;
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (out.size() < size) {
    out += plain_text(400);
    out += word(random, kBase64, 400) + "\n";
    out += word(random, "0123456789abcdef", 160) + "\n";
    out += "\\\"path\\\": \\\"C:\\\\temp\\\\x\\\", %2Fa%252Fb&amp;lt;\n";
    for (int i = 0; i < 60; ++i) out += "\xd0\xb0\xd1\x83 ";
    for (int i = 0; i < 40; ++i) out += word(random, kBase64, 24) + ",";
  }
  return out;
}

void stream(const char* name, const SecretSet& set, ScanSpace& space, const std::string& text) {
  const auto work = [&] {
    SecretScanner scanner(set, space, "example.com", Scheme::Https);
    for (std::size_t at = 0; at < text.size(); at += 16384) {
      if (scanner.feed(std::string_view(text).substr(at, 16384)).refused) std::puts("refused");
    }
    (void)scanner.finish();
  };
  const double seconds = median(work, 1);
  std::printf("%-28s %8.0f MB/s  %9.1f us\n", name,
              static_cast<double>(text.size()) / seconds / 1e6, seconds * 1e6);
}

}  // namespace

int main(int count, char** arguments) {
  std::mt19937 random(3);
  std::vector<SecretSpec> secrets;
  for (int i = 0; i < 5; ++i) {
    secrets.push_back(SecretSpec{.name = "S" + std::to_string(i),
                                 .value = word(random, "abcdefghijklmnopqrstuvwxyz0123456789", 40),
                                 .hosts = {},
                                 .in_body = false});
  }
  const double start = median([&] { (void)SecretSet::make(secrets); }, 1);
  std::printf("%-28s %8.2f ms\n", "ready", start * 1e3);
  const auto set = SecretSet::make(secrets);
  if (!set) return 1;
  ScanSpace space(**set);
  stream("plain text", **set, space, plain_text(std::size_t{32} << 20));
  stream("conversation, 800 KB", **set, space, conversation(800'000));
  stream("worst mixture", **set, space, mixture(std::size_t{8} << 20));
  for (int i = 1; i < count; ++i) {
    std::ifstream file(arguments[i], std::ios::binary);
    stream(arguments[i], **set, space,
           std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
  }
  RequestHead head;
  head.target = "/v1/messages?beta=true";
  for (const char* name : {"Accept", "User-Agent", "X-Request-Id", "Content-Type", "Origin",
                           "Referer", "Accept-Language", "Cache-Control"}) {
    head.fields.add(name, "application/json; q=0.9, text/html");
  }
  const std::string body = conversation(200).substr(0, 700);
  const auto request = [&] {
    CleanTexts clean;
    HeadScan in_head(**set, space, clean, "api.example.com", Scheme::Https);
    (void)in_head.look(head);
    SecretScanner in_body(**set, space, "api.example.com", Scheme::Https);
    (void)in_body.feed(body);
    (void)in_body.finish();
  };
  std::printf("%-28s %8.2f us\n", "request of 1 KiB", median(request, 2000) * 1e6);
  return 0;
}
