// SPDX-License-Identifier: Apache-2.0
#include "server/task_retention.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "domain/task_state.h"
#include "features/deployments/model.h"
#include "features/tasks/model.h"

namespace fairlead::server {

namespace {

using features::deployments::AppliedManifest;
using features::deployments::Deployment;
using features::tasks::Task;
using features::tasks::TaskObjects;

constexpr std::int64_t kTasksPerLook = 500;
constexpr int kLooksPerRound = 20;
constexpr std::size_t kRemovedPerBatch = 50;
constexpr std::int64_t kManifestsPerPage = 1'000;
constexpr std::int64_t kSweepIntervalUs = 24 * kHour;
constexpr std::size_t kNamesPerLook = 500;
constexpr std::string_view kTaskPrefix = "ServerTasks-";  // logs of other names belong to runs without a task

}  // namespace

TaskRetention::TaskRetention(Parts parts, std::int64_t kept_us) : parts_(std::move(parts)), kept_us_(kept_us) {}

void TaskRetention::round(const CancelToken& stopping) {
  empty_bin();
  for (int looks = 0; looks < kLooksPerRound && !stopping.cancelled(); ++looks) {
    const Look look = next_tasks();
    for (std::size_t at = 0; at < look.to_remove.size() && !stopping.cancelled(); at += kRemovedPerBatch) {
      const auto first = look.to_remove.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = std::min(kRemovedPerBatch, look.to_remove.size() - at);
      remove({first, first + static_cast<std::ptrdiff_t>(count)});
    }
    if (look.at_end) break;
  }
  const std::int64_t now_us = parts_.store.clock().steady_us();
  if (now_us < next_sweep_us_ || stopping.cancelled()) return;
  remove_lost_logs(stopping);
  next_sweep_us_ = now_us + kSweepIntervalUs;
}

TaskRetention::Look TaskRetention::next_tasks() {
  return parts_.store.read([&](const store::Tx& tx) {
    Look look;
    const auto query = store::Query()
                           .from("CompletedTime", std::max<std::int64_t>(looked_to_.us, 1))
                           .by("CompletedTime")
                           .page(looked_at_that_time_, kTasksPerLook);
    const std::vector<Task> tasks = parts_.documents.list<Task>(tx, query).items;
    look.at_end = static_cast<std::int64_t>(tasks.size()) < kTasksPerLook;
    std::int64_t removed_at_that_time = 0;
    for (const Task& task : tasks) {
      if (task.completed_time != looked_to_) {
        looked_to_ = task.completed_time;
        looked_at_that_time_ = removed_at_that_time = 0;
      }
      ++looked_at_that_time_;
      const auto state = domain::parse_task_state(task.state);
      if (!state || !domain::is_finished(*state)) continue;
      const bool goes = task.deployment_id.empty() ? tx.now() - task.completed_time > kept_us_
                                                   : !parts_.documents.exists<Deployment>(tx, task.deployment_id);
      if (!goes) continue;
      look.to_remove.push_back({task.id.str(), task.deployment_id});
      ++removed_at_that_time;
    }
    looked_at_that_time_ -= removed_at_that_time;  // they will not be there any more
    if (look.at_end) looked_to_ = Time{}, looked_at_that_time_ = 0;
    return look;
  });
}

void TaskRetention::remove(const std::vector<Ended>& tasks) {
  retire_manifests(tasks);
  parts_.store.write([&](store::Tx& tx) {
    for (const Ended& ended : tasks) {
      const auto of_task = store::Query().where("TaskId", ended.task);
      for (const auto& objects : parts_.documents.all<TaskObjects>(tx, of_task))
        parts_.documents.remove(tx, objects.id);
      if (!ended.deployment.empty()) {
        const auto of_deployment = store::Query().where("DeploymentId", ended.deployment);
        for (const auto& manifest : parts_.documents.all<AppliedManifest>(tx, of_deployment))
          parts_.documents.remove(tx, manifest.id);
      }
      if (parts_.documents.exists<Task>(tx, ended.task)) parts_.documents.remove(tx, Id<Task>(ended.task));
    }
  });
  for (const Ended& ended : tasks) parts_.log.remove(ended.task);
  log::info("tasks that are no longer kept were removed", {{"count", tasks.size()}, {"first", tasks.front().task}});
}

// Sealed manifests are named by their content, so two deployments may share one, and a deployment that runs just now
// may store the same text again and commit its name a moment later. So they go to a bin first; the next round empties
// it and puts back what has come into use again.
void TaskRetention::retire_manifests(const std::vector<Ended>& tasks) {
  std::set<std::string> names;
  std::set<std::string> going;
  for (const Ended& ended : tasks) {
    if (!ended.deployment.empty()) going.insert(ended.deployment);
  }
  if (going.empty()) return;
  parts_.store.read([&](const store::Tx& tx) {
    for (const std::string& deployment : going) {
      const auto query = store::Query().where("DeploymentId", deployment);
      for (const auto& manifest : parts_.documents.all<AppliedManifest>(tx, query)) {
        if (!manifest.sealed_name.empty()) names.insert(manifest.sealed_name);  // short ones are in the document
      }
    }
    for (std::int64_t at = 0; !names.empty(); at += kManifestsPerPage) {
      const auto page = parts_.documents.list<AppliedManifest>(tx, store::Query().page(at, kManifestsPerPage)).items;
      for (const auto& manifest : page) {
        if (!going.contains(manifest.deployment_id)) names.erase(manifest.sealed_name);
      }
      if (static_cast<std::int64_t>(page.size()) < kManifestsPerPage) break;
    }
    return 0;
  });
  if (names.empty()) return;
  file::make_folder(bin());
  for (const std::string& name : names) {
    std::error_code gone;
    if (!name.empty()) std::filesystem::rename(sealed_path(name), bin() + "/" + name, gone);
  }
}

void TaskRetention::empty_bin() {
  std::set<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(bin(), error), end; !error && entry != end; entry.increment(error)) {
    names.insert(entry->path().filename().string());
  }
  if (names.empty()) return;
  std::set<std::string> in_use;
  parts_.store.read([&](const store::Tx& tx) {
    for (std::int64_t at = 0;; at += kManifestsPerPage) {
      const auto page = parts_.documents.list<AppliedManifest>(tx, store::Query().page(at, kManifestsPerPage)).items;
      for (const auto& manifest : page) {
        if (names.contains(manifest.sealed_name)) in_use.insert(manifest.sealed_name);
      }
      if (static_cast<std::int64_t>(page.size()) < kManifestsPerPage) return 0;
    }
  });
  for (const std::string& name : names) {
    const std::string expired = bin() + "/" + name;
    std::error_code ignored;
    if (in_use.contains(name) && !file::exists(sealed_path(name))) {
      std::filesystem::rename(expired, sealed_path(name), ignored);
    } else {
      std::filesystem::remove(expired, ignored);
    }
  }
}

void TaskRetention::remove_lost_logs(const CancelToken& stopping) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(parts_.log_folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(kTaskPrefix)) names.push_back(name);
  }
  for (std::size_t at = 0; at < names.size() && !stopping.cancelled(); at += kNamesPerLook) {
    std::vector<std::string> lost;
    parts_.store.read([&](const store::Tx& tx) {
      for (std::size_t i = at; i < std::min(names.size(), at + kNamesPerLook); ++i) {
        if (!parts_.documents.exists<Task>(tx, names[i])) lost.push_back(names[i]);
      }
      return 0;
    });
    for (const std::string& name : lost) parts_.log.remove(name);
    if (!lost.empty()) log::info("logs without a task were removed", {{"count", lost.size()}, {"first", lost.front()}});
  }
}

std::string TaskRetention::sealed_path(const std::string& name) const {
  return parts_.blob_folder + "/sealed/" + name.substr(0, 2) + "/" + name.substr(2);
}

}  // namespace fairlead::server
