// SPDX-License-Identifier: Apache-2.0
// One curl multi handle and the thread that drives it. Public members are thread-safe; everything of curl happens on
// the lane's thread.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/curl_transfer.h"

namespace fairlead::net {

class CurlLane {
 public:
  // `connections_per_host` 0: no limit.
  CurlLane(const std::string& name, HttpClient::Options options, int connections_per_host);
  ~CurlLane();
  CurlLane(const CurlLane&) = delete;
  CurlLane& operator=(const CurlLane&) = delete;

  // A transfer with `failure` set ends with it, without going out.
  void add(std::shared_ptr<Transfer> transfer);
  void cancel(std::shared_ptr<Transfer> transfer, std::string reason);
  void resume(std::shared_ptr<Transfer> transfer);
  // Ends every transfer with Error(cancelled) and joins. Not on the lane's own thread.
  void stop();
  bool on_own_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  struct Command {
    enum class Kind { add, cancel, resume } kind;
    std::shared_ptr<Transfer> transfer;
    std::string reason;
  };
  void post(Command command);
  void run();
  void obey(Command& command);
  void begin(const std::shared_ptr<Transfer>& transfer);
  void go_on(Transfer& transfer);
  void collect_finished();
  void finish(Transfer& transfer, CURLcode code);
  void follow(const std::shared_ptr<Transfer>& transfer);
  void end(std::shared_ptr<Transfer> transfer, ClientResult result);
  void end_silent_streams();
  // For a transfer that has waited in vain: where nobody else has got a byte from its origin meanwhile, its connection
  // is taken for dead and shut.
  void shut_if_dead(const Transfer& transfer);
  void note_heard(const std::string& origin);
  int poll_timeout_ms() const;

  const HttpClient::Options options_;
  CURLM* multi_;
  std::mutex mutex_;
  std::vector<Command> inbox_;  // guarded by mutex_
  bool stopping_ = false;       // guarded by mutex_
  std::atomic<std::size_t> accepted_{0};
  // The lane's thread only:
  std::unordered_map<Transfer*, std::shared_ptr<Transfer>> running_;
  std::unordered_map<Transfer*, std::string> cancelled_early_;  // the cancel came before the transfer; with its reason
  std::vector<std::unique_ptr<CURL, Transfer::Free>> spare_;    // reset handles
  std::unordered_map<std::string, std::int64_t> heard_;         // when an answer that ended was complete, by its origin
  std::size_t watched_for_silence_ = 0;
  std::int64_t next_silence_check_us_ = 0;
  std::thread thread_;
};

}  // namespace fairlead::net
