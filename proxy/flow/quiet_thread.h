#pragma once

#include <functional>
#include <thread>

namespace bottle {

// A thread that gets no signals, which are main's. Throws std::system_error: there is none.
[[nodiscard]] std::thread quiet_thread(std::function<void()> work);

}  // namespace bottle
