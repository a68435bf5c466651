// SPDX-License-Identifier: Apache-2.0
// The server's end of the link: accepts executors, sends commands, takes results, logs and status. It keeps nothing
// durable: what has been sent and what has been answered is in the database of the one who implements HubEvents.
//
//   net::Handler::websocket -> Hub::accept -> challenge, Hello -> HubEvents::find_executor -> on_session(connected)
//   on_session: the owner sends what is pending for that executor, recording {key, incarnation} durably BEFORE each
//   send()
//
// Exactly-once for what may not be repeated rests on that order: an executor whose incarnation is the recorded one
// still has its memory and answers a second delivery from it; with another incarnation the owner must not send again
// but end it as lost.
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
#include "net/http_server.h"
#include "net/websocket.h"

namespace fairlead::link {

inline constexpr std::string_view kLinkPath = "/agent/v1/link";
inline constexpr std::string_view kSubprotocol = "fairlead.link.v1";

// How an executor proves who it is: by an Ed25519 key (registered executors) or a shared secret (the built-in worker).
struct ExecutorIdentity {
  std::string public_key;  // 32 bytes, or empty
  Secret shared_secret;    // or empty
};

struct SessionInfo {
  std::string executor;     // id: "Machines-12", "Workers-1"
  std::uint64_t epoch = 0;  // grows with every start of the executor's process; another epoch forgot what was in memory
  std::string incarnation;  // random id of its durable memory; another incarnation forgot everything
  bool connected = false;
  bool resumed =
      false;  // the same process came back: what send() queued before goes on by itself, nothing need be sent again
  std::string version;  // SemVer of its program
  std::string kind;     // "agent" or "worker"
  std::string host;
  std::string peer_address;
  std::vector<std::string> running;  // keys it is at work on, when it connected
};

// Something an executor reported. A log chunk, a result, or (a result with the end of its log) both.
struct Report {
  std::string key;
  std::int64_t log_offset = 0;
  std::vector<LogLine> log;
  std::optional<Result> result;  // its `log` has been moved to the member above
};

// Implemented by the owner of the database. Calls come from the hub's threads, one at a time per executor, and may
// block for a commit. An exception is logged; the session is closed, and the executor sends again what was not
// acknowledged.
class HubEvents {
 public:
  virtual ~HubEvents() = default;
  // nullopt: unknown or disabled; the executor is told so (close code policy) and tries again at long intervals.
  virtual std::optional<ExecutorIdentity> find_executor(const std::string& executor) = 0;
  // Connected: before anything else of this session is delivered. Send what is pending from here or from another
  // thread.
  virtual void on_session(const SessionInfo& session) = 0;
  // All of it must be durable on return: it is acknowledged then. Duplicates of what was taken before may come at any
  // time (lines below the known offset, results of ended keys): drop them. Order within a key is kept.
  virtual void on_reports(const std::string& executor, std::vector<Report> reports) = 0;
  // Latest wins; never resent.
  virtual void on_status(const std::string& executor, StatusUpdate update) = 0;
};

// The store's sealer as the hub needs it.
struct HubSecrets {
  std::function<Secret(const std::string& sealed)> open;  // Confidential::sealed -> text
  std::function<std::string(const Secret& text)> seal;    // for secrets in results (sensitive output variables)
};

struct HubOptions {
  std::string server_incarnation;  // new after a restore of the database: executors then drop what they hold
  SigningKey key;                  // the server's own; executors seal secrets in results for it and refuse anybody else
  std::size_t max_sessions = 10'000;
  int handshake_timeout_ms = 10'000;
  int ping_interval_ms = 15'000;  // each renews the leases of what the executor is at work on
  int threads = 4;                // for HubEvents
};

enum class Sent {
  queued,  // on its way; resent until acknowledged while this server process and that incarnation live
  not_connected,
  other_incarnation,
  refused,  // too large, or too much queued for that executor
};

// Thread-safe. `events` and the clock must outlive it.
class Hub {
 public:
  Hub(HubOptions options, HubSecrets secrets, HubEvents& events, Clock& clock);
  ~Hub();  // stop()
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // From net::Handler::websocket for kLinkPath. A Response refuses. Returns at once; the handshake happens on the
  // socket.
  std::optional<net::Response> accept(net::Request&& request, std::shared_ptr<net::WebSocket> socket);

  // Sends a command if the executor is connected with this incarnation. Never blocks. The same key may be sent again.
  Sent send(const std::string& executor, std::string_view incarnation, Command command);
  // Best effort where not connected (false): the owner sends it again on the next on_session.
  bool cancel(const std::string& executor, Cancel cancel);

  std::optional<SessionInfo> session(const std::string& executor) const;
  std::vector<SessionInfo> sessions() const;
  // Closes the session of a deleted or disabled executor.
  void disconnect(const std::string& executor, const std::string& reason);
  // Closes all sessions (going away), finishes running calls of HubEvents, joins. Idempotent.
  void stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fairlead::link
