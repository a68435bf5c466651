// SPDX-License-Identifier: Apache-2.0
#include "link/commands.h"

#include <array>

#include "base/text.h"

namespace fairlead::link {

using json::omit_when_empty;
using json::required;
using json::Type;

const Type& type_of(json::Tag<Confidential>) {
  static const Type type = Type::of<Confidential>("Confidential")
                               .field("Plain", &Confidential::plain, omit_when_empty)
                               .field("Sealed", &Confidential::sealed, omit_when_empty)
                               .field("Transport", &Confidential::transport, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<Command>) {
  static const Type type = Type::of<Command>("Command")
                               .field("Key", &Command::key, required)
                               .field("Kind", &Command::kind, required)
                               .field("Repeatable", &Command::repeatable)
                               .field("LeaseSeconds", &Command::lease_seconds)
                               .field("LogOffset", &Command::log_offset)
                               .field("Payload", &Command::payload);
  return type;
}

const Type& type_of(json::Tag<Cancel>) {
  static const Type type =
      Type::of<Cancel>("Cancel").field("Key", &Cancel::key, required).field("Reason", &Cancel::reason);
  return type;
}

const json::EnumNames& names_of(json::Tag<Outcome>) {
  static const json::EnumNames names{"Outcome", {"Succeeded", "Failed", "Cancelled", "Lost", "Stopped"}};
  return names;
}

const Type& type_of(json::Tag<LogLine>) {
  static const Type type = Type::of<LogLine>("LogLine")
                               .field("Time", &LogLine::time)
                               .field("Category", &LogLine::category)
                               .field("Text", &LogLine::text)
                               .field("Detail", &LogLine::detail, omit_when_empty)
                               .field("Progress", &LogLine::progress, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<LogChunk>) {
  static const Type type = Type::of<LogChunk>("LogChunk")
                               .field("Key", &LogChunk::key, required)
                               .field("Offset", &LogChunk::offset)
                               .field("Lines", &LogChunk::lines);
  return type;
}

const Type& type_of(json::Tag<Detail>) {
  static const Type type = Type::of<Detail>("Detail").field("Where", &Detail::where).field("Text", &Detail::text);
  return type;
}

const Type& type_of(json::Tag<Failure>) {
  static const Type type = Type::of<Failure>("Failure")
                               .field("Fault", &Failure::fault)
                               .field("Message", &Failure::message)
                               .field("Details", &Failure::details, omit_when_empty)
                               .field("Help", &Failure::help, omit_when_empty)
                               .field("RetryAfterSeconds", &Failure::retry_after_seconds);
  return type;
}

Failure failure_of(const Error& error) {
  Failure failure;
  failure.fault = name_of(error.fault());
  failure.message = error.message();
  for (const ErrorDetail& detail : error.details()) failure.details.push_back({detail.where, detail.text});
  failure.help = error.help();
  failure.retry_after_seconds = error.retry_after_seconds();
  return failure;
}

Error error_of(const Failure& failure) {
  constexpr std::array faults = {Fault::invalid,   Fault::unauthenticated, Fault::forbidden,   Fault::not_found,
                                 Fault::conflict,  Fault::too_many,        Fault::unavailable, Fault::timeout,
                                 Fault::cancelled, Fault::unsupported,     Fault::bug};
  Fault fault = Fault::bug;
  for (const Fault candidate : faults) {
    if (failure.fault == name_of(candidate)) fault = candidate;
  }
  Error error(fault, failure.message);
  for (const Detail& detail : failure.details) error.at(detail.where, detail.text);
  std::move(error).with_help(failure.help).retry_after(failure.retry_after_seconds);
  return error;
}

const Type& type_of(json::Tag<Result>) {
  static const Type type = Type::of<Result>("Result")
                               .field("Key", &Result::key, required)
                               .field("Outcome", &Result::outcome)
                               .field("Error", &Result::error, omit_when_empty)
                               .field("Value", &Result::value, omit_when_empty)
                               .field("Started", &Result::started)
                               .field("Finished", &Result::finished)
                               .field("LogOffset", &Result::log_offset)
                               .field("Log", &Result::log, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<ClusterAccess>) {
  static const Type type = Type::of<ClusterAccess>("ClusterAccess")
                               .field("Name", &ClusterAccess::name, required)
                               .field("Own", &ClusterAccess::own)
                               .field("ServerUrl", &ClusterAccess::server_url, omit_when_empty)
                               .field("CaPem", &ClusterAccess::ca_pem, omit_when_empty)
                               .field("SkipTlsVerification", &ClusterAccess::skip_tls_verification)
                               .field("TlsServerName", &ClusterAccess::tls_server_name, omit_when_empty)
                               .field("ProxyUrl", &ClusterAccess::proxy_url, omit_when_empty)
                               .field("Token", &ClusterAccess::token)
                               .field("Username", &ClusterAccess::username, omit_when_empty)
                               .field("Password", &ClusterAccess::password)
                               .field("ClientCertificatePem", &ClusterAccess::client_certificate_pem, omit_when_empty)
                               .field("ClientKeyPem", &ClusterAccess::client_key_pem);
  return type;
}

std::string ObjectRef::text() const {
  if (namespace_name.empty()) return text::format("{} {}", kind, name);
  return text::format("{} {}/{}", kind, namespace_name, name);
}

const Type& type_of(json::Tag<ObjectRef>) {
  static const Type type = Type::of<ObjectRef>("ObjectRef")
                               .field("ApiVersion", &ObjectRef::api_version)
                               .field("Kind", &ObjectRef::kind)
                               .field("Namespace", &ObjectRef::namespace_name, omit_when_empty)
                               .field("Name", &ObjectRef::name)
                               .field("Uid", &ObjectRef::uid, omit_when_empty)
                               .field("Generation", &ObjectRef::generation)
                               .field("ResourceVersion", &ObjectRef::resource_version, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<DocumentText>) {
  static const Type type =
      Type::of<DocumentText>("DocumentText").field("Name", &DocumentText::name).field("Text", &DocumentText::text);
  return type;
}

const Type& type_of(json::Tag<Apply>) {
  static const Type type = Type::of<Apply>("Apply")
                               .field("Cluster", &Apply::cluster)
                               .field("Documents", &Apply::documents)
                               .field("DefaultNamespace", &Apply::default_namespace)
                               .field("CreateNamespace", &Apply::create_namespace)
                               .field("FieldManager", &Apply::field_manager, required)
                               .field("HashKey", &Apply::hash_key)
                               .field("Force", &Apply::force)
                               .field("DryRun", &Apply::dry_run)
                               .field("WillVerify", &Apply::will_verify)
                               .field("WaitForJobs", &Apply::wait_for_jobs)
                               .field("Labels", &Apply::labels, omit_when_empty)
                               .field("Annotations", &Apply::annotations, omit_when_empty)
                               .field("Mask", &Apply::mask, omit_when_empty)
                               .field("TaskId", &Apply::task_id)
                               .field("StepId", &Apply::step_id)
                               .field("DeploymentId", &Apply::deployment_id);
  return type;
}

const json::EnumNames& names_of(json::Tag<ObjectAction>) {
  static const json::EnumNames names{"ObjectAction",
                                     {"Created", "Configured", "Unchanged", "Deleted", "Absent", "Failed", "Skipped"}};
  return names;
}

const Type& type_of(json::Tag<ObjectOutcome>) {
  static const Type type = Type::of<ObjectOutcome>("ObjectOutcome")
                               .field("Object", &ObjectOutcome::object)
                               .field("Action", &ObjectOutcome::action)
                               .field("Source", &ObjectOutcome::source, omit_when_empty)
                               .field("TakenOver", &ObjectOutcome::taken_over, omit_when_empty)
                               .field("Error", &ObjectOutcome::error, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<ApplyResult>) {
  static const Type type = Type::of<ApplyResult>("ApplyResult")
                               .field("Objects", &ApplyResult::objects)
                               .field("Created", &ApplyResult::created)
                               .field("Configured", &ApplyResult::configured)
                               .field("Unchanged", &ApplyResult::unchanged)
                               .field("Verified", &ApplyResult::verified, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<Thresholds>) {
  static const Type type = Type::of<Thresholds>("Thresholds")
                               .field("ImagePullMs", &Thresholds::image_pull_ms, omit_when_empty)
                               .field("UnschedulableMs", &Thresholds::unschedulable_ms, omit_when_empty)
                               .field("ScaleUpMs", &Thresholds::scale_up_ms, omit_when_empty)
                               .field("CrashRestarts", &Thresholds::crash_restarts, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<Verify>) {
  static const Type type = Type::of<Verify>("Verify")
                               .field("Cluster", &Verify::cluster)
                               .field("Objects", &Verify::objects)
                               .field("TimeoutMs", &Verify::timeout_ms)
                               .field("WaitForJobs", &Verify::wait_for_jobs)
                               .field("FailFast", &Verify::fail_fast)
                               .field("Thresholds", &Verify::thresholds)
                               .field("Mask", &Verify::mask, omit_when_empty)
                               .field("TaskId", &Verify::task_id)
                               .field("StepId", &Verify::step_id);
  return type;
}

const Type& type_of(json::Tag<ObjectStatus>) {
  static const Type type = Type::of<ObjectStatus>("ObjectStatus")
                               .field("Object", &ObjectStatus::object)
                               .field("ParentUid", &ObjectStatus::parent_uid, omit_when_empty)
                               .field("Status", &ObjectStatus::status)
                               .field("Progress", &ObjectStatus::progress)
                               .field("Message", &ObjectStatus::message, omit_when_empty)
                               .field("Desired", &ObjectStatus::desired)
                               .field("Ready", &ObjectStatus::ready)
                               .field("Updated", &ObjectStatus::updated);
  return type;
}

const Type& type_of(json::Tag<Cause>) {
  static const Type type = Type::of<Cause>("Cause")
                               .field("Object", &Cause::object)
                               .field("Pod", &Cause::pod, omit_when_empty)
                               .field("Container", &Cause::container, omit_when_empty)
                               .field("Reason", &Cause::reason)
                               .field("Message", &Cause::message)
                               .field("ExitCode", &Cause::exit_code, omit_when_empty)
                               .field("Restarts", &Cause::restarts)
                               .field("Events", &Cause::events, omit_when_empty)
                               .field("LogLines", &Cause::log_lines, omit_when_empty);
  return type;
}

const json::EnumNames& names_of(json::Tag<Verdict>) {
  static const json::EnumNames names{"Verdict", {"Healthy", "Failed", "TimedOut"}};
  return names;
}

const Type& type_of(json::Tag<VerifyResult>) {
  static const Type type = Type::of<VerifyResult>("VerifyResult")
                               .field("Verdict", &VerifyResult::verdict)
                               .field("Summary", &VerifyResult::summary)
                               .field("Objects", &VerifyResult::objects)
                               .field("Cause", &VerifyResult::cause, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<StatusUpdate>) {
  static const Type type = Type::of<StatusUpdate>("StatusUpdate")
                               .field("Key", &StatusUpdate::key, required)
                               .field("Sequence", &StatusUpdate::sequence)
                               .field("Snapshot", &StatusUpdate::snapshot)
                               .field("Note", &StatusUpdate::note, omit_when_empty)
                               .field("Objects", &StatusUpdate::objects);
  return type;
}

const Type& type_of(json::Tag<WorkingFile>) {
  static const Type type = Type::of<WorkingFile>("WorkingFile")
                               .field("Name", &WorkingFile::name, required)
                               .field("Content", &WorkingFile::content)
                               .field("Executable", &WorkingFile::executable);
  return type;
}

const Type& type_of(json::Tag<RunScript>) {
  static const Type type = Type::of<RunScript>("RunScript")
                               .field("Syntax", &RunScript::syntax)
                               .field("Body", &RunScript::body)
                               .field("Arguments", &RunScript::arguments, omit_when_empty)
                               .field("Variables", &RunScript::variables, omit_when_empty)
                               .field("Environment", &RunScript::environment, omit_when_empty)
                               .field("Files", &RunScript::files, omit_when_empty)
                               .field("Mask", &RunScript::mask, omit_when_empty)
                               .field("TimeoutMs", &RunScript::timeout_ms)
                               .field("Cluster", &RunScript::cluster, omit_when_empty)
                               .field("ClusterNamespace", &RunScript::cluster_namespace, omit_when_empty)
                               .field("TaskId", &RunScript::task_id)
                               .field("StepId", &RunScript::step_id);
  return type;
}

const Type& type_of(json::Tag<OutputVariable>) {
  static const Type type = Type::of<OutputVariable>("OutputVariable")
                               .field("Name", &OutputVariable::name, required)
                               .field("Value", &OutputVariable::value);
  return type;
}

const Type& type_of(json::Tag<ServiceMessage>) {
  static const Type type = Type::of<ServiceMessage>("ServiceMessage")
                               .field("Name", &ServiceMessage::name, required)
                               .field("Attributes", &ServiceMessage::attributes);
  return type;
}

const Type& type_of(json::Tag<ScriptResult>) {
  static const Type type = Type::of<ScriptResult>("ScriptResult")
                               .field("ExitCode", &ScriptResult::exit_code)
                               .field("Outputs", &ScriptResult::outputs, omit_when_empty)
                               .field("Messages", &ScriptResult::messages, omit_when_empty)
                               .field("Lines", &ScriptResult::lines)
                               .field("LinesDropped", &ScriptResult::lines_dropped);
  return type;
}

const Type& type_of(json::Tag<CheckHealth>) {
  static const Type type = Type::of<CheckHealth>("CheckHealth")
                               .field("Cluster", &CheckHealth::cluster, omit_when_empty)
                               .field("Namespace", &CheckHealth::namespace_name, omit_when_empty)
                               .field("OnlyConnectivity", &CheckHealth::only_connectivity);
  return type;
}

const Type& type_of(json::Tag<HealthResult>) {
  static const Type type = Type::of<HealthResult>("HealthResult")
                               .field("Status", &HealthResult::status)
                               .field("Summary", &HealthResult::summary)
                               .field("ClusterVersion", &HealthResult::cluster_version, omit_when_empty)
                               .field("UserName", &HealthResult::user_name, omit_when_empty)
                               .field("UserGroups", &HealthResult::user_groups, omit_when_empty)
                               .field("MissingPermissions", &HealthResult::missing_permissions, omit_when_empty)
                               .field("Warnings", &HealthResult::warnings, omit_when_empty)
                               .field("ExecutorVersion", &HealthResult::executor_version, omit_when_empty);
  return type;
}

const Type& type_of(json::Tag<Delete>) {
  static const Type type = Type::of<Delete>("Delete")
                               .field("Cluster", &Delete::cluster)
                               .field("Objects", &Delete::objects)
                               .field("Propagation", &Delete::propagation);
  return type;
}

const Type& type_of(json::Tag<DeleteResult>) {
  static const Type type = Type::of<DeleteResult>("DeleteResult").field("Objects", &DeleteResult::objects);
  return type;
}

}  // namespace fairlead::link
