#include "launcher/backend/docker/archive.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace bottle::launcher::docker {
namespace {

TEST(Archive, WhatGoesInComesOut) {
  Archive archive;
  archive.directory("etc", 0755);
  archive.file("etc/passwd", 0644, "root:x:0:0\n", {1000, 1001});
  archive.file("empty", 0400, "");
  archive.file("long", 0400, std::string(1500, 'x'));
  const auto bytes = archive.finish();
  EXPECT_EQ(bytes.size() % 512, 0U);
  EXPECT_EQ(file_at(bytes, "etc/passwd"), "root:x:0:0\n");
  EXPECT_EQ(file_at(bytes, "empty"), "");
  EXPECT_EQ(file_at(bytes, "long"), std::string(1500, 'x'));
  EXPECT_EQ(file_at(bytes, "etc"), std::nullopt);
  EXPECT_TRUE(has_entry(bytes, "etc"));
  EXPECT_FALSE(has_entry(bytes, "passwd"));
}

TEST(Archive, ADamagedOneHasNothing) {
  Archive archive;
  archive.file("a", 0644, std::string(600, 'a'));
  archive.file("b", 0644, "b");
  const auto bytes = archive.finish();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto a = file_at(std::string_view(bytes).substr(0, size), "a");
    EXPECT_EQ(a.has_value(), size >= 512 + 600) << size;
  }
  auto huge = bytes;
  huge.replace(124, 11, "77777777777");
  EXPECT_FALSE(has_entry(huge, "b"));
  auto nonsense = bytes;
  nonsense.replace(124, 11, "not a numbe");
  EXPECT_FALSE(has_entry(nonsense, "b"));
}

TEST(Archive, TheSystemsTarReadsIt) {
  if (!std::filesystem::exists("/usr/bin/tar") && !std::filesystem::exists("/bin/tar")) {
    GTEST_SKIP() << "tar is missing";
  }
  Archive archive;
  archive.directory("run/bottle", 0755);
  archive.file("run/bottle/ca.pem", 0444, "pem", {7, 8});
  std::string name = "/tmp/bottle-archive-XXXXXX";
  const int fd = ::mkstemp(name.data());
  ASSERT_GE(fd, 0);
  ::close(fd);
  std::ofstream(name, std::ios::binary) << archive.finish();
  FILE* pipe = ::popen(("tar --numeric-owner -tvf " + name + " 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string out(4096, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), pipe));
  EXPECT_EQ(::pclose(pipe), 0) << out;
  std::filesystem::remove(name);
  EXPECT_NE(out.find("drwxr-xr-x 0/0"), std::string::npos) << out;
  EXPECT_NE(out.find("-r--r--r-- 7/8"), std::string::npos) << out;
  EXPECT_NE(out.find("run/bottle/ca.pem"), std::string::npos) << out;
}

}  // namespace
}  // namespace bottle::launcher::docker
