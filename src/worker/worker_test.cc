// SPDX-License-Identifier: Apache-2.0
// Real worker processes on a hub of ours: what survives their death and the server's, and, where the devcluster has
// been built, real objects applied and verified.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>

#include "base/bytes.h"
#include "base/cancel.h"
#include "base/file.h"
#include "base/text.h"
#include "kube/http_kube_client.h"
#include "link/hub.h"

namespace fairlead::worker {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);

constexpr const char* kManifest = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example/web:1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}
)";

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct World : testing::Test, link::HubEvents, net::Handler {
  std::string folder = file::make_temporary_folder("worker");
  Secret secret{std::string(32, 's')};
  SigningKey key = make_signing_key();
  std::unique_ptr<link::Hub> hub;
  std::unique_ptr<net::HttpServer> http;
  pid_t worker = -1;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<link::SessionInfo> sessions;
  std::map<std::string, std::vector<std::string>> logs;
  std::map<std::string, link::Result> results;
  std::map<std::string, int> statuses;
  std::map<std::string, int> result_counts;

  void SetUp() override {
    file::write_durably(folder + "/secret", hex(secret.reveal()));
    start_server();
    start_worker();
  }
  void TearDown() override {
    if (worker > 0) end_worker(SIGTERM);
    stop_server();
    file::remove_tree(folder);
  }
  void start_server(const std::string& incarnation = "i1") {
    link::HubOptions options;
    options.server_incarnation = incarnation;
    options.key = key;
    link::HubSecrets secrets;
    secrets.open = [](const std::string& sealed) { return Secret(sealed); };
    secrets.seal = [](const Secret& text) { return "sealed " + std::string(text.reveal()); };
    hub = std::make_unique<link::Hub>(std::move(options), std::move(secrets), *this, system_clock());
    http = std::make_unique<net::HttpServer>(
        net::HttpServerOptions{.unix_socket = folder + "/socket", .workers = 2, .slow_workers = 1}, *this);
    http->start();
  }
  void stop_server() {
    hub->stop();
    http->stop();
  }
  void start_worker() {
    const std::string program = from_environment("FAIRLEAD_BIN") + "/fairlead-agent";
    const std::string data = folder + "/data", socket = folder + "/socket", secret_file = folder + "/secret";
    const std::vector<const char*> arguments = {
        program.c_str(), "worker",        "--built-in",        "--name",     "w1",
        "--executor",    "Workers-1",     "--data-dir",        data.c_str(), "--socket",
        socket.c_str(),  "--secret-file", secret_file.c_str(), nullptr};
    worker = ::fork();
    if (worker == 0) {
      ::execv(program.c_str(), const_cast<char* const*>(arguments.data()));
      ::_exit(127);
    }
  }
  // In the order of their birth; those that nobody has waited for are among them.
  std::vector<std::string> children_of_worker() const {
    return text::split(text::trim(file::read(text::format("/proc/{}/task/{}/children", worker, worker))), ' ');
  }
  // The first one, made before anything else.
  std::string launcher() const {
    const std::string first = children_of_worker().at(0);
    EXPECT_EQ(file::read_if_exists("/proc/" + first + "/comm").value_or(""), "script-launcher\n");
    return first;
  }
  void end_worker(int signal_number) {
    ::kill(worker, signal_number);
    ::waitpid(worker, nullptr, 0);
    worker = -1;
  }

  net::Route route(const net::RequestHead&) override {
    return {.lane = net::Lane::websocket, .subprotocol = std::string(link::kSubprotocol)};
  }
  net::Response handle(net::Request&&) override { return net::error_response(404, "no"); }
  std::optional<net::Response> websocket(net::Request&& request, std::shared_ptr<net::WebSocket> socket) override {
    return hub->accept(std::move(request), std::move(socket));
  }
  std::optional<link::ExecutorIdentity> find_executor(const std::string&) override {
    return link::ExecutorIdentity{{}, secret};
  }
  void on_session(const link::SessionInfo& session) override {
    const std::lock_guard lock(mutex);
    sessions.push_back(session);
    changed.notify_all();
  }
  void on_reports(const std::string&, std::vector<link::Report> reports) override {
    const std::lock_guard lock(mutex);
    for (link::Report& report : reports) {
      std::vector<std::string>& log = logs[report.key];
      for (std::size_t i = 0; i < report.log.size(); ++i) {
        const std::size_t offset = static_cast<std::size_t>(report.log_offset) + i;
        if (offset > log.size()) log.push_back("GAP");
        if (offset == log.size()) log.push_back(report.log[i].text);
      }
      if (!report.result) continue;
      ++result_counts[report.key];
      results.emplace(report.key, *report.result);
    }
    changed.notify_all();
  }
  void on_status(const std::string&, link::StatusUpdate update) override {
    const std::lock_guard lock(mutex);
    ++statuses[update.key];
    changed.notify_all();
  }
  template <class F>
  bool wait(F condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, condition);
  }
  // Waits for the n-th connection; its incarnation.
  std::string connected(std::size_t times = 1) {
    std::string incarnation;
    EXPECT_TRUE(wait([&] {
      std::size_t count = 0;
      for (const auto& session : sessions) {
        if (session.connected && ++count == times) incarnation = session.incarnation;
      }
      return count >= times;
    }));
    return incarnation;
  }
  template <class C>
  void send(const std::string& incarnation, const std::string& command_key, std::string_view kind, const C& payload,
            bool repeatable) {
    link::Command command{
        .key = command_key, .kind = std::string(kind), .repeatable = repeatable, .payload = {json::encode(payload)}};
    ASSERT_EQ(hub->send("Workers-1", incarnation, std::move(command)), link::Sent::queued);
  }
  void script(const std::string& incarnation, const std::string& command_key, const std::string& body) {
    send(incarnation, command_key, link::kind::script, link::RunScript{.body = link::Confidential::of(body)}, false);
  }
  link::Result result(const std::string& command_key) {
    EXPECT_TRUE(wait([&] { return results.contains(command_key); })) << command_key;
    const std::lock_guard lock(mutex);
    return results[command_key];
  }
};

