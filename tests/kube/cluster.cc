// SPDX-License-Identifier: Apache-2.0
#include "tests/kube/cluster.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "base/bytes.h"
#include "base/file.h"

extern char** environ;

namespace fairlead::kube::integration {

namespace {

std::string tool(const char* name) {
  const char* folder = std::getenv("FAIRLEAD_TOOLS");
  if (folder == nullptr) throw std::runtime_error("FAIRLEAD_TOOLS is not set: run this through ctest");
  return std::string(folder) + "/" + name;
}

}  // namespace

Cluster& Cluster::instance() {
  static Cluster cluster;
  return cluster;
}

Cluster::Cluster() {
  std::string pattern = "/tmp/fairlead-kube-XXXXXX";
  directory_ = mkdtemp(pattern.data());
  const std::string kubeconfig = directory_ + "/kubeconfig";
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  std::vector<std::string> words = {tool("fairlead-devcluster"),
                                    "start",
                                    "--dir",
                                    directory_ + "/state",
                                    "--kubeconfig",
                                    kubeconfig,
                                    "--watch-stdin",
                                    "--backoff",
                                    "1s"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, arguments.data(), environ) != 0) {
    throw std::runtime_error(words[0] + " cannot be started: run `make build` first");
  }
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  stdin_ = in[1];
  char byte = 0;
  std::string line;
  while (read(out[0], &byte, 1) == 1 && byte != '\n') line += byte;
  close(out[0]);
  if (line.find("\"ready\":true") == std::string::npos)
    throw std::runtime_error("the cluster did not become ready: " + line);
  config_ = parse_kubeconfig(file::read(kubeconfig), "kubeconfig", directory_);
  client_ = make_http_kube_client(config_, http_);
  discovery_ = std::make_unique<Discovery>(*client_, system_clock());
}

Cluster::~Cluster() {
  close(stdin_);
  int status = 0;
  waitpid(pid_, &status, 0);
  file::remove_tree(directory_);
}

std::string Cluster::make_namespace() {
  const std::string name = "t-" + random_id().substr(0, 8);
  apply_yaml("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + "}\n", "");
  Resource accounts;
  accounts.version = "v1";
  accounts.kind = "ServiceAccount";
  accounts.plural = "serviceaccounts";
  if (!wait_for([&] { return get(*client_, accounts, name, "default", CancelToken()).has_value(); })) {
    throw std::runtime_error("the namespace has no ServiceAccount");
  }
  return name;
}

ApplyReport Cluster::apply_yaml(const std::string& yaml, const std::string& namespace_name, ApplyOptions options) {
  if (options.field_manager.empty()) options.field_manager = "fairlead/test/Projects-1";
  if (options.hash_key.empty()) options.hash_key = Secret("key");
  const PrepareResult prepared =
      prepare(parse_documents(yaml, "test.yaml"), *discovery_, namespace_name, options.cancel);
  return apply_all(*client_, *discovery_, system_clock(), prepared.objects, options);
}

Resource Cluster::resource(const std::string& group, const std::string& version, const std::string& kind) {
  return discovery_->resolve(group, version, kind, CancelToken());
}

bool Cluster::wait_for(const std::function<bool()>& condition) {
  const std::int64_t end = system_clock().steady_us() + kMinute;
  while (!condition()) {
    if (system_clock().steady_us() > end) return false;
    CancelSource().token().wait_for_us(20 * kMillisecond);
  }
  return true;
}

}  // namespace fairlead::kube::integration
