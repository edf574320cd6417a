#include "launcher/plan/nss_store.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "launcher/plan/certificate_bytes.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kPage = 16 * 1024;
constexpr std::size_t kMaxCertificate = 4 * 1024;  // both rows fit into one page

// SQLite's varint, of values below 2^21.
void put_varint(std::string& out, std::uint64_t value) {
  if (value >= 1U << 14U) out += static_cast<char>(0x80U | ((value >> 14U) & 0x7fU));
  if (value >= 1U << 7U) out += static_cast<char>(0x80U | ((value >> 7U) & 0x7fU));
  out += static_cast<char>(value & 0x7fU);
}

// One column of a row. Nothing: NULL.
struct Value {
  enum class Kind : std::uint8_t { kNothing, kNumber, kText, kBytes };
  Kind kind = Kind::kNothing;
  std::uint32_t number = 0;
  std::string bytes{};
};
Value number(std::uint32_t value) { return {Value::Kind::kNumber, value, {}}; }
Value text(std::string_view value) { return {Value::Kind::kText, 0, std::string(value)}; }
Value bytes(std::string value) { return {Value::Kind::kBytes, 0, std::move(value)}; }
Value word(std::uint32_t value) {  // a CK_ULONG, as NSS stores it
  std::string out;
  put_number(out, value, 4);
  return bytes(std::move(out));
}
Value truth(bool value) { return bytes(std::string(1, value ? '\1' : '\0')); }

// A cell of a table's leaf page: the sizes, then the record.
std::string cell(std::uint64_t row, const std::vector<Value>& values) {
  std::string types;
  std::string content;
  for (const auto& value : values) {
    switch (value.kind) {
      case Value::Kind::kNothing:
        put_varint(types, 0);
        break;
      case Value::Kind::kNumber:
        put_varint(types, 4);
        put_number(content, value.number, 4);
        break;
      case Value::Kind::kText:
        put_varint(types, 13 + 2 * value.bytes.size());
        content += value.bytes;
        break;
      case Value::Kind::kBytes:
        put_varint(types, 12 + 2 * value.bytes.size());
        content += value.bytes;
        break;
    }
  }
  // The size of the header counts itself, which takes one byte or two.
  const std::size_t header = types.size() + (types.size() + 1 < 128 ? 1 : 2);
  std::string record;
  put_varint(record, header);
  record += types + content;
  std::string out;
  put_varint(out, record.size());
  put_varint(out, row);
  return out + record;
}

// A leaf page of a table. `begin` is what comes before it in the page: the file's header in the
// first.
std::string leaf_page(std::string begin, const std::vector<std::string>& cells) {
  std::vector<std::size_t> places;
  std::size_t top = kPage;
  for (const auto& one : cells) {
    top -= one.size();
    places.push_back(top);
  }
  std::string page = std::move(begin);
  put_number(page, 0x0d, 1);  // a leaf of a table
  put_number(page, 0, 2);     // no free blocks
  put_number(page, cells.size(), 2);
  put_number(page, top, 2);
  put_number(page, 0, 1);
  for (const auto place : places) put_number(page, place, 2);
  page.resize(top, '\0');
  for (auto one = cells.rbegin(); one != cells.rend(); ++one) page += *one;
  return page;
}

std::string file_header(std::uint32_t pages) {
  std::string out("SQLite format 3");
  put_number(out, 0, 1);
  put_number(out, kPage, 2);
  for (const int value : {1, 1, 0, 64, 32, 32})
    put_number(out, static_cast<std::uint64_t>(value), 1);
  put_number(out, 1, 4);  // changes
  put_number(out, pages, 4);
  put_number(out, 0, 8);  // no free pages
  put_number(out, 1, 4);  // the schema's number
  put_number(out, 4, 4);  // the schema's format
  put_number(out, 0, 8);
  put_number(out, 1, 4);  // UTF-8
  out.resize(92, '\0');
  put_number(out, 1, 4);          // the change for which the next number holds
  put_number(out, 3'040'001, 4);  // the version of SQLite that wrote it
  return out;
}

