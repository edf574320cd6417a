#include "proxy/http/refusal_form.h"

#include <algorithm>
#include <array>
#include <string>

#include "proxy/http/h1_writer.h"

namespace bottle {
namespace {

// ---- which form

// The parts of a head that tell.
struct Signs {
  const RequestHead& head;
  std::string_view path;
  std::string_view query;
  std::string_view agent;

  [[nodiscard]] bool is_post() const { return head.method == "POST"; }
  [[nodiscard]] std::string_view field(std::string_view name) const {
    return head.fields.find(name).value_or(std::string_view());
  }
};

Signs signs_of(const RequestHead& head) {
  const std::string_view target = head.target;
  const std::size_t end = std::min(target.find('?'), target.size());
  const std::size_t query = std::min(end + 1, target.size());
  Signs signs{head, target.substr(0, end), target.substr(query), {}};
  signs.agent = signs.field("user-agent");
  return signs;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

template <std::size_t N>
bool ends_with_any(std::string_view text, const std::array<std::string_view, N>& ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](std::string_view end) { return text.ends_with(end); });
}

template <std::size_t N>
bool starts_with_any(std::string_view text, const std::array<std::string_view, N>& begins) {
  return std::any_of(begins.begin(), begins.end(), [&](std::string_view begin) {
    return iequals(text.substr(0, begin.size()), begin);
  });
}

bool is_mcp(const Signs& signs) {
  constexpr std::string_view kPrefix = "mcp-";
  for (const Field& field : signs.head.fields) {
    if (iequals(field.name.substr(0, kPrefix.size()), kPrefix)) return true;
  }
  return false;
}

bool is_anthropic(const Signs& signs) {
  return signs.head.fields.has("anthropic-version") || signs.path.ends_with("/v1/messages") ||
         contains(signs.path, "/v1/messages/");
}

bool is_openai(const Signs& signs) {
  constexpr std::array<std::string_view, 6> kPaths = {"/v1/responses",     "/codex/responses",
                                                      "/openai/responses", "/chat/completions",
                                                      "/v1/completions",   "/v1/embeddings"};
  constexpr std::array<std::string_view, 3> kAgents = {"OpenAI/", "AsyncOpenAI/", "codex"};
  constexpr std::array<std::string_view, 3> kFields = {"openai-beta", "openai-organization",
                                                       "openai-project"};
  if (ends_with_any(signs.path, kPaths) || contains(signs.path, "/v1/responses/")) return true;
  if (starts_with_any(signs.agent, kAgents)) return true;
  return std::any_of(kFields.begin(), kFields.end(),
                     [&](std::string_view name) { return signs.head.fields.has(name); });
}

bool is_container_registry(const Signs& signs) {
  constexpr std::array<std::string_view, 7> kAgents = {
      "docker/", "containers/", "containerd/",         "buildkit/",
      "skopeo/", "Buildah/",    "go-containerregistry"};
  constexpr std::array<std::string_view, 4> kParts = {"/manifests/", "/blobs/", "/tags/list",
                                                      "/referrers/"};
  if (starts_with_any(signs.agent, kAgents)) return true;
  if (!signs.path.starts_with("/v2/")) return false;
  return signs.path.size() == 4 || std::any_of(kParts.begin(), kParts.end(), [&](auto part) {
           return contains(signs.path, part);
         });
}

bool shows_json_error(const Signs& signs) {
  constexpr std::array<std::string_view, 6> kAgents = {"npm/", "pnpm/",    "yarn/",
                                                       "Bun/", "git-lfs/", "GitHub CLI"};
  return starts_with_any(signs.agent, kAgents);
}

bool is_git(const Signs& signs) {
  constexpr std::array<std::string_view, 2> kAgents = {"git/", "JGit/"};
  constexpr std::array<std::string_view, 2> kPaths = {"/git-upload-pack", "/git-receive-pack"};
  return starts_with_any(signs.agent, kAgents) || ends_with_any(signs.path, kPaths) ||
         (signs.path.ends_with("/info/refs") && signs.query.starts_with("service=git-"));
}

bool is_go_module(const Signs& signs) {
  return contains(signs.path, "/@v/") || signs.path.ends_with("/@latest") ||
         signs.path.starts_with("/sumdb/") || signs.query == "go-get=1";
}

bool is_package_manager(const Signs& signs) {
  constexpr std::array<std::string_view, 13> kAgents = {"pip/",
                                                        "uv/",
                                                        "poetry/",
                                                        "pdm/",
                                                        "cargo/",
                                                        "cargo ",
                                                        "Debian APT-HTTP/",
                                                        "Ubuntu APT",
                                                        "Ruby, RubyGems/",
                                                        "bundler/",
                                                        "Apache-Maven/",
                                                        "Gradle/",
                                                        "Composer/"};
  return starts_with_any(signs.agent, kAgents);
}

bool is_browser(const Signs& signs) {
  constexpr std::array<std::string_view, 1> kTypes = {"text/html"};
  return starts_with_any(trim_ows(signs.field("accept")), kTypes);
}

bool posts_json(const Signs& signs) {
  if (!signs.is_post()) return false;
  const std::string_view type = signs.field("content-type");
  const std::string_view media = trim_ows(type.substr(0, type.find(';')));
  return iequals(media, "application/json") || iequals(media, "application/json-rpc") ||
         iequals(media, "application/jsonrequest");
}

struct Row {
  bool (*fits)(const Signs& signs);
  RefusalForm form;
};

// The first row that fits counts. Fields that only one kind of client sends come before paths that
// others may have, too.
constexpr std::array kRows = {
    Row{is_mcp, RefusalForm::JsonRpc},
    Row{is_anthropic, RefusalForm::Anthropic},
    Row{is_openai, RefusalForm::OpenAi},
    Row{shows_json_error, RefusalForm::JsonError},
    Row{is_git, RefusalForm::Text},
    Row{is_package_manager, RefusalForm::Text},
    Row{is_container_registry, RefusalForm::Oci},
    Row{is_go_module, RefusalForm::Text},
    Row{is_browser, RefusalForm::Html},
    Row{posts_json, RefusalForm::JsonPost},
};

// ---- the texts

constexpr std::size_t kShown = 200;  // of a message, by the client that shows least
constexpr std::size_t kMaxHost = 72;
constexpr std::size_t kMaxMessage = 2048;
constexpr int kCallRefused = -32003;  // of the codes that JSON-RPC leaves to servers

void append_plain(std::string& out, std::string_view text) {
  for (const char c : text) out += c >= 0x20 && c < 0x7f ? c : '?';
}

void append_cut(std::string& out, std::string_view text, std::size_t max) {
  append_plain(out, text.substr(0, max));
  if (text.size() > max) out += "...";
}

void append_sentence(std::string& out, std::string_view text) {
  text = trim_ows(text);
  if (text.empty()) return;
  out += out.back() == '.' ? " " : ". ";
  append_cut(out, text, kMaxProblemText);
}

std::string_view hint_of(const Failure& failure) {
  return failure.hint.empty() ? traits(failure.code).hint : std::string_view(failure.hint);
}

std::string_view first_sentence(std::string_view text) {
  const std::size_t end = text.find(". ");
  return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

// One line: title, host, code, detail, hint, request. Clients show kShown characters: a detail that
// would push the next step out of them comes behind it. A host is cut at the front: its end names
// the owner.
std::string message_of(const Failure& failure, const RefusalFacts& facts) {
  std::string out = "bottle: ";
  out += traits(failure.code).title;
  if (!facts.host.empty()) {
    out += ": ";
    const bool cut = facts.host.size() > kMaxHost;
    if (cut) out += "...";
    append_plain(out, cut ? facts.host.substr(facts.host.size() - kMaxHost) : facts.host);
  }
  out.append(" (").append(problem_word(failure)).append(")");
  const std::string_view hint = hint_of(failure);
  const std::string_view step = first_sentence(hint);
  const std::string_view detail = failure.detail;
  const bool fits = out.size() + detail.size() + step.size() + 4 <= kShown;
  if (fits && !detail.empty()) {
    out += ": ";
    append_cut(out, detail, kMaxProblemText);
  }
  append_sentence(out, step);
  if (!fits) append_sentence(out, detail);
  append_sentence(out, hint.substr(step.size()));
  if (out.back() != '.') out += '.';
  out += " (request ";
  append_plain(out, facts.request_id);
  out += ')';
  return out;
}

void append_html(Bytes& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c >= 0x20 && c < 0x7f ? c : '?';
    }
  }
}

