// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "executor/kube_commands.h"
#include "executor/verify.h"
#include "kube/apply.h"
#include "kube/constants.h"
#include "kube/validate.h"
#include "kube/yaml.h"

namespace fairlead::executor {
namespace {

constexpr std::size_t kMaxApplyTextBytes = std::size_t{24} << 20;
constexpr std::size_t kMaxApplyObjects = 20'000;

std::vector<kube::Document> parse(const link::Apply& apply, const CommandContext& context) {
  std::vector<kube::Document> documents;
  std::size_t bytes = 0;
  for (const link::DocumentText& document : apply.documents) {
    const Secret opened = context.open(document.text);
    bytes += opened.reveal().size();
    if (bytes > kMaxApplyTextBytes) {
      throw invalid(text::format("the documents have more than {} MiB", kMaxApplyTextBytes >> 20))
          .with_help("split them over several steps");
    }
    std::vector<kube::Document> parsed = kube::parse_documents(opened.reveal(), document.name);
    std::move(parsed.begin(), parsed.end(), std::back_inserter(documents));
  }
  if (documents.size() > kMaxApplyObjects) {
    throw invalid(text::format("{} objects are more than {}", documents.size(), kMaxApplyObjects))
        .with_help("split them over several steps");
  }
  return documents;
}

void add_metadata(const link::Apply& apply, std::vector<kube::Prepared>& objects) {
  // The mirror watches by this label, so every object carries it, whoever wrote the command.
  const bool has_label = apply.labels.contains(std::string(kube::kAppLabel));
  const std::string app = apply.field_manager.substr(apply.field_manager.rfind('/') + 1);
  for (kube::Prepared& prepared : objects) {
    for (const auto& [name, value] : apply.labels) prepared.object.set_label(name, value);
    if (!has_label) prepared.object.set_label(kube::kAppLabel, app);
    for (const auto& [name, value] : apply.annotations) prepared.object.set_annotation(name, value);
  }
}

// The step's namespace is made where it is missing and nobody in the documents makes it. Not being allowed to is not
// our failure: it may be there already, and the apply will tell.
void make_namespace(const link::Apply& apply, const std::vector<kube::Prepared>& objects, Cluster& cluster,
                    const CommandContext& context) {
  if (!apply.create_namespace || apply.dry_run || apply.default_namespace.empty()) return;
  const bool needed = std::any_of(objects.begin(), objects.end(), [&](const kube::Prepared& prepared) {
    return prepared.object.namespace_name() == apply.default_namespace;
  });
  const bool made_here = std::any_of(objects.begin(), objects.end(), [&](const kube::Prepared& prepared) {
    return prepared.object.kind() == "Namespace" && prepared.object.name() == apply.default_namespace;
  });
  SeenNamespaces& seen = cluster.namespaces();
  if (!needed || made_here || seen.has(apply.default_namespace)) return;
  const SeenNamespaces::Turn turn = seen.wait_for_turn(apply.default_namespace, context.cancel);
  if (seen.has(apply.default_namespace)) return;
  const kube::Resource namespaces{.version = "v1", .kind = "Namespace", .plural = "namespaces", .namespaced = false};
  try {
    if (!kube::get(cluster.client(), namespaces, {}, apply.default_namespace, context.cancel, true)) {
      const json::Object body{
          {"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", apply.default_namespace}}}};
      kube::create(cluster.client(), namespaces, kube::Object(json::Value(body)), context.cancel);
      context.log->info(text::format("Namespace {} created", apply.default_namespace));
    }
  } catch (const Error& error) {
    if (error.fault() == Fault::cancelled || error.fault() == Fault::unavailable || error.fault() == Fault::timeout ||
        error.fault() == Fault::unauthenticated) {
      throw;
    }
    if (error.fault() != Fault::conflict) {
      context.log->verbose(
          text::format("the namespace {} could not be made: {}", apply.default_namespace, error.message()));
    }
  }
  seen.note(apply.default_namespace);
}

