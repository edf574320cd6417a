#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/control/control_server.h"
#include "proxy/control/policy_book.h"
#include "proxy/flow/ask_book.h"
#include "proxy/policy_desk.h"

namespace bottle {

// The person's side of the asks: lists them, and takes answers. An answer that lets a host through
// is a change of the policy, as `bottle allow` makes it. On main's thread.
class AskDesk final : public ControlService {
 public:
  // All outlive it, and its loop does not run when it goes. `asks` null: there is no question.
  AskDesk(boost::asio::io_context& io, AskBook* asks, PolicyDesk& policy, const PolicyBook& book);
  ~AskDesk() override;
  AskDesk(const AskDesk&) = delete;
  AskDesk& operator=(const AskDesk&) = delete;

  void handle(ControlRequest request, const std::string& who,
              std::function<void(std::string answer)> done) override;
  // Requests that the policy has another word on now go on.
  void policy_changed(const std::string& who);
  // No answer that waits for a change comes any more, and no timer is left.
  void close();

 private:
  struct Listener {
    std::string id;
    std::uint64_t known = 0;
    std::function<void(std::string answer)> done;
    std::unique_ptr<boost::asio::steady_timer> timer;
  };
  using Listeners = std::vector<std::shared_ptr<Listener>>;
  void list(const ControlRequest& request, std::function<void(std::string answer)> done);
  void answer(const ControlRequest& request, const std::string& who,
              std::function<void(std::string answer)> done);
  void tell_listeners();
  [[nodiscard]] std::string listed(const std::string& id) const;

  boost::asio::io_context& io_;
  AskBook* const asks_;
  PolicyDesk& policy_;
  const PolicyBook& book_;
  Listeners listeners_;
};

}  // namespace bottle