void append_string(Bytes& out, std::string_view text) {
  append_json_string(out, text, kMaxMessage);
}

// ---- the documents

struct Document {
  std::string_view type;
  Bytes body;
};

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
    case 407:
      return "authentication_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

Document anthropic(const std::string& message, int status, std::string_view id) {
  Bytes body = R"({"type":"error","error":{"type":")";
  body.append(anthropic_type(status)).append(R"(","message":)");
  append_string(body, message);
  body += R"(},"request_id":)";
  append_string(body, id);
  body += "}\n";
  return {"application/json", std::move(body)};
}

Document openai(const std::string& message, int status, std::string_view code) {
  Bytes body = R"({"error":{"message":)";
  append_string(body, message);
  body += R"(,"type":")";
  body += status == 429  ? "rate_limit_error"
          : status < 500 ? "invalid_request_error"
                         : "server_error";
  body += R"(","param":null,"code":)";
  append_string(body, code);
  body += "}}\n";
  return {"application/json", std::move(body)};
}

Document json_rpc(const std::string& message, const Failure& failure, const RefusalFacts& facts) {
  Bytes body = R"({"jsonrpc":"2.0","id":)";
  body += facts.call_id.empty() ? std::string_view("null") : facts.call_id;
  body.append(R"(,"error":{"code":)").append(std::to_string(kCallRefused)).append(R"(,"message":)");
  append_string(body, message);
  body += R"(,"data":{"code":)";
  append_string(body, problem_word(failure));
  body += R"(,"hint":)";
  append_string(body, hint_of(failure));
  body += R"(,"request_id":)";
  append_string(body, facts.request_id);
  body += "}}}\n";
  return {"application/json", std::move(body)};
}

