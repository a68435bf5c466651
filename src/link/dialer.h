// SPDX-License-Identifier: Apache-2.0
// The executor's end of the link: dials out, proves its identity, takes commands, sends reports, and comes back with
// full jitter (0.5 s .. 60 s) after every loss. It keeps unacknowledged reports in memory; what must survive the
// process is in the spool of its owner (executor/spool.h), which queues it again at the next start.
//
// Threads: one of its own ("link-dialer") and the socket's. DialerEvents is called on either, one call at a time,
// without locks; it must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "base/signing.h"
#include "link/commands.h"
#include "net/websocket.h"

namespace fairlead::link {

struct DialerOptions {
  // Where: scheme, host and port of the server ("https://fairlead.example.org"), or its Unix socket.
  std::string server_url;
  std::string unix_socket;
  std::string proxy;  // "http://[user:password@]host:port"
  std::string ca_file;
  bool insecure = false;  // any certificate; the server's key is checked all the same where it is known

  // Who.
  std::string executor;  // id from registration
  std::uint64_t epoch = 0;
  std::string incarnation;
  std::string kind;  // "agent" or "worker"
  std::string version;
  std::string host;
  SigningKey key;
  Secret shared_secret;           // instead of a registered key: the built-in worker
  std::string server_public_key;  // 32 bytes; a server with another one is refused. Empty with shared_secret: whichever
                                  // proves the secret

  int first_delay_ms = 500;
  int longest_delay_ms = 60'000;
  int handshake_timeout_ms = 15'000;
  int connect_timeout_ms = 10'000;
  // Without any frame of the server for this long the connection is given up.
  int dead_after_ms = 45'000;
};

struct Connected {
  std::string
      server_incarnation;  // another one than before: the database was restored; drop what is held for the old one
  std::string server_public_key;  // seal secrets in results for it
  bool resumed = false;           // the server still knows this process' stream
};

class DialerEvents {
 public:
  virtual ~DialerEvents() = default;
  // `taken` may be called from any thread once the command is safely noted; until then the server sends it again after
  // a loss.
  virtual void on_command(Command command, std::function<void()> taken) = 0;
  virtual void on_cancel(Cancel cancel) = 0;
  // Before the first command arrives and before queued reports leave.
  virtual void on_connected(const Connected& connected) = 0;
  // Now send_status() has somebody to send to: time for snapshots.
  virtual void on_ready() {}
  // A connection ended, or an attempt to make one failed.
  virtual void on_disconnected(const std::string& reason) = 0;
  // A report with this tag is durable on the server.
  virtual void on_acknowledged(std::uint64_t tag) = 0;
  // Renews leases: a frame of the server arrived.
  virtual void on_sign_of_life() = 0;
  // Keys for Hello.
  virtual std::vector<std::string> running() = 0;
};

// Thread-safe.
class Dialer {
 public:
  Dialer(DialerOptions options, DialerEvents& events, Clock& clock);
  ~Dialer();  // stop()
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  void start();
  // Says goodbye and joins; no event comes any more once it has returned. Idempotent. Not from an event.
  void stop();

  // Queued, sent when connected, acknowledged by on_acknowledged(tag). False: too long.
  bool send(const Result& result, std::uint64_t tag);
  bool send(const LogChunk& chunk, std::uint64_t tag);
  // Latest of one (key, object set) wins; dropped while not connected.
  void send_status(const std::string& slot, const StatusUpdate& update);
  // Bytes of log that may be queued now; 0: wait for on_acknowledged.
  std::size_t log_room() const;

  bool connected() const;
  // Steady time of the last connection's end, or of start(); nullopt while connected.
  std::optional<std::int64_t> disconnected_since_us() const;
  // The last reason why there is no connection, "" while connected.
  std::string last_error() const;
  // Tries at once instead of waiting for the next attempt.
  void hurry();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fairlead::link