TEST_F(World, RunsScriptsAndAnswersRepeatsFromMemory) {
  const std::string incarnation = connected();
  const std::string count = "echo x >> " + folder + "/count; ";
  script(incarnation, "k1", count + "echo out; set_octopusvariable token hidden-value -sensitive");
  script(incarnation, "k1", count);
  const link::Result ended = result("k1");
  EXPECT_EQ(ended.outcome, link::Outcome::succeeded);
  EXPECT_EQ(json::decode<link::ScriptResult>(ended.value.text).outputs.at(0).value.sealed, "sealed hidden-value");
  EXPECT_EQ(logs["k1"], std::vector<std::string>{"out"});
  // Once another command has been answered, the acknowledgement of k1 is ahead of whatever is sent next.
  send(incarnation, "h", link::kind::check_health, link::CheckHealth{}, true);
  EXPECT_EQ(result("h").outcome, link::Outcome::succeeded);
  results.clear();
  script(incarnation, "k1", count);
  EXPECT_EQ(result("k1").outcome, link::Outcome::lost);  // its end had been delivered: never run again
  EXPECT_EQ(file::read(folder + "/count"), "x\n");
  send(incarnation, "k2", "Strange", link::CheckHealth{}, true);
  EXPECT_EQ(link::error_of(*result("k2").error).fault(), Fault::unsupported);
}

TEST_F(World, AScriptOnAKilledWorkerIsLostAndNotRepeated) {
  const std::string incarnation = connected();
  script(incarnation, "k", "echo x >> " + folder + "/count; echo begun; sleep 1000");
  ASSERT_TRUE(wait([&] { return !logs["k"].empty(); }));
  end_worker(SIGKILL);
  start_worker();
  EXPECT_EQ(connected(2), incarnation);
  script(incarnation, "k", "echo x >> " + folder + "/count");
  const link::Result lost = result("k");
  EXPECT_EQ(lost.outcome, link::Outcome::lost);
  EXPECT_NE(lost.error->message.find("outcome unknown: worker w1 was ended after the script had started at"),
            std::string::npos);
  EXPECT_EQ(file::read(folder + "/count"), "x\n");
  EXPECT_EQ(logs["k"], std::vector<std::string>{"begun"});
}

