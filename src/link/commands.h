// SPDX-License-Identifier: Apache-2.0
// What a server asks of an executor and what it gets back: plain values with type tables, JSON on the wire
// (docs/formats/link.md). A command is identified by its key, which the sender makes once and never uses for anything
// else; an executor answers a repeated key from its memory.
//
// All types are values; their tables are immutable, so everything here is thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "json/type.h"

namespace fairlead::link {

inline constexpr std::size_t kMaxKeyBytes = 512;
inline constexpr std::size_t kMaxCommandBytes = std::size_t{32} << 20;  // a whole command as JSON
inline constexpr std::size_t kMaxResultBytes = std::size_t{16} << 20;
inline constexpr int kDefaultLeaseSeconds = 60;

// A text that may be secret. In the sender's database it is `sealed` by the store (or `plain` where nothing in it is
// secret); the hub opens it at the moment of sending and seals it for this one session, so that neither a journal, a
// spool nor an intercepting proxy holds it; the executor opens that. Exactly one member is set; all empty is the empty
// text. JSON: {"Plain": ...} | {"Sealed": ...} | {"Transport": ...}.
struct Confidential {
  std::string plain;
  std::string sealed;     // opaque text of the store's sealer; see HubSecrets
  std::string transport;  // base64, see link/transport.h
  bool secret() const { return !sealed.empty() || !transport.empty(); }
  static Confidential of(std::string text) { return Confidential{std::move(text), {}, {}}; }
  static Confidential of_sealed(std::string text) { return Confidential{{}, std::move(text), {}}; }
};
const json::Type& type_of(json::Tag<Confidential>);

// --- Envelopes -------------------------------------------------------------------------------------------------------

// Kinds of commands: the names of the types' tables, on the wire and in activity rows.
namespace kind {
inline constexpr std::string_view apply = "Apply";       // Apply -> ApplyResult; repeatable
inline constexpr std::string_view verify = "Verify";     // Verify -> VerifyResult; repeatable, long-lived, no slot
inline constexpr std::string_view script = "RunScript";  // RunScript -> ScriptResult; NOT repeatable
inline constexpr std::string_view check_health = "CheckHealth";  // CheckHealth -> HealthResult; repeatable
inline constexpr std::string_view remove = "Delete";             // Delete -> DeleteResult; repeatable
}  // namespace kind

struct Command {
  std::string key;
  std::string kind;
  // False: when the executor does not know how a first delivery ended, it answers `lost` and never runs it again.
  bool repeatable = false;
  int lease_seconds = kDefaultLeaseSeconds;
  // How many lines of this command's log the owner has durably: those of this delivery are numbered from here on, or
  // from where the executor's own spool ends, whichever is later.
  std::int64_t log_offset = 0;
  json::Raw payload;  // the struct of the kind
};
const json::Type& type_of(json::Tag<Command>);

struct Cancel {
  std::string key;
  std::string reason;  // "cancelled by alice": ends in the log
};
const json::Type& type_of(json::Tag<Cancel>);

// How a command ended.
enum class Outcome {
  succeeded,
  failed,     // error says why; value may hold what was done before
  cancelled,  // by Cancel; value may hold what was done before
  lost,       // not repeatable, and nobody knows whether it ran to its end
  stopped,    // the lease ran out between two objects; a repeatable command may be offered again
};
const json::EnumNames& names_of(json::Tag<Outcome>);

// One line of a task log. Secrets are masked already.
struct LogLine {
  Time time;
  // Info, Verbose, Warning, Error, Fatal, Highlight, Wait, Planned: Octopus's words.
  std::string category = "Info";
  std::string text;
  std::string detail;           // more lines, shown when unfolded
  std::optional<int> progress;  // percent; such a line moves the progress bar, its text says at what the work is
};
const json::Type& type_of(json::Tag<LogLine>);

// Lines `offset`, offset + 1, ... of the log of one command. Offsets count lines from 0 and have no gap.
struct LogChunk {
  std::string key;
  std::int64_t offset = 0;
  std::vector<LogLine> lines;
};
const json::Type& type_of(json::Tag<LogChunk>);

struct Detail {
  std::string where;
  std::string text;
};
const json::Type& type_of(json::Tag<Detail>);

struct Failure {
  std::string fault = "bug";  // name_of(Fault)
  std::string message;
  std::vector<Detail> details;
  std::string help;
  int retry_after_seconds = 0;
};
const json::Type& type_of(json::Tag<Failure>);
Failure failure_of(const Error& error);
Error error_of(const Failure& failure);

struct Result {
  std::string key;
  Outcome outcome = Outcome::failed;
  std::optional<Failure> error;  // unless succeeded
  json::Raw value;               // the result struct of the kind; may be absent unless succeeded
  Time started;
  Time finished;
  // The end of the log, so that a short command needs one message: all lines from `log_offset` on. Lines before it have
  // been acknowledged earlier.
  std::int64_t log_offset = 0;
  std::vector<LogLine> log;
};
const json::Type& type_of(json::Tag<Result>);

// --- Clusters and objects

// How to reach a cluster. `own`: the executor's own (in-cluster account, or its --kubeconfig): the rest is ignored but
// `name`.
struct ClusterAccess {
  std::string
      name;  // stable id of the cluster or target ("Machines-12"): one client and one mirror per name and connection
  bool own = false;
  std::string server_url;  // https://host:port
  std::string ca_pem;      // empty: the system's store
  bool skip_tls_verification = false;
  std::string tls_server_name;
  std::string proxy_url;
  // One of: token | username and password | certificate and key.
  Confidential token;
  std::string username;
  Confidential password;
  std::string client_certificate_pem;
  Confidential client_key_pem;
};
const json::Type& type_of(json::Tag<ClusterAccess>);

struct ObjectRef {
  std::string api_version;  // "apps/v1"
  std::string kind;
  std::string namespace_name;  // wire name Namespace; empty for cluster-scoped kinds
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  std::string resource_version;
  std::string text() const;  // "Deployment default/web"
};
const json::Type& type_of(json::Tag<ObjectRef>);

// --- apply

struct DocumentText {
  std::string name;   // "inline", "deploy/web.yaml": errors say name:line
  Confidential text;  // YAML or JSON, variables already substituted
};
const json::Type& type_of(json::Tag<DocumentText>);

struct Apply {
  ClusterAccess cluster;
  std::vector<DocumentText> documents;
  std::string default_namespace = "default";  // for namespaced kinds without one
  bool create_namespace = false;  // makes default_namespace first where it is missing and this run is allowed to
  std::string field_manager;      // "fairlead/ab12cd/Projects-12"; former managers of ours are absorbed
  Confidential hash_key;  // keys the applied-hash annotation; stable per server; empty: Secrets are always applied
  bool force = true;      // take over conflicting fields and name them in the log
  bool dry_run = false;
  // The mirror watches the kinds before the write, and the answer waits a moment for a verdict on what was applied.
  bool will_verify = true;
  bool wait_for_jobs = false;                 // for that verdict
  std::map<std::string, std::string> labels;  // added to every object
  std::map<std::string, std::string> annotations;
  std::vector<Confidential> mask;  // values never to be shown in the log or an error
  std::string task_id;
  std::string step_id;
  std::string deployment_id;
};
const json::Type& type_of(json::Tag<Apply>);

enum class ObjectAction { created, configured, unchanged, deleted, absent, failed, skipped };
const json::EnumNames& names_of(json::Tag<ObjectAction>);

struct ObjectOutcome {
  ObjectRef object;
  ObjectAction action = ObjectAction::skipped;
  std::string source;                   // "inline:12"
  std::vector<std::string> taken_over;  // "spec.replicas from kubectl-client-side-apply"
  std::optional<Failure> error;
};
const json::Type& type_of(json::Tag<ObjectOutcome>);

// --- verify

// Wire copies of the mirror's fail-fast thresholds; absent: the executor's defaults.
struct Thresholds {
  std::optional<std::int64_t> image_pull_ms;
  std::optional<std::int64_t> unschedulable_ms;
  std::optional<std::int64_t> scale_up_ms;
  std::optional<int> crash_restarts;
};
const json::Type& type_of(json::Tag<Thresholds>);

struct Verify {
  ClusterAccess cluster;
  std::vector<ObjectRef> objects;     // as apply reported them: uid, generation, resource version
  std::int64_t timeout_ms = 180'000;  // 0: no limit of its own
  bool wait_for_jobs = false;
  bool fail_fast = true;
  Thresholds thresholds;
  std::vector<Confidential> mask;  // values never to be shown: container logs may hold them
  std::string task_id;
  std::string step_id;
};
const json::Type& type_of(json::Tag<Verify>);

struct ObjectStatus {
  ObjectRef object;
  std::string parent_uid;  // the owner within the list, for descendants
  std::string status;      // Healthy, Progressing, Degraded, Missing, Unknown, Suspended: what people see
  std::string progress;    // InProgress, Successful, Failed: what decides the step
  std::string message;
  std::int64_t desired = -1;  // replicas, where the kind has them
  std::int64_t ready = -1;
  std::int64_t updated = -1;
};
const json::Type& type_of(json::Tag<ObjectStatus>);

struct Cause {
  ObjectRef object;  // the applied object that fails
  std::string pod;   // namespace/name, where one is to blame
  std::string container;
  std::string reason;  // ErrImagePull, CrashLoopBackOff, Unschedulable, ...
  std::string message;
  std::optional<int> exit_code;
  int restarts = 0;
  std::vector<std::string> events;     // "Warning Failed: ..." newest last
  std::vector<std::string> log_lines;  // last lines of the container where it ran
};
const json::Type& type_of(json::Tag<Cause>);

enum class Verdict { healthy, failed, timed_out };
const json::EnumNames& names_of(json::Tag<Verdict>);

// A verdict is the value of a *succeeded* command, whatever it says: the question was answered.
struct VerifyResult {
  Verdict verdict = Verdict::failed;
  std::string summary;  // one sentence for the log, then details by line
  std::vector<ObjectStatus> objects;
  std::optional<Cause> cause;
};
const json::Type& type_of(json::Tag<VerifyResult>);

// Also the value of a failed, cancelled or stopped apply: what had been done by then.
struct ApplyResult {
  std::vector<ObjectOutcome> objects;  // in order of the documents
  int created = 0;
  int configured = 0;
  int unchanged = 0;
  // Where the verdict came at once: healthy, or failed for good. Nothing is left to be verified then.
  std::optional<VerifyResult> verified;
};
const json::Type& type_of(json::Tag<ApplyResult>);

// Latest wins, per command and object; nothing is resent but a snapshot after a reconnect.
struct StatusUpdate {
  std::string key;            // of the verify command
  std::int64_t sequence = 0;  // grows per key and executor process
  bool snapshot = false;      // `objects` is everything; otherwise what changed
  std::string note;           // "not observed since 14:02" or empty
  std::vector<ObjectStatus> objects;
};
const json::Type& type_of(json::Tag<StatusUpdate>);

// --- script

struct WorkingFile {
  std::string name;  // relative, without ".."
  Confidential content;
  bool executable = false;
};
const json::Type& type_of(json::Tag<WorkingFile>);

struct RunScript {
  std::string syntax = "Bash";
  Confidential body;
  std::vector<Confidential> arguments;
  std::map<std::string, Confidential> variables;    // for get_octopusvariable
  std::map<std::string, Confidential> environment;  // nothing else is inherited but PATH, HOME, LANG, TMPDIR
  std::vector<WorkingFile> files;
  std::vector<Confidential> mask;        // more values never to be shown; secret ones above are masked anyway
  std::int64_t timeout_ms = 0;           // 0: none
  std::optional<ClusterAccess> cluster;  // a private KUBECONFIG for the script
  std::string cluster_namespace;
  std::string task_id;
  std::string step_id;
};
const json::Type& type_of(json::Tag<RunScript>);

struct OutputVariable {
  std::string name;
  Confidential value;  // secret where the script said sensitive='True'
};
const json::Type& type_of(json::Tag<OutputVariable>);

// A service message that is passed on as it came: createArtifact, resultMessage, ...
struct ServiceMessage {
  std::string name;
  std::map<std::string, std::string> attributes;
};
const json::Type& type_of(json::Tag<ServiceMessage>);

struct ScriptResult {
  int exit_code = 0;  // 128 + signal where a signal ended it
  std::vector<OutputVariable> outputs;
  std::vector<ServiceMessage> messages;
  std::int64_t lines = 0;
  std::int64_t lines_dropped = 0;
};
const json::Type& type_of(json::Tag<ScriptResult>);

// --- check_health

// Without a cluster: the executor itself.
struct CheckHealth {
  std::optional<ClusterAccess> cluster;
  std::string namespace_name;
  bool only_connectivity = false;
};
const json::Type& type_of(json::Tag<CheckHealth>);

struct HealthResult {
  std::string status = "Healthy";  // Healthy, HasWarnings, Unhealthy, Unavailable
  std::string summary;
  std::string cluster_version;  // "v1.33.1"
  std::string user_name;        // who am I
  std::vector<std::string> user_groups;
  std::vector<std::string> missing_permissions;  // "patch deployments.apps in namespace default"
  std::vector<std::string> warnings;
  std::string executor_version;
};
const json::Type& type_of(json::Tag<HealthResult>);

// --- delete

struct Delete {
  ClusterAccess cluster;
  std::vector<ObjectRef> objects;  // a uid is a precondition: another object of that name is left alone
  std::string propagation = "Background";
};
const json::Type& type_of(json::Tag<Delete>);

struct DeleteResult {
  std::vector<ObjectOutcome> objects;  // deleted, absent or failed
};
const json::Type& type_of(json::Tag<DeleteResult>);

}  // namespace fairlead::link
