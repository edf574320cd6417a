#include "proxy/tls/hello_reader.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <string>

#include "proxy/tls/client_hello.h"

namespace bottle {
namespace {

using State = ClientHello::State;

std::string u8(std::size_t n) { return std::string(1, static_cast<char>(n)); }
std::string u16(std::size_t n) { return u8(n >> 8U) + u8(n & 0xffU); }
std::string u24(std::size_t n) { return u8(n >> 16U) + u16(n & 0xffffU); }

std::string extension(std::size_t type, const std::string& body) {
  return u16(type) + u16(body.size()) + body;
}
std::string sni(const std::string& name) {
  const std::string entry = u8(0) + u16(name.size()) + name;
  return extension(0, u16(entry.size()) + entry);
}
std::string body_with(const std::string& extensions) {
  return u16(0x0303) + std::string(32, 'r') + u8(0) + u16(2) + u16(0x1301) + u8(1) + u8(0) +
         u16(extensions.size()) + extensions;
}
std::string handshake(const std::string& body, std::size_t type = 1) {
  return u8(type) + u24(body.size()) + body;
}
std::string record(const std::string& bytes) { return "\x16\x03\x01" + u16(bytes.size()) + bytes; }
std::string hello(const std::string& extensions) {
  return record(handshake(body_with(extensions)));
}

State state_of(const std::string& bytes) { return read_client_hello(bytes).state; }

TEST(HelloReader, ReadsTheNameAndSaysNeedMoreForEveryPrefix) {
  const std::string whole = hello(extension(43, "xyz") + sni("api.test"));
  const ClientHello read = read_client_hello(whole);
  ASSERT_EQ(read.state, State::Complete);
  EXPECT_TRUE(read.names_server);
  EXPECT_FALSE(read.has_encrypted);
  EXPECT_EQ(sni_in_extension(read.server_name, true)->text(), "api.test");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_EQ(state_of(whole.substr(0, cut)), State::NeedMore) << cut;
  }
  // Bytes behind it (early data) are nothing to the reader.
  EXPECT_EQ(state_of(whole + "\x17\x03\x03 and more"), State::Complete);
}

// [T83]
TEST(HelloReader, AHelloMaySpanRecords) {
  const std::string message = handshake(body_with(sni("api.test")));
  for (std::size_t cut = 1; cut < message.size(); ++cut) {
    const ClientHello read =
        read_client_hello(record(message.substr(0, cut)) + record(message.substr(cut)));
    ASSERT_EQ(read.state, State::Complete) << cut;
    EXPECT_TRUE(read.names_server);
  }
}

TEST(HelloReader, TellsOfNoNameAndOfAnEncryptedOne) {
  const ClientHello none = read_client_hello(hello(extension(0xfe0d, "secret")));
  ASSERT_EQ(none.state, State::Complete);
  EXPECT_FALSE(none.names_server);
  EXPECT_TRUE(none.has_encrypted);
  const std::string old =
      u16(0x0303) + std::string(32, 'r') + u8(0) + u16(2) + u16(0x002f) + u8(1) + u8(0);
  EXPECT_EQ(state_of(record(handshake(old))), State::Complete);
}

// [T83]
TEST(HelloReader, WhatDoesNotHoldTogetherIsMalformed) {
  const std::string good = handshake(body_with(sni("a.test")));
  EXPECT_EQ(state_of(hello(sni("a.test") + sni("b.test"))), State::Malformed);
  EXPECT_EQ(state_of(hello(extension(43, "x") + extension(43, "x"))), State::Malformed);
  EXPECT_EQ(state_of(hello(sni("a.test") + "x")), State::Malformed);
  EXPECT_EQ(state_of(record(good + "x")), State::Malformed);  // another message behind it
  EXPECT_EQ(state_of(record(good + good)), State::Malformed);
  EXPECT_EQ(state_of(record(handshake("short"))), State::Malformed);
  EXPECT_EQ(state_of(record(handshake(body_with(""), 2))), State::Malformed);  // a ServerHello
  EXPECT_EQ(state_of(record(good.substr(0, 9)) + "\x17\x03\x03\x00\x01x"), State::Malformed);
  EXPECT_EQ(state_of(record(good.substr(0, 9)) + std::string("\x16\x03\x01\x00\x00", 5)),
            State::Malformed);
  const std::string extra = body_with(sni("a.test")) + "x";
  EXPECT_EQ(state_of(record(handshake(extra))), State::Malformed);
  std::string version = body_with("");
  version[0] = 2;
  EXPECT_EQ(state_of(record(handshake(version))), State::Malformed);
  std::string session = body_with("");
  session[34] = 33;
  EXPECT_EQ(state_of(record(handshake(session))), State::Malformed);
}

TEST(HelloReader, WhatIsNoHandshakeRecordIsNotTls) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n"), std::string("\x16\x02"), std::string("\x16\x03\x05"),
        std::string("\x16\x03\x01\x00\x00", 5), std::string("\x16\x03\x01\x40\x01", 5),
        std::string("\x80\x2e\x01"), std::string("\x15\x03\x01\x00\x02\x02\x28", 7)}) {
    EXPECT_EQ(state_of(bytes), State::NotTls);
  }
  EXPECT_EQ(state_of(""), State::NeedMore);
}

// OpenSSL's own hello, which carries every extension of a real client.
TEST(HelloReader, ReadsARealClient) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, in, out);
  SSL_set_tlsext_host_name(ssl, "real.test");
  SSL_connect(ssl);
  std::string bytes(8192, '\0');
  const int n = BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
  ASSERT_GT(n, 0);
  const ClientHello read = read_client_hello(bytes.substr(0, static_cast<std::size_t>(n)));
  EXPECT_EQ(read.state, State::Complete);
  EXPECT_EQ(sni_in_extension(read.server_name, read.names_server)->text(), "real.test");
  SSL_free(ssl);
  SSL_CTX_free(context);
}

}  // namespace
}  // namespace bottle
