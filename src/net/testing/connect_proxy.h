// SPDX-License-Identifier: Apache-2.0
// An HTTP proxy for tests that knows CONNECT only: notes each request's head and copies bytes both ways.
#pragma once

#include <condition_variable>
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
  // `unix_target`: everybody is connected to that socket, whatever the request names.
  explicit ConnectProxy(std::string refusal = {}, std::string unix_target = {});
  ~ConnectProxy();  // ends all connections
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;

  std::uint16_t port() const { return listener_.port(); }
  // From now on nothing goes through the connections that are open, though nothing is closed. New ones work.
  void freeze();
  // The heads of the requests so far.
  std::vector<std::string> heads() const;

 private:
  void serve(int client);
  void copy(int from, int to, int generation);

  const std::string refusal_;
  const std::string unix_target_;
  RawListener listener_;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;             // guarded by mutex_
  std::vector<file::Descriptor> descriptors_;  // guarded by mutex_
  std::vector<std::thread> connections_;       // the accepting thread's
  int generation_ = 0;                         // guarded by mutex_
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace fairlead::net::testing
