#include "proxy/exit/dns_answer.h"

#include <array>
#include <string>

namespace bottle {
namespace {

// RFC 1035 section 4.1.1, and RFC 6891 section 6.1.3 for the codes above 15.
constexpr unsigned kNoError = 0;
constexpr unsigned kFormErr = 1;
constexpr unsigned kNxDomain = 3;
constexpr unsigned kNotImp = 4;
constexpr unsigned kRefused = 5;
constexpr unsigned kBadVers = 16;

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeAaaa = 28;
constexpr std::uint16_t kTypeOpt = 41;
constexpr std::uint16_t kFirstMetaType = 249;  // TKEY, TSIG and the transfers: no data (RFC 6895)
constexpr std::uint16_t kLastMetaType = 254;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kTtlSeconds = 30;  // as long as a dialled address is remembered here
constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kMaxNameBytes = 255;  // RFC 1035 section 2.3.4, with lengths and the root
constexpr std::size_t kMaxLabelBytes = 63;
constexpr unsigned kLowBits = 0xff;

std::uint8_t byte_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t word_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

void put_byte(Bytes& out, unsigned value) { out.push_back(static_cast<char>(value & kLowBits)); }

void put_word(Bytes& out, unsigned value) {
  put_byte(out, value >> 8);
  put_byte(out, value);
}

struct Question {
  ByteView wire;      // name, type and class as they stand in the query
  std::string name;   // lower case, without the last dot, odd bytes as "\ddd"
  bool plain = true;  // no odd bytes
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
};

void put_name_byte(Question& question, std::uint8_t byte) {
  const char c = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
  if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
    question.name += c;
    return;
  }
  question.plain = false;
  std::string digits = std::to_string(byte);
  question.name += '\\' + std::string(3 - digits.size(), '0') + digits;
}

// The question that stands at `at`. Nothing if it is cut off, compressed or too long.
std::optional<Question> read_question(ByteView query, std::size_t at) {
  Question question;
  std::size_t next = at;
  for (;;) {
    if (next >= query.size()) return std::nullopt;
    const std::size_t length = byte_at(query, next);
    ++next;
    if (length == 0) break;
    // The two high bits are a pointer's, or reserved; a first name has nothing to point at.
    if (length > kMaxLabelBytes || next + length > query.size()) return std::nullopt;
    if (next + length - at > kMaxNameBytes - 1) return std::nullopt;
    if (!question.name.empty()) question.name += '.';
    for (const char c : query.substr(next, length)) {
      put_name_byte(question, static_cast<std::uint8_t>(c));
    }
    next += length;
  }
  if (next + 4 > query.size()) return std::nullopt;
  question.type = word_at(query, next);
  question.klass = word_at(query, next + 2);
  question.wire = query.substr(at, next + 4 - at);
  return question;
}

// The query's OPT record (RFC 6891 section 6.1.2).
struct Edns {
  std::uint8_t version = 0;
};

// The one additional record, which is an OPT and the query's end.
std::optional<Edns> read_opt(ByteView query, std::size_t at) {
  constexpr std::size_t kFixed = 11;  // root name, type, class, TTL, length
  if (query.size() < at + kFixed || byte_at(query, at) != 0) return std::nullopt;
  if (word_at(query, at + 1) != kTypeOpt) return std::nullopt;
  const std::size_t length = word_at(query, at + 9);
  if (query.size() != at + kFixed + length) return std::nullopt;
  return Edns{.version = byte_at(query, at + 6)};
}

class Answer {
 public:
  Answer(ByteView query, unsigned rcode) : id_and_flags_(query.substr(0, 4)), rcode_(rcode) {}

  Answer& question(ByteView wire) {
    question_ = wire;
    return *this;
  }
  Answer& opt(bool present) {
    opt_ = present;
    return *this;
  }
  Answer& address(const IpAddress& address) {
    address_ = address;
    return *this;
  }