Document oci(const std::string& message, int status, std::string_view code) {
  Bytes body = R"({"errors":[{"code":")";
  body += status == 403 ? "DENIED" : status == 429 ? "TOOMANYREQUESTS" : "UNKNOWN";
  body += R"(","message":)";
  append_string(body, message);
  body += R"(,"detail":{"code":)";
  append_string(body, code);
  body += "}}]}\n";
  return {"application/json", std::move(body)};
}

Document json_error(const std::string& message) {
  Bytes body = R"({"error":)";
  append_string(body, message);
  body += R"(,"message":)";
  append_string(body, message);
  body += "}\n";
  return {"application/json", std::move(body)};
}

constexpr std::string_view kPageBegin =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>";
constexpr std::string_view kPageStyle =
    "</title><style>body{font:1.1em/1.5 sans-serif;max-width:40em;margin:4em auto;padding:0 1em}"
    "h1{font-size:1.4em}code{font-size:.9em}</style></head><body>\n<h1>";

Document page(const Failure& failure, const RefusalFacts& facts) {
  Bytes body(kPageBegin);
  const std::string title = problem_title(failure, facts.host);
  append_html(body, title);
  body += kPageStyle;
  append_html(body, title);
  body += "</h1>\n<p>";
  append_html(body, std::string_view(failure.detail).substr(0, kMaxProblemText));
  body += "</p>\n<p>";
  append_html(body, hint_of(failure).substr(0, kMaxProblemText));
  body += "</p>\n<p><code>";
  append_html(body, problem_word(failure));
  body += "</code>, request <code>";
  append_html(body, facts.request_id);
  body += "</code>, answered by bottle</p>\n</body></html>\n";
  return {"text/html; charset=utf-8", std::move(body)};
}

// ---- the answer

// A status that the client takes for what it is.
int status_for(RefusalForm form, int status, const RefusalFacts& facts) {
  if (status != 403) return status;
  if (form == RefusalForm::Anthropic || form == RefusalForm::OpenAi) return 400;
  // Without an id the client would wait for the answer to another call.
  if (form == RefusalForm::JsonRpc && !facts.call_id.empty()) return 200;
  return status;
}

Document document(RefusalForm form, int status, const Failure& failure, const RefusalFacts& facts) {
  const std::string message = message_of(failure, facts);
  switch (form) {
    case RefusalForm::Anthropic:
      return anthropic(message, status, facts.request_id);
    case RefusalForm::OpenAi:
      return openai(message, status, problem_word(failure));
    case RefusalForm::JsonRpc:
      return json_rpc(message, failure, facts);
    case RefusalForm::Oci:
      return oci(message, status, problem_word(failure));
    case RefusalForm::JsonError:
      return json_error(message);
    case RefusalForm::Html:
      return page(failure, facts);
    case RefusalForm::Text:
    case RefusalForm::Problem:
    case RefusalForm::JsonPost:
      break;
  }
  return {"text/plain; charset=utf-8", message + "\n"};
}

}  // namespace

RefusalForm refusal_form(const RequestHead& head) {
  const Signs signs = signs_of(head);
  for (const Row& row : kRows) {
    if (row.fits(signs)) return row.form;
  }
  return RefusalForm::Problem;
}

LocalAnswer refusal_answer(RefusalForm form, const Failure& failure, const RefusalFacts& facts) {
  if (form == RefusalForm::JsonPost) {
    form = facts.is_call ? RefusalForm::JsonRpc : RefusalForm::Problem;
  }
  LocalAnswer answer = problem_answer(failure, facts.request_id, facts.host, facts.status);
  if (form == RefusalForm::Problem) return answer;
  ResponseHead& head = answer.head;
  const int status = status_for(form, head.status, facts);
  Document made = document(form, status, failure, facts);
  if (status != head.status) {
    head.status = status;
    head.reason = reason_phrase(status);
  }
  head.fields.set("Content-Type", made.type);
  if (form == RefusalForm::Text) {
    // apt, pip and gem show the reason phrase alone.
    head.reason = made.body.substr(0, made.body.size() - 1);
  } else if (form == RefusalForm::Html) {
    head.fields.add("Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
  } else if ((form == RefusalForm::Anthropic || form == RefusalForm::OpenAi) &&
             failure.code == Code::NotSupported) {
    // Their clients try again at every status from 500 on, unless they are told.
    head.fields.add("X-Should-Retry", "false");
  }
  answer.body = std::move(made.body);
  head.content_length = answer.body.size();
  return answer;
}

}  // namespace bottle