link::ObjectAction action_of(kube::Applied applied) {
  switch (applied) {
    case kube::Applied::created: return link::ObjectAction::created;
    case kube::Applied::configured: return link::ObjectAction::configured;
    case kube::Applied::unchanged: break;
  }
  return link::ObjectAction::unchanged;
}

void log_object(const kube::ObjectResult& done, bool dry_run, CommandLog& log) {
  log.info(text::format("{} {}{}", done.key.text(), kube::name_of(done.applied), dry_run ? " (dry run)" : ""));
  for (const kube::TakenField& taken : done.taken_over) {
    log.info(text::format("{}: took over {} from {}", done.key.text(), taken.field, taken.manager));
  }
  for (const std::string& warning : done.warnings) log.warning(text::format("{}: {}", done.key.text(), warning));
}

// What was applied, what failed, and what was not reached, in the order of the documents.
link::ApplyResult result_of(const std::vector<kube::Prepared>& objects, const kube::ApplyReport& report,
                            const Mask& mask) {
  std::map<std::string, const kube::ObjectResult*> done;
  for (const kube::ObjectResult& object : report.objects)
    done.emplace(object.key.text() + "|" + object.key.group, &object);
  std::map<std::string, const Error*> failed;
  for (const auto& [place, error] : report.failures) failed.emplace(place, &error);
  link::ApplyResult out;
  for (const kube::Prepared& prepared : objects) {
    const kube::ObjectKey key = prepared.object.key();
    link::ObjectOutcome outcome{.object = ref_of(key), .source = prepared.place};
    if (const auto at = done.find(key.text() + "|" + key.group); at != done.end()) {
      const kube::ObjectResult& object = *at->second;
      outcome.object.uid = object.uid;
      outcome.object.generation = object.generation;
      outcome.object.resource_version = object.resource_version;
      outcome.action = action_of(object.applied);
      for (const kube::TakenField& taken : object.taken_over)
        outcome.taken_over.push_back(taken.field + " from " + taken.manager);
      out.created += object.applied == kube::Applied::created ? 1 : 0;
      out.configured += object.applied == kube::Applied::configured ? 1 : 0;
      out.unchanged += object.applied == kube::Applied::unchanged ? 1 : 0;
    } else if (const auto bad = failed.find(prepared.place); bad != failed.end()) {
      outcome.action = link::ObjectAction::failed;
      outcome.error = link::failure_of(masked(*bad->second, mask));
    }
    out.objects.push_back(std::move(outcome));
  }
  return out;
}

// One sentence for the step; what failed is in its details.
Error summary_of(const kube::ApplyReport& report, const link::ApplyResult& result, const Mask& mask) {
  if (report.error->fault() != Fault::cancelled) return masked(*report.error, mask);
  const int done = result.created + result.configured + result.unchanged;
  return Error(Fault::cancelled, text::format("stopped after {} of {}: {}", done,
                                              text::counted(static_cast<std::int64_t>(result.objects.size()), "object"),
                                              report.error->message()));
}

}  // namespace

