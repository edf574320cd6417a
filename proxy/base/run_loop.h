#pragma once

#include <boost/asio/io_context.hpp>

namespace bottle {

// Runs a loop to its end. An exception that leaves one of its handlers, which is a bug of ours or
// memory that ran out, ends that handler and nothing else: the loop goes on, and the hook of
// TaskGroup::on_crash hears of it, at most once a second.
void run_loop(boost::asio::io_context& io) noexcept;

}  // namespace bottle