TEST_F(World, AScriptGoesOnWhileTheServerRestarts) {
  const std::string incarnation = connected();
  ASSERT_EQ(::mkfifo((folder + "/go").c_str(), 0600), 0);
  script(incarnation, "k", "echo begun; read line < " + folder + "/go; for i in 1 2 3; do echo $line $i; done");
  ASSERT_TRUE(wait([&] { return !logs["k"].empty(); }));
  stop_server();
  const file::Descriptor go(::open((folder + "/go").c_str(), O_WRONLY));
  ASSERT_EQ(::write(go.get(), "after\n", 6), 6);
  start_server();
  EXPECT_EQ(result("k").outcome, link::Outcome::succeeded);
  EXPECT_EQ(logs["k"], (std::vector<std::string>{"begun", "after 1", "after 2", "after 3"}));
}

// The worker's launcher of scripts (executor/launcher.h) ends with it, and is not needed.
TEST_F(World, ScriptsGoOnWithoutTheirLauncherWhichEndsWithTheWorker) {
  const std::string incarnation = connected();
  const std::string first = launcher();
  script(incarnation, "k1", "kill -9 " + first);
  EXPECT_EQ(result("k1").outcome, link::Outcome::succeeded);
  for (const char* next : {"k2", "k3"}) {
    script(incarnation, next, "echo still here");
    EXPECT_EQ(result(next).outcome, link::Outcome::succeeded);
  }
  for (const std::string& child : children_of_worker()) EXPECT_NE(child, first) << "nobody has waited for it";

  end_worker(SIGKILL);
  start_worker();
  connected(2);
  const auto pid = text::parse_int(launcher());
  ASSERT_TRUE(pid);
  const file::Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<int>(*pid), 0)));
  ASSERT_TRUE(handle.valid());
  end_worker(SIGKILL);
  pollfd wait{handle.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 60'000), 1);
}

TEST_F(World, ACancelledScriptEndsAndSaysWhy) {
  const std::string incarnation = connected();
  script(incarnation, "k", "echo begun; sleep 1000");
  ASSERT_TRUE(wait([&] { return !logs["k"].empty(); }));
  EXPECT_TRUE(hub->cancel("Workers-1", {"k", "cancelled by alice"}));
  const link::Result ended = result("k");
  EXPECT_EQ(ended.outcome, link::Outcome::cancelled);
  EXPECT_EQ(ended.error->message, "cancelled by alice");
}

TEST_F(World, AnUnreachableClusterIsAnAnswer) {
  const std::string incarnation = connected();
  link::CheckHealth check;
  check.cluster = link::ClusterAccess{.name = "Machines-1", .server_url = "https://127.0.0.1:1"};
  send(incarnation, "h", link::kind::check_health, check, true);
  const auto health = json::decode<link::HealthResult>(result("h").value.text);
  EXPECT_EQ(health.status, "Unavailable");
  link::Apply apply;
  apply.cluster = *check.cluster;
  apply.field_manager = "fairlead/test/Projects-1";
  apply.documents.push_back({"inline", link::Confidential::of("kind: ConfigMap\n")});
  send(incarnation, "a", link::kind::apply, apply, true);
  EXPECT_EQ(link::error_of(*result("a").error).fault(), Fault::invalid);
}

// A cluster that accepts connections and never answers, and a server that says nothing for longer than the lease.
TEST_F(World, ALeaseThatRunsOutStopsAnApplyWhichCanBeSentAgain) {
  const std::string incarnation = connected();
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 16), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  link::Apply apply;
  apply.cluster = {.name = "Machines-1", .server_url = text::format("http://127.0.0.1:{}", ntohs(address.sin_port))};
  apply.field_manager = "fairlead/test/Projects-1";
  apply.documents.push_back({"inline", link::Confidential::of(kManifest)});
  const link::Command command{.key = "a",
                              .kind = std::string(link::kind::apply),
                              .repeatable = true,
                              .lease_seconds = 1,
                              .payload = {json::encode(apply)}};
  ASSERT_EQ(hub->send("Workers-1", incarnation, command), link::Sent::queued);
  EXPECT_EQ(result("a").outcome, link::Outcome::stopped);
  // Sent at once, while the acknowledgement of the first result may still be on its way.
  ASSERT_EQ(hub->send("Workers-1", incarnation, command), link::Sent::queued);
  EXPECT_TRUE(wait([&] { return result_counts["a"] == 2; }));
  ::close(listener);
}