CommandEnd run_apply(const link::Apply& apply, const CommandContext& context, link::ApplyResult& result) {
  Mask mask;
  for (const link::Confidential& value : apply.mask) mask.add(context.open(value));
  try {
    if (!apply.field_manager.starts_with(kube::kManagerPrefix)) {
      throw Error(Fault::bug, text::format("the field manager \"{}\" is none of ours", apply.field_manager));
    }
    std::vector<kube::Document> documents = parse(apply, context);
    if (documents.empty()) {
      context.log->warning("there is no object in the documents: nothing was applied");
      return CommandEnd::success(json::encode(result));
    }
    const std::shared_ptr<Cluster> cluster = context.clusters.of(apply.cluster, context.open);
    kube::PrepareResult prepared =
        kube::prepare(std::move(documents), cluster->discovery(), apply.default_namespace, context.cancel);
    for (const std::string& notice : prepared.notices) context.log->info(mask.apply(notice));
    add_metadata(apply, prepared.objects);
    make_namespace(apply, prepared.objects, *cluster, context);
    if (apply.will_verify && !apply.dry_run) {
      // Watches begin now, so that the first state they see is not later than the write by a list's time.
      std::vector<kube::Resource> kinds;
      for (const kube::Prepared& object : prepared.objects) {
        if (!object.of_new_kind && std::find(kinds.begin(), kinds.end(), object.resource) == kinds.end())
          kinds.push_back(object.resource);
      }
      cluster->mirror().watch_kinds(kinds);
    }
    kube::ApplyOptions options;
    options.field_manager = apply.field_manager;
    options.force = apply.force;
    options.dry_run = apply.dry_run;
    options.hash_key = context.open(apply.hash_key);
    options.cancel = context.cancel;
    options.known = [&](const kube::ObjectKey& key) -> std::optional<kube::LiveMetadata> {
      const kube::Mirror* mirror = cluster->mirror_if_any();
      return mirror == nullptr ? std::nullopt : mirror->known(key, apply.field_manager);
    };
    options.on_object = [&](const kube::ObjectResult& done) { log_object(done, apply.dry_run, *context.log); };
    kube::ApplyReport report =
        kube::apply_all(cluster->client(), cluster->discovery(), context.clock, prepared.objects, options);
    if (report.error && report.error->fault() == Fault::not_found &&
        cluster->namespaces().has(apply.default_namespace)) {
      // Perhaps somebody deleted the namespace since it was seen.
      cluster->namespaces().forget(apply.default_namespace);
      make_namespace(apply, prepared.objects, *cluster, context);
      report = kube::apply_all(cluster->client(), cluster->discovery(), context.clock, prepared.objects, options);
    }
    result = result_of(prepared.objects, report, mask);
    if (report.error) return CommandEnd::failure(summary_of(report, result, mask), json::encode(result));
    return CommandEnd::success(json::encode(result));
  } catch (const Error& error) {
    return CommandEnd::failure(masked(error, mask));
  }
}

CommandEnd run_delete(const link::Delete& command, const CommandContext& context) {
  const std::shared_ptr<Cluster> cluster = context.clusters.of(command.cluster, context.open);
  kube::Propagation propagation = kube::Propagation::background;
  if (text::equals_ignoring_case(command.propagation, "Foreground")) propagation = kube::Propagation::foreground;
  if (text::equals_ignoring_case(command.propagation, "Orphan")) propagation = kube::Propagation::orphan;
  link::DeleteResult result;
  std::optional<Error> first;
  for (const link::ObjectRef& object : command.objects) {
    link::ObjectOutcome outcome{.object = object};
    if (context.cancel.cancelled()) {
      if (!first) first = Error(Fault::cancelled, context.cancel.reason());
      result.objects.push_back(std::move(outcome));
      continue;
    }
    try {
      const kube::GroupVersion group = kube::parse_api_version(object.api_version);
      const std::optional<kube::Resource> resource =
          cluster->discovery().find(group.group, group.version, object.kind, context.cancel);
      // A kind that is no longer served has no objects.
      const bool deleted = resource && kube::remove(cluster->client(), *resource, object.namespace_name, object.name,
                                                    object.uid, propagation, context.cancel);
      outcome.action = deleted ? link::ObjectAction::deleted : link::ObjectAction::absent;
      context.log->info(text::format("{} {}", object.text(), deleted ? "deleted" : "was not there"));
    } catch (const Error& error) {
      outcome.action = link::ObjectAction::failed;
      outcome.error = link::failure_of(error);
      if (!first) first = error;
    }
    result.objects.push_back(std::move(outcome));
  }
  if (first) return CommandEnd::failure(*first, json::encode(result));
  return CommandEnd::success(json::encode(result));
}

}  // namespace fairlead::executor
