#include "launcher/plan/nss_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "launcher/plan/certificate_bytes.h"
#include "launcher/process/command_output.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8U | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (int shift = 18; shift >= 0; shift -= 6) out += kAlphabet[(bits >> shift) & 63U];
  }
  return out;
}

std::string der(char tag, const std::string& content) {
  std::string out(1, tag);
  if (content.size() < 128) return out + static_cast<char>(content.size()) + content;
  out += "\x82";
  out += static_cast<char>(content.size() >> 8U);
  out += static_cast<char>(content.size() & 0xffU);
  return out + content;
}

// As much of a certificate as the store looks at, `filler` bytes longer.
std::string certificate(std::size_t filler = 0) {
  const std::string to_be_signed = der('\xa0', der('\x02', "\x02")) + der('\x02', "\x11\x22") +
                                   der('\x30', "algorithm") + der('\x30', "issuer") +
                                   der('\x30', "validity") + der('\x30', "subject") +
                                   der('\x30', std::string(filler, 'k'));
  return "-----BEGIN CERTIFICATE-----\n" + base64(der('\x30', der('\x30', to_be_signed))) +
         "\n-----END CERTIFICATE-----\n";
}

TEST(NssStore, IsADatabaseWithTheCertificateAndItsTrust) {
  const auto python = find_program("python3", "/usr/bin:/bin");
  if (!python) GTEST_SKIP() << "python3 is missing";
  std::string pattern = "/tmp/bottle-nss-XXXXXX";
  const fs::path root = ::mkdtemp(pattern.data());
  for (const std::size_t filler : {0U, 30U, 200U, 500U, 3900U}) {
    const auto pem = certificate(filler);
    const auto store = nss_store(pem);
    ASSERT_TRUE(store) << filler;
    std::ofstream(root / "cert9.db", std::ios::binary | std::ios::trunc) << *store;
    const auto said = output_of(
        {*python, "-c",
         "import sqlite3, sys\n"
         "db = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)\n"
         "print(db.execute('pragma integrity_check').fetchone()[0])\n"
         "print(db.execute('select length(a11), a81, a82, a101 from nssPublic').fetchone())\n"
         "print([x.hex() for x in db.execute('select a0, ace536358, ace536359 from nssPublic "
         "where a81 = ?', (b'0\\x06issuer',)).fetchall()[1]])",
         (root / "cert9.db").string()},
        std::chrono::seconds(20));
    const auto length = std::to_string(first_certificate(pem)->size());
    EXPECT_EQ(said.text, "ok\n(" + length +
                             ", b'0\\x06issuer', b'\\x02\\x02\\x11\"', b'0\\x07subject')\n"
                             "['ce534353', 'ce534352', 'ce534353']\n");
  }
  fs::remove_all(root);
}

TEST(NssStore, WhatIsNoCertificateGivesNone) {
  EXPECT_FALSE(nss_store(""));
  EXPECT_FALSE(nss_store("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
  EXPECT_FALSE(nss_store(certificate(5000)));
  // Cut anywhere, it is none, and is not read beyond.
  const auto whole = certificate();
  const auto begin = whole.find('\n') + 1;
  const auto end = whole.find("\n-----END");
  std::size_t none = 0;
  for (auto cut = begin; cut < end - 40; ++cut) {
    none += nss_store(whole.substr(0, cut) + whole.substr(end)) ? 0 : 1;
  }
  EXPECT_EQ(none, end - 40 - begin);
}

}  // namespace
}  // namespace bottle::launcher