  [[nodiscard]] Bytes bytes() const {
    constexpr unsigned kResponse = 0x80;
    constexpr unsigned kAuthoritative = 0x04;
    constexpr unsigned kOpcodeAndRecursionDesired = 0x79;
    // Without it some stub resolvers take an empty answer for a broken delegation.
    constexpr unsigned kRecursionAvailable = 0x80;
    Bytes out;
    out.append(id_and_flags_.substr(0, 2));
    put_byte(out,
             kResponse | kAuthoritative | (byte_at(id_and_flags_, 2) & kOpcodeAndRecursionDesired));
    put_byte(out, kRecursionAvailable | (rcode_ & 0x0f));
    put_word(out, question_.empty() ? 0 : 1);
    put_word(out, address_ ? 1 : 0);
    put_word(out, 0);
    put_word(out, opt_ ? 1 : 0);
    out.append(question_);
    if (address_) put_address(out);
    if (opt_) put_opt(out);
    return out;
  }

 private:
  void put_address(Bytes& out) const {
    constexpr unsigned kQuestionsName = 0xc000 | kHeaderBytes;
    put_word(out, kQuestionsName);
    put_word(out, address_->v6 ? kTypeAaaa : kTypeA);
    put_word(out, kClassIn);
    put_word(out, 0);
    put_word(out, kTtlSeconds);
    const std::size_t size = address_->v6 ? 16 : 4;
    put_word(out, static_cast<unsigned>(size));
    for (std::size_t i = 0; i < size; ++i) put_byte(out, address_->bytes[i]);
  }

  void put_opt(Bytes& out) const {
    put_byte(out, 0);
    put_word(out, kTypeOpt);
    put_word(out, kMaxDnsMessage);
    put_byte(out, rcode_ >> 4);
    put_byte(out, 0);  // version
    put_word(out, 0);
    put_word(out, 0);
  }

  ByteView id_and_flags_;
  unsigned rcode_;
  ByteView question_;
  std::optional<IpAddress> address_;
  bool opt_ = false;
};

Bytes answer_question(ByteView query, const Question& question, bool opt,
                      const NameAnswers& answers) {
  const auto reply = [&](unsigned rcode) {
    return Answer(query, rcode).question(question.wire).opt(opt);
  };
  const bool meta = question.type >= kFirstMetaType && question.type <= kLastMetaType;
  if (question.klass != kClassIn || meta) return reply(kRefused).bytes();
  if (!question.plain || !answers.knows(question.name)) {
    answers.refused(question.name);
    return reply(kNxDomain).bytes();
  }
  const auto& address = question.type == kTypeA ? answers.v4 : answers.v6;
  const bool asked = question.type == kTypeA || question.type == kTypeAaaa;
  if (!asked || !address) return reply(kNoError).bytes();
  return reply(kNoError).address(*address).bytes();
}

}  // namespace

std::optional<Bytes> answer_query(ByteView query, const NameAnswers& answers) {
  constexpr unsigned kResponse = 0x80;
  constexpr unsigned kOpcode = 0x78;
  if (query.size() < kHeaderBytes || (byte_at(query, 2) & kResponse) != 0) return std::nullopt;
  if ((byte_at(query, 2) & kOpcode) != 0) return Answer(query, kNotImp).bytes();
  const bool counts_fit = word_at(query, 4) == 1 && word_at(query, 6) == 0 &&
                          word_at(query, 8) == 0 && word_at(query, 10) <= 1;
  if (query.size() > kMaxDnsMessage || !counts_fit) return Answer(query, kFormErr).bytes();
  const auto question = read_question(query, kHeaderBytes);
  if (!question) return Answer(query, kFormErr).bytes();
  const std::size_t end = kHeaderBytes + question->wire.size();
  const bool opt = word_at(query, 10) == 1;
  if (opt) {
    const auto edns = read_opt(query, end);
    if (!edns) return Answer(query, kFormErr).bytes();
    // RFC 6891 section 6.1.3: other versions get no more than ours.
    if (edns->version != 0) {
      return Answer(query, kBadVers).question(question->wire).opt(true).bytes();
    }
  } else if (query.size() != end) {
    return Answer(query, kFormErr).bytes();
  }
  return answer_question(query, *question, opt, answers);
}

}  // namespace bottle
