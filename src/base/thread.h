// SPDX-License-Identifier: Apache-2.0
// Threads with a name, which `top -H` and debuggers show, and with all signals blocked: process signals belong to main,
// and a write to a closed socket by OpenSSL or curl must give an error, not SIGPIPE.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace fairlead {

// `name`: at most 15 characters are kept.
std::thread start_thread(const std::string& name, std::function<void()> run);

}  // namespace fairlead
