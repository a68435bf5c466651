// SPDX-License-Identifier: Apache-2.0
// An HTTP proxy for tests that knows CONNECT only: notes each request's head and copies bytes both ways.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/testing/raw_client.h"

namespace fairlead::net::testing {

class ConnectProxy {
 public:
  // `refusal`: a status line such as "407 Proxy Authentication Required" answered to everyone; empty: whoever asks is
  // connected.
  explicit ConnectProxy(std::string refusal = {});
  ~ConnectProxy();  // ends all connections
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;

  std::uint16_t port() const { return listener_.port(); }
  // The heads of the requests so far.
  std::vector<std::string> heads() const;

 private:
  void serve(int client);
  void copy(int from, int to);

  const std::string refusal_;
  RawListener listener_;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;             // guarded by mutex_
  std::vector<file::Descriptor> descriptors_;  // guarded by mutex_
  std::vector<std::thread> connections_;       // the accepting thread's
  bool stopping_ = false;                      // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace fairlead::net::testing