// Against the real API server of the devcluster.
TEST_F(World, AppliesAndVerifiesRealObjects) {
  const std::string program = from_environment("FAIRLEAD_TOOLS") + "/fairlead-devcluster";
  if (::access(program.c_str(), X_OK) != 0) FAIL() << "no devcluster has been built; make build does it";
  const std::string kubeconfig = folder + "/kubeconfig", data = folder + "/cluster";
  int input[2], output[2];  // it ends with its standard input, and says on its output that it serves
  ASSERT_EQ(::pipe2(input, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(output, O_CLOEXEC), 0);
  const pid_t cluster = ::fork();
  if (cluster == 0) {
    ::dup2(input[0], 0);
    ::dup2(output[1], 1);
    ::execl(program.c_str(), program.c_str(), "start", "--dir", data.c_str(), "--kubeconfig", kubeconfig.c_str(),
            "--level", "c", "--nodes", "1", "--watch-stdin", nullptr);
    ::_exit(127);
  }
  ::close(output[1]);
  char ready[512];
  ASSERT_GT(::read(output[0], ready, sizeof ready), 0) << "the devcluster did not start";
  const std::string incarnation = connected();
  const kube::ClusterConfig config = kube::parse_kubeconfig(file::read(kubeconfig), kubeconfig, folder + "/");
  link::Apply apply;
  apply.cluster = {.name = "Machines-1", .server_url = config.server_url, .ca_pem = config.ca_pem};
  apply.cluster.token = link::Confidential::of_sealed(std::string(config.token.reveal()));
  apply.cluster.client_certificate_pem = config.client_certificate_pem;
  apply.cluster.client_key_pem = link::Confidential::of_sealed(std::string(config.client_key_pem.reveal()));
  apply.field_manager = "fairlead/test/Projects-1";
  apply.default_namespace = "shop";
  apply.create_namespace = true;
  apply.documents.push_back({"inline", link::Confidential::of(kManifest)});
  send(incarnation, "apply", link::kind::apply, apply, true);
  const link::Result applied = result("apply");
  ASSERT_EQ(applied.outcome, link::Outcome::succeeded) << json::encode(applied);
  const auto outcome = json::decode<link::ApplyResult>(applied.value.text);
  EXPECT_EQ(outcome.created, 2);
  EXPECT_EQ(logs["apply"], (std::vector<std::string>{"Namespace shop created", "ConfigMap shop/settings created",
                                                     "Deployment shop/web created", "2 objects are as expected"}));
  ASSERT_TRUE(outcome.verified) << "the verdict came at once";
  EXPECT_EQ(outcome.verified->verdict, link::Verdict::healthy);

  link::Verify verify;
  verify.cluster = apply.cluster;
  for (const link::ObjectOutcome& object : outcome.objects) verify.objects.push_back(object.object);
  send(incarnation, "verify", link::kind::verify, verify, true);
  const link::Result verified = result("verify");
  ASSERT_EQ(verified.outcome, link::Outcome::succeeded) << json::encode(verified);
  EXPECT_EQ(json::decode<link::VerifyResult>(verified.value.text).verdict, link::Verdict::healthy)
      << verified.value.text;
  EXPECT_GT(statuses["verify"], 0);

  send(incarnation, "again", link::kind::apply, apply, true);
  EXPECT_EQ(json::decode<link::ApplyResult>(result("again").value.text).unchanged, 2);

  link::CheckHealth check;
  check.cluster = apply.cluster;
  send(incarnation, "health", link::kind::check_health, check, true);
  EXPECT_EQ(json::decode<link::HealthResult>(result("health").value.text).status, "Healthy")
      << json::encode(result("health"));

  link::Delete remove;
  remove.cluster = apply.cluster;
  remove.objects = verify.objects;
  send(incarnation, "delete", link::kind::remove, remove, true);
  for (const auto& object : json::decode<link::DeleteResult>(result("delete").value.text).objects) {
    EXPECT_EQ(object.action, link::ObjectAction::deleted);
  }
  ::kill(cluster, SIGTERM);
  ::waitpid(cluster, nullptr, 0);
}

}  // namespace
}  // namespace fairlead::worker
