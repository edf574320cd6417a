#include "proxy/exit/exit_news.h"

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

bool is_nobody_there(Code code) {
  return code == Code::Cancelled || code == Code::ClientGone || code == Code::ClientSlow;
}

}  // namespace

FailureNews news_of(Failure failure, bool exit_is_stopping, std::string upstream_protocol) {
  FailureNews news;
  news.upstream_protocol = std::move(upstream_protocol);
  if (!is_nobody_there(failure.code)) {
    news.by = decided_by(failure, DecidedBy::Origin, DecidedBy::Exit);
    news.failure = std::move(failure);
  } else if (exit_is_stopping) {
    news.by = DecidedBy::Exit;
    news.failure = Failure(Code::ShuttingDown, "the exit stopped before the answer's end");
  } else {
    news.by = DecidedBy::Pipelock;
    news.failure = Failure(Code::Cancelled,
                           "the scanner closed its connection to the exit before the answer's end",
                           problem_code::kScannerLeft);
  }
  return news;
}

}  // namespace bottle
