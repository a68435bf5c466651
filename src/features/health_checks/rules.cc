// SPDX-License-Identifier: Apache-2.0
#include "features/health_checks/rules.h"

#include "base/error.h"
#include "base/text.h"
#include "features/environments/model.h"
#include "features/machine_policies/rules.h"
#include "features/targets/rules.h"
#include "json/value.h"
#include "store/audit.h"

namespace fairlead::features::health_checks {

namespace {

using targets::Finding;
using targets::Machine;

constexpr std::size_t kNamedFailures = 5;

std::string with_advice(const std::string& what, std::string_view advice) {
  const bool ends = !what.empty() && (what.back() == '.' || what.back() == '!');
  return what + (ends ? " " : ". ") + std::string(advice);
}

std::string_view advice_for(const CheckedTarget& target, const std::string& status) {
  if (target.is_agent) {
    return status == targets::kUnavailable ? "See whether the API server of the agent's cluster answers the agent."
                                           : "See whether the agent's service account may work in the cluster.";
  }
  return status == targets::kUnavailable
             ? "Check the target's cluster URL and certificate, and the network from the worker to the cluster."
             : "Check the target's account, and whether its URL is that of the cluster which the account is for.";
}

Finding bad(const CheckedTarget& target, const char* status, const std::string& what) {
  Finding finding;
  finding.status = status;
  finding.summary = with_advice(what, advice_for(target, finding.status));
  return finding;
}

std::int64_t timeout_of(const json::Raw& argument, const std::string& name) {
  const json::Value value = json::parse(argument.text, "Arguments." + name);
  const auto text = value.is_string() ? std::string(json::view(value.get_string())) : std::string();
  const auto timeout = machine_policies::parse_timespan(text);
  if (!timeout || *timeout < kSecond || *timeout > kMostTimeoutUs) {
    throw invalid_at("Arguments." + name, text::format("must be a time span from {} to {} such as 00:05:00",
                                                       timespan_text(kSecond), timespan_text(kMostTimeoutUs)));
  }
  return *timeout;
}

std::vector<std::string> machine_ids_of(const Services& services, const store::Tx& tx, const std::string& space,
                                        const json::Raw& argument) {
  std::vector<std::string> ids;
  const json::Value value = json::parse(argument.text, "Arguments.MachineIds");
  if (!value.is_array()) throw invalid_at("Arguments.MachineIds", "must be a list of ids of deployment targets");
  if (value.get_array().size() > kMaxTargets) {
    throw invalid_at("Arguments.MachineIds",
                     text::format("names more than {} deployment targets; start several tasks", kMaxTargets));
  }
  for (const json::Value& entry : value.get_array()) {
    const std::string id = entry.is_string() ? std::string(json::view(entry.get_string())) : std::string();
    const auto machine = services.api.documents.find<Machine>(tx, id);
    const std::string where = text::format("Arguments.MachineIds[{}]", ids.size());
    if (!machine || machine->space_id != space)
      throw invalid_at(where, text::format("there is no deployment target '{}'", text::shorten(id, 60)));
    if (machine->is_disabled)
      throw invalid_at(where, text::format("the deployment target {} is disabled; enable it first", machine->name));
    ids.push_back(id);
  }
  return ids;
}

bool is_empty(const json::Raw& argument) {
  return argument.text.empty() || argument.text == "null" || argument.text == "\"\"" || argument.text == "[]";
}

void take_argument(const Services& services, const store::Tx& tx, const std::string& name, const json::Raw& argument,
                   HealthCheck& check) {
  if (is_empty(argument)) return;
  if (name == "Timeout" || name == "MachineTimeout") {
    const std::int64_t timeout = timeout_of(argument, name);
    if (check.timeout_us == 0 || timeout < check.timeout_us) check.timeout_us = timeout;
  } else if (name == "MachineIds") {
    check.machine_ids = machine_ids_of(services, tx, check.space_id, argument);
  } else if (name == "EnvironmentId") {
    const json::Value value = json::parse(argument.text, "Arguments.EnvironmentId");
    const std::string id = value.is_string() ? std::string(json::view(value.get_string())) : std::string();
    const auto environment = services.api.documents.find<environments::Environment>(tx, id);
    if (!environment || environment->space_id != check.space_id) {
      throw invalid_at("Arguments.EnvironmentId", text::format("there is no environment '{}'", text::shorten(id, 60)));
    }
    check.environment_id = id;
  } else if (name == "RestrictedTo") {
    if (argument.text == "\"DeploymentTargets\"" || argument.text == "\"Unrestricted\"") return;
    throw Error(Fault::unsupported,
                "Health checks are of deployment targets only; let Arguments.RestrictedTo be DeploymentTargets.");
  } else {
    throw invalid_at(
        "Arguments." + text::shorten(name, 60),
        "is no argument of a task with the name Health; there are Timeout, MachineTimeout, MachineIds, EnvironmentId");
  }
}

store::Query query_of(const HealthCheck& check) {
  store::Query query;
  query.in_space(check.space_id).where("IsDisabled", false);
  if (!check.machine_ids.empty()) query.ids = check.machine_ids;
  if (!check.environment_id.empty()) query.where("EnvironmentIds", check.environment_id);
  if (!check.policy_id.empty()) query.where("MachinePolicyId", check.policy_id);
  return query;
}

std::string description_of(const Services& services, const store::Tx& tx, const HealthCheck& check) {
  const auto name = [&](const std::string& id) { return services.api.documents.name_of(tx, id).value_or(id); };
  if (check.machine_ids.size() == 1) return text::format("Check {} health", name(check.machine_ids[0]));
  if (!check.machine_ids.empty())
    return text::format("Check the health of {} deployment targets", check.machine_ids.size());
  if (!check.policy_id.empty()) return text::format("Check {} health", name(check.policy_id));
  if (!check.environment_id.empty()) return text::format("Check the health of {}", name(check.environment_id));
  return "Check the health of all deployment targets";
}

std::map<std::string, json::Raw> arguments_of(const HealthCheck& check) {
  std::map<std::string, json::Raw> arguments;
  json::append_string(arguments["Timeout"].text, timespan_text(check.timeout_us));
  std::string& ids = arguments["MachineIds"].text;
  for (const std::string& id : check.machine_ids) {
    ids += ids.empty() ? "[" : ",";
    json::append_string(ids, id);
  }
  ids += ids.empty() ? "[]" : "]";
  if (!check.environment_id.empty()) json::append_string(arguments["EnvironmentId"].text, check.environment_id);
  if (!check.policy_id.empty()) json::append_string(arguments["MachinePolicyId"].text, check.policy_id);
  return arguments;
}

void audit(store::Tx& tx, const Machine& machine, std::string category, std::string message) {
  store::AuditEvent event;
  event.category = std::move(category);
  event.message = std::move(message);
  event.username = "system";
  event.space = machine.space_id;
  event.documents = {machine.id.str()};
  for (const std::string& environment : machine.environment_ids) event.documents.push_back(environment);
  store::append_audit(tx, event);
}

// By its policy. What still uses the target keeps it.
void clean_up(const Services& services, store::Tx& tx, const Machine& machine) {
  const std::string since = iso8601(machine.unavailable_since);
  try {
    services.api.documents.remove(tx, machine.id);
  } catch (const Error& error) {
    if (error.fault() != Fault::invalid) throw;
    audit(tx, machine, "MachineCleanupFailed",
          text::format("The deployment target {} is Unavailable since {}, but cannot be deleted: {}", machine.name,
                       since, error.message()));
    return;
  }
  tx.after_commit([&hub = services.hub, id = machine.id.str()] { hub.disconnect(id, "the target was deleted"); });
  audit(tx, machine, "MachineDeleted",
        text::format("The deployment target {} was deleted by its machine policy: it is Unavailable since {}",
                     machine.name, since));
}

}  // namespace

Finding finding_of(const CheckedTarget& target, const link::HealthResult& result) {
  Finding finding;
  finding.status = result.status;
  finding.summary = result.summary;
  finding.warnings = result.warnings;
  if (target.is_agent) finding.agent_version = result.executor_version;
  if (!finding.is_good()) finding.summary = with_advice(result.summary, advice_for(target, result.status));
  return finding;
}

Finding finding_of(const CheckedTarget& target, const Error& error, bool executor_connected) {
  const bool waited = error.fault() == Fault::timeout || error.fault() == Fault::unavailable;
  if (waited && !executor_connected && target.is_agent) return away();
  if (waited && !executor_connected) {
    Finding unknown;
    unknown.summary =
        "Nobody could ask the cluster: the built-in worker is not connected. See the server's log for why it does not "
        "start.";
    return unknown;
  }
  if (!waited) {
    // The command could not even be made, as where the account is missing: the text says what to do.
    Finding unhealthy;
    unhealthy.status = targets::kUnhealthy;
    unhealthy.summary = error.message();
    return unhealthy;
  }
  return bad(target, targets::kUnavailable,
             error.fault() == Fault::timeout ? "The check did not end in its time" : error.message());
}

Finding away() {
  Finding finding;
  finding.status = targets::kUnavailable;
  finding.summary =
      "The agent is not connected. See whether it runs in its cluster, and whether it reaches this server.";
  return finding;
}

std::string failure_of(const std::vector<CheckedTarget>& targets, const std::vector<Finding>& findings) {
  std::vector<std::string> named;
  std::size_t count = 0;
  for (std::size_t i = 0; i < targets.size() && i < findings.size(); ++i) {
    const bool excused = targets[i].may_be_offline && findings[i].status == targets::kUnavailable;
    if (findings[i].is_good() || excused) continue;
    if (++count <= kNamedFailures) named.push_back(text::format("{} ({})", targets[i].name, findings[i].status));
  }
  if (count == 0) return {};
  if (targets.size() == 1)
    return text::format("{} is {}: {}", targets[0].name, findings[0].status, findings[0].summary);
  return text::format("{} of {} are not healthy: {}{}", count,
                      text::counted(static_cast<std::int64_t>(targets.size()), "deployment target"),
                      text::join(named, ", "),
                      count > named.size() ? text::format(" and {} more", count - named.size()) : "");
}

tasks::Task start(Services& services, store::Tx& tx, const HealthCheck& check, std::string description) {
  HealthCheck input = check;
  if (input.timeout_us == 0) input.timeout_us = kDefaultTimeoutUs;
  tasks::Task task;
  task.space_id = input.space_id;
  task.name = kTaskName;
  task.description = description.empty() ? description_of(services, tx, input) : std::move(description);
  task.arguments = arguments_of(input);
  task.queue_time = input.queue_time.us != 0 ? input.queue_time : tx.now();
  task.machine_ids = input.machine_ids;
  task.environment_id = input.environment_id;
  services.api.documents.insert(tx, task);
  engine::StartRun run;
  run.kind = kRunKind;
  run.input.text = engine::encode_record(input);
  run.key = "health:" + task.id.str();
  run.task = task.id.str();
  task.run_id = services.engine.start(tx, run).str();
  services.api.documents.update(tx, task);
  return task;
}

HealthCheck check_of(const Services& services, const store::Tx& tx, const tasks::TaskRequest& request) {
  HealthCheck check;
  check.space_id = request.space_id;
  if (request.queue_time > tx.now()) check.queue_time = request.queue_time;
  if (request.queue_time_expiry.us != 0) {
    throw Error(Fault::unsupported, "QueueTimeExpiry is not supported for health checks yet; leave it out.");
  }
  for (const auto& [name, argument] : request.arguments) take_argument(services, tx, name, argument, check);
  const std::size_t count = targets_of(services, tx, check).size();
  if (count > kMaxTargets) {
    throw invalid(text::format(
        "There are {} deployment targets to check, but a task checks {} at most; start one for each environment.",
        count, kMaxTargets));
  }
  if (count == 0) {
    throw invalid(
        "There is no enabled deployment target to check; create one, or name others in MachineIds or EnvironmentId.");
  }
  return check;
}

std::vector<CheckedTarget> targets_of(const Services& services, const store::Tx& tx, const HealthCheck& check) {
  std::vector<CheckedTarget> found;
  std::map<std::string, std::optional<machine_policies::MachinePolicy>> policies;
  for (const Machine& machine : services.api.documents.all<Machine>(tx, query_of(check))) {
    const auto [policy, is_new] = policies.try_emplace(machine.machine_policy_id);
    if (is_new)
      policy->second = services.api.documents.find<machine_policies::MachinePolicy>(tx, machine.machine_policy_id);
    CheckedTarget& target = found.emplace_back();
    target.id = machine.id.str();
    target.name = machine.name;
    target.is_agent = machine.endpoint.communication_style == targets::kKubernetesAgent;
    const auto session = target.is_agent ? services.hub.session(target.id) : std::nullopt;
    target.is_connected = session && session->connected;
    target.only_connectivity = policy->second && machine_policies::only_connectivity(*policy->second);
    target.may_be_offline = policy->second && machine_policies::may_be_offline(*policy->second);
    target.endpoint_revision = machine.endpoint_revision;
    if (!check.policy_id.empty() && policy->second)
      target.deleted_after_us = machine_policies::deleted_after_us(*policy->second);
  }
  return found;
}

void record(const Services& services, store::Tx& tx, const CheckedTarget& target, const Finding& finding) {
  auto machine = services.api.documents.find<Machine>(tx, target.id);
  if (!machine || machine->is_disabled || machine->endpoint_revision != target.endpoint_revision) return;
  if (target.is_agent) {
    // Sessions come and go meanwhile, and what they say is newer.
    const auto session = services.hub.session(target.id);
    if ((session && session->connected) == (finding.status == targets::kUnavailable && !target.is_connected)) return;
  }
  const std::string before = machine->health_status;
  targets::set_health(*machine, finding, tx.now());
  services.api.documents.update(tx, *machine);
  if (before != machine->health_status) {
    const bool known = machine->health_status != targets::kUnknown;
    audit(tx, *machine, known ? "Machine" + machine->health_status : "MachineHealthChanged",
          text::format("The health of the deployment target {} changed from {} to {}: {}", machine->name, before,
                       machine->health_status, machine->status_summary));
  }
  const bool away_too_long =
      machine->unavailable_since.us != 0 && tx.now() - machine->unavailable_since >= target.deleted_after_us;
  if (target.deleted_after_us > 0 && away_too_long) clean_up(services, tx, *machine);
}

}  // namespace fairlead::features::health_checks
