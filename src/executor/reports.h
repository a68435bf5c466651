// SPDX-License-Identifier: Apache-2.0
// Sends what commands report, in the order that makes it whole: the lines of a command in pieces while it runs (at the
// latest kFlushEveryUs after they were written), its result after its last line. A short command's lines travel with
// its result.
//
// Thread-safe; nothing here blocks on the network.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "executor/command_log.h"
#include "link/commands.h"

namespace fairlead::link {
class Dialer;
}

namespace fairlead::executor {

inline constexpr std::int64_t kFlushEveryUs = 500 * kMillisecond;
inline constexpr std::size_t kFlushAtBytes = 16 << 10;
inline constexpr std::size_t kChunkBytes = 128 << 10;

class Reports {
 public:
  // `on_delivered`: the server has the result of this key; called on the link's thread without locks.
  Reports(const Clock& clock, std::function<void(const std::string& key)> on_delivered);
  ~Reports();  // stop()
  void start(link::Dialer& dialer);
  void stop();

  void open(const std::string& key, std::shared_ptr<CommandLog> log);
  // After which nothing is written to its log any more.
  void finish(link::Result result);
  // From DialerEvents.
  void acknowledged(std::uint64_t tag);
  // Forgets everything that is not sent: the server's database is another one.
  void drop_all();
  // Keys whose result the server does not have yet.
  std::size_t open_count() const;

 private:
  struct Command {
    std::shared_ptr<CommandLog> log;
    std::optional<link::Result> result;
    bool chunk_in_flight = false;
    bool result_sent = false;
    std::int64_t flush_due_us = 0;  // 0: nothing waits
  };
  struct Tag {
    std::string key;
    bool is_result = false;
  };
  void written(const std::string& key);
  void advance(const std::string& key, Command& command, bool flush);
  void run();

  const Clock& clock_;
  const std::function<void(const std::string&)> on_delivered_;
  link::Dialer* dialer_ = nullptr;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::int64_t next_flush_us_ = 0;  // 0: none
  std::uint64_t next_tag_ = 1;
  std::map<std::string, Command> commands_;
  std::map<std::uint64_t, Tag> tags_;
  std::thread thread_;
};

}  // namespace fairlead::executor