// The attributes of PKCS #11 that NSS knows, a column each.
constexpr std::string_view kColumns =
    "id, a0, a1, a2, a3, a10, a11, a12, a80, a81, a82, a83, a84, a85, a86, a87, a88, a89, a8a, "
    "a8b, "
    "a90, a100, a101, a102, a103, a104, a105, a106, a107, a108, a109, a10a, a10b, a10c, a110, "
    "a111, "
    "a120, a121, a122, a123, a124, a125, a126, a127, a128, a129, a130, a131, a132, a133, a134, "
    "a160, "
    "a161, a162, a163, a164, a165, a166, a170, a180, a181, a200, a201, a202, a210, a300, a301, "
    "a302, "
    "a400, a401, a402, a403, a404, a405, a406, a480, a481, a482, a500, a501, a502, a503, "
    "a40000211, "
    "a40000212, a80000001, ace534351, ace534352, ace534353, ace534354, ace534355, ace534356, "
    "ace534357, ace534358, ace534364, ace534365, ace534366, ace534367, ace534368, ace534369, "
    "ace534373, ace534374, ace536351, ace536352, ace536353, ace536354, ace536355, ace536356, "
    "ace536357, ace536358, ace536359, ace53635a, ace53635b, ace53635c, ace53635d, ace53635e, "
    "ace53635f, ace536360, ace5363b4, ace5363b5, ad5a0db00";

std::vector<Value> row_of(const std::map<std::string_view, Value>& values) {
  std::vector<Value> out;
  for (std::size_t at = 0; at < kColumns.size();) {
    const auto end = std::min(kColumns.find(", ", at), kColumns.size());
    const auto found = values.find(kColumns.substr(at, end - at));
    out.push_back(found == values.end() ? Value{} : found->second);
    at = end + 2;
  }
  return out;
}

// An element of DER with its tag and length, taken off `der`. Empty: there is none.
std::string_view element(std::string_view& der, bool inside = false) {
  if (der.size() < 2) return {};
  const auto byte = [&der](std::size_t at) { return static_cast<unsigned char>(der[at]); };
  std::size_t head = 2;
  std::size_t length = byte(1);
  if (length >= 0x80) {
    const std::size_t more = length & 0x7fU;
    if (more == 0 || more > 3 || der.size() < 2 + more) return {};
    length = 0;
    for (std::size_t i = 0; i < more; ++i) length = length << 8U | byte(2 + i);
    head += more;
  }
  if (der.size() < head + length) return {};
  const auto out = inside ? der.substr(head, length) : der.substr(0, head + length);
  der.remove_prefix(head + length);
  return out;
}

struct Names {
  std::string serial;  // each with tag and length
  std::string issuer;
  std::string subject;
};

std::optional<Names> names_of(std::string_view der) {
  auto certificate = element(der, true);
  auto to_be_signed = element(certificate, true);
  if (to_be_signed.starts_with('\xa0')) element(to_be_signed);  // the version
  Names out;
  out.serial = element(to_be_signed);
  element(to_be_signed);  // the signature's algorithm
  out.issuer = element(to_be_signed);
  element(to_be_signed);  // the validity
  out.subject = element(to_be_signed);
  if (out.serial.empty() || out.issuer.empty() || out.subject.empty()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<std::string> nss_store(std::string_view pem) {
  const auto der = first_certificate(pem);
  const auto names = der ? names_of(*der) : std::nullopt;
  if (!names || der->size() > kMaxCertificate) return std::nullopt;
  // Numbers of NSS's own: CKO_NSS_TRUST, CKT_NSS_TRUSTED_DELEGATOR, CKT_NSS_MUST_VERIFY_TRUST.
  constexpr std::uint32_t kTrustObject = 0xce534353;
  constexpr std::uint32_t kTrusted = 0xce534352;
  constexpr std::uint32_t kNotForThis = 0xce534353;
  const auto common = [&names](std::uint32_t id, std::uint32_t object_class) {
    return std::map<std::string_view, Value>{
        {"id", number(id)},   {"a0", word(object_class)},    {"a1", truth(true)},
        {"a2", truth(false)}, {"a81", bytes(names->issuer)}, {"a82", bytes(names->serial)},
        {"a170", truth(true)}};
  };
  auto certificate = common(0x3ec0'0001, 1);
  certificate["a3"] = bytes("bottle");
  certificate["a11"] = bytes(*der);
  certificate["a80"] = word(0);  // X.509
  certificate["a101"] = bytes(names->subject);
  certificate["a102"] = bytes(sha1(*der));
  auto trust = common(0x3ec0'0002, kTrustObject);
  trust["ace536358"] = word(kTrusted);  // servers; the others are clients, mail and code
  for (const char* use : {"ace536359", "ace53635a", "ace53635b"}) trust[use] = word(kNotForThis);
  trust["ace536360"] = truth(false);
  trust["ace5363b4"] = bytes(sha1(*der));

  // Without indexes, which take pages of their own: the table is two rows.
  const std::string table = "CREATE TABLE nssPublic (" + std::string(kColumns) + ")";
  return leaf_page(file_header(2), {cell(1, {text("table"), text("nssPublic"), text("nssPublic"),
                                             number(2), text(table)})}) +
         leaf_page("", {cell(1, row_of(certificate)), cell(2, row_of(trust))});
}

}  // namespace bottle::launcher
