#include "proxy/guard/answers/word_cost.h"

#include <algorithm>
#include <array>

namespace bottle {
namespace {

struct Common {
  std::string_view word;
  unsigned count;
};

// Counted in the pages that bench/guard/fetch_documentation.sh fetches. In the order of the
// alphabet.
constexpr std::array kCommon = std::to_array<Common>(
    {{"a", 1871},          {"above", 104},      {"action", 153},     {"add", 483},
     {"after", 74},        {"agent", 87},       {"ai", 580},         {"all", 254},
     {"also", 84},         {"an", 325},         {"and", 1540},       {"anthropic", 771},
     {"any", 404},         {"api", 321},        {"are", 292},        {"as", 421},
     {"at", 80},           {"available", 52},   {"avoid", 43},       {"bash", 48},
     {"be", 476},          {"before", 74},      {"browser", 67},     {"by", 443},
     {"call", 57},         {"chat", 44},        {"ci", 62},          {"code", 345},
     {"command", 153},     {"comment", 43},     {"commit", 1017},    {"complet", 60},
     {"config", 219},      {"contain", 65},     {"content", 68},     {"context", 42},
     {"conversation", 40}, {"copy", 481},       {"current", 63},     {"data", 220},
     {"debug", 77},        {"do", 176},         {"dotenv", 46},      {"e", 57},
     {"each", 53},         {"env", 63},         {"environment", 45}, {"example", 174},
     {"fetch", 109},       {"file", 423},       {"files", 197},      {"first", 90},
     {"follow", 172},      {"following", 132},  {"for", 1129},       {"free", 94},
     {"from", 490},        {"full", 160},       {"g", 43},           {"git", 56},
     {"github", 3230},     {"gmail", 83},       {"granted", 84},     {"has", 72},
     {"have", 82},         {"hereby", 83},      {"http", 4264},      {"i", 57},
     {"id", 123},          {"if", 325},         {"ignor", 49},       {"ignore", 46},
     {"image", 77},        {"img", 310},        {"in", 1522},        {"includ", 357},
     {"include", 152},     {"install", 149},    {"instance", 72},    {"instead", 73},
     {"into", 61},         {"is", 968},         {"issue", 952},      {"it", 253},
     {"its", 53},          {"json", 172},       {"key", 129},        {"language", 57},
     {"level", 94},        {"license", 316},    {"like", 79},        {"limitation", 80},
     {"link", 42},         {"list", 66},        {"longer", 57},      {"message", 172},
     {"messages", 56},     {"mode", 191},       {"model", 132},      {"modify", 90},
     {"more", 115},        {"must", 56},        {"need", 41},        {"new", 202},
     {"no", 244},          {"not", 392},        {"note", 67},        {"notice", 193},
     {"now", 133},         {"npm", 155},        {"null", 85},        {"of", 1460},
     {"on", 377},          {"only", 117},       {"open", 50},        {"openai", 1005},
     {"operator", 63},     {"order", 56},       {"other", 243},      {"our", 46},
     {"output", 118},      {"package", 158},    {"parameter", 78},   {"pass", 43},
     {"permission", 181},  {"permit", 74},      {"person", 153},     {"play", 43},
     {"please", 40},       {"post", 104},       {"print", 42},       {"process", 112},
     {"programming", 40},  {"project", 97},     {"prompt", 44},      {"provide", 372},
     {"provider", 166},    {"pull", 369},       {"purpose", 103},    {"query", 63},
     {"read", 167},        {"readme", 61},      {"remove", 130},     {"report", 48},
     {"repository", 53},   {"request", 256},    {"requests", 67},    {"require", 342},
     {"requires", 99},     {"restriction", 76}, {"run", 121},        {"s", 106},
     {"security", 53},     {"send", 61},        {"server", 107},     {"set", 126},
     {"shall", 171},       {"should", 62},      {"so", 149},         {"source", 109},
     {"start", 43},        {"such", 63},        {"summary", 48},     {"system", 47},
     {"take", 41},         {"text", 85},        {"that", 359},       {"the", 3344},
     {"their", 56},        {"them", 40},        {"then", 44},        {"these", 43},
     {"this", 586},        {"to", 2220},        {"token", 44},       {"tool", 186},
     {"true", 110},        {"type", 221},       {"update", 147},     {"updated", 219},
     {"url", 143},         {"use", 486},        {"user", 154},       {"using", 168},
     {"valid", 112},       {"value", 98},       {"via", 48},         {"was", 57},
     {"we", 65},           {"web", 42},         {"when", 284},       {"where", 47},
     {"will", 194},        {"with", 662},       {"without", 293},    {"work", 89},
     {"you", 363},         {"your", 164}});
constexpr unsigned kRare = 5;
// Too short to be told from others by its beginning.
constexpr unsigned kShort = 100000;

}  // namespace

unsigned word_cost(std::string_view word, bool open) noexcept {
  if (open && word.size() < 3) return kShort;
  const auto known = std::ranges::lower_bound(kCommon, word, {}, &Common::word);
  return known != kCommon.end() && known->word == word ? known->count : kRare;
}

}  // namespace bottle
