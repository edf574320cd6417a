#include "proxy/http/websocket/deflate_parameters.h"

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/contract/problem_codes.h"
#include "proxy/http/framing_rules.h"

namespace bottle::websocket {
namespace {

constexpr std::string_view kField = "sec-websocket-extensions";
constexpr std::string_view kName = "permessage-deflate";

// More than any client sends; each one costs a look.
constexpr std::size_t kMostExtensions = 16;
constexpr std::size_t kMostParameters = 16;

struct Parameter {
  std::string_view name;
  std::string value;  // without its quotes
  bool has_value = false;
};
struct Extension {
  std::string_view name;
  std::vector<Parameter> parameters;
};

// Reads the field's grammar (RFC 6455 section 9.1, RFC 9110 section 5.6).
class ExtensionsReader {
 public:
  explicit ExtensionsReader(std::string_view text) : text_(text) {}

  // False: it is no list of extensions.
  [[nodiscard]] bool read(std::vector<Extension>& out) {
    for (;;) {
      skip_space();
      // A list may have empty elements (RFC 9110 section 5.6.1).
      if (!text_.empty() && text_.front() != ',' && !extension(out)) return false;
      skip_space();
      if (text_.empty()) return true;
      if (!take(',')) return false;
    }
  }

 private:
  bool extension(std::vector<Extension>& out) {
    Extension one;
    if (out.size() == kMostExtensions || !token(one.name)) return false;
    for (;;) {
      skip_space();
      if (!take(';')) break;
      skip_space();
      Parameter parameter;
      if (one.parameters.size() == kMostParameters || !token(parameter.name)) return false;
      skip_space();
      if (take('=')) {
        skip_space();
        parameter.has_value = true;
        if (!value(parameter.value)) return false;
      }
      one.parameters.push_back(std::move(parameter));
    }
    out.push_back(std::move(one));
    return true;
  }

  // A token, or a quoted string that holds one.
  bool value(std::string& out) {
    if (!take('"')) {
      std::string_view text;
      if (!token(text)) return false;
      out = text;
      return true;
    }
    while (!text_.empty() && text_.front() != '"') {
      if (text_.front() == '\\') text_.remove_prefix(1);
      if (text_.empty()) return false;
      out += text_.front();
      text_.remove_prefix(1);
    }
    return take('"') && is_token(out);
  }

  bool token(std::string_view& out) {
    std::size_t size = 0;
    while (size < text_.size() && is_token(text_.substr(size, 1))) ++size;
    out = text_.substr(0, size);
    text_.remove_prefix(size);
    return size > 0;
  }

  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  void skip_space() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t'))
      text_.remove_prefix(1);
  }

  std::string_view text_;
};

// All fields of the name, one after the other. False: one of them is no list.
bool read_extensions(const Fields& fields, std::vector<Extension>& out) {
  for (const Field field : fields) {
    if (iequals(field.name, kField) && !ExtensionsReader(field.value).read(out)) return false;
  }
  return true;
}

// 8 to 15, without a leading zero; 0: it is none of them.
int window_bits(const Parameter& parameter) {
  const std::string& text = parameter.value;
  if (text == "8" || text == "9") return text[0] - '0';
  if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') {
    return 10 + (text[1] - '0');
  }
  return 0;
}

// The parameters as `from` may send them. Nothing: one is unknown, repeated or wrong.
enum class From { Client, Origin };
std::optional<DeflateParameters> parameters_of(const Extension& extension, From from) {
  DeflateParameters out;
  bool seen[4] = {};
  for (const Parameter& parameter : extension.parameters) {
    const auto is = [&](std::string_view name, std::size_t which) {
      return iequals(parameter.name, name) && !std::exchange(seen[which], true);
    };
    const int bits = window_bits(parameter);
    if (is("server_no_context_takeover", 0) && !parameter.has_value) {
      out.server_no_context_takeover = true;
    } else if (is("client_no_context_takeover", 1) && !parameter.has_value) {
      out.client_no_context_takeover = true;
    } else if (is("server_max_window_bits", 2) && bits != 0) {
      out.server_max_window_bits = bits;
    } else if (is("client_max_window_bits", 3) &&
               (bits != 0 || (from == From::Client && !parameter.has_value))) {
      // An offer says what the client can do; an answer, what it must.
      if (from == From::Origin) out.client_max_window_bits = bits;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

Failure wrong_answer(const char* what) {
  return Failure{Code::UpstreamBroken, what, problem_code::kWebsocketHandshake};
}

}  // namespace

Result<std::optional<DeflateParameters>> offer_of_client(const Fields& fields) {
  std::vector<Extension> extensions;
  if (!read_extensions(fields, extensions)) {
    return Failure{Code::ClientBad, "Sec-WebSocket-Extensions is no list of extensions",
                   problem_code::kWebsocketHandshake};
  }
  for (const Extension& extension : extensions) {
    if (!iequals(extension.name, kName)) continue;
    const auto parameters = parameters_of(extension, From::Client);
    if (parameters) return parameters;
  }
  return std::optional<DeflateParameters>();
}

std::string answer_to_client(const DeflateParameters& agreed) {
  std::string text(kName);
  if (agreed.server_no_context_takeover) text += "; server_no_context_takeover";
  if (agreed.client_no_context_takeover) text += "; client_no_context_takeover";
  if (agreed.server_max_window_bits != DeflateParameters::kMostBits) {
    text += "; server_max_window_bits=" + std::to_string(agreed.server_max_window_bits);
  }
  return text;
}

std::string offer_to_origin() { return std::string(kName) + "; client_max_window_bits"; }

Result<std::optional<DeflateParameters>> answer_of_origin(const Fields& fields, bool offered) {
  std::vector<Extension> extensions;
  if (!read_extensions(fields, extensions)) {
    return wrong_answer("the origin's Sec-WebSocket-Extensions is no list of extensions");
  }
  if (extensions.empty()) return std::optional<DeflateParameters>();
  if (!offered || extensions.size() > 1 || !iequals(extensions.front().name, kName)) {
    return wrong_answer("the origin chose an extension that was not offered");
  }
  const auto parameters = parameters_of(extensions.front(), From::Origin);
  if (!parameters) return wrong_answer("the origin's permessage-deflate has wrong parameters");
  return parameters;
}

}  // namespace bottle::websocket
