// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <unistd.h>

#include <atomic>

#include "api/dispatch.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/engine.h"
#include "engine/task_log.h"
#include "features/install_all.h"
#include "features/services.h"
#include "features/spaces/model.h"
#include "features/targets/rules.h"
#include "link/hub.h"
#include "net/http_server.h"
#include "server/builtin_worker.h"
#include "server/data_directory.h"
#include "server/executor_gateway.h"
#include "server/janitor.h"
#include "steps/install_all.h"
#include "store/blobs.h"
#include "store/documents.h"
#include "store/instance.h"
#include "store/sealing.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::server {

namespace {

constexpr int kEngineWorkers = 2;

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "server";
  return name;
}

std::unique_ptr<store::Store> open_store(const DataDirectory& data, Clock& clock) {
  store::SqliteOptions options;
  options.path = data.database();
  return store::open_sqlite(std::move(options), clock);
}

store::Sealer open_sealer(const Config& config, const DataDirectory& data) {
  // A lost key is an error, not a reason for a new one: only a data directory without a database may get one.
  if (config.master_key_file.empty())
    return store::Sealer::from_file(data.master_key(), !file::exists(data.database()));
  return store::Sealer::from_file(config.master_key_file, false);
}

engine::TaskLog::Options log_options(const DataDirectory& data) {
  engine::TaskLog::Options options;
  options.folder = data.logs();
  return options;
}

struct InstanceFacts {
  std::string installation, instance, incarnation;
};

InstanceFacts read_facts(store::Store& store, const store::Sealer& sealer, const std::string& key_path) {
  return store.write([&](store::Tx& tx) {
    store::check_master_key(tx, sealer, key_path);
    InstanceFacts facts;
    facts.installation = store::instance_fact(tx, "installation").value_or("");
    if (facts.installation.empty()) {
      facts.installation = random_uuid();
      store::set_instance_fact(tx, "installation", facts.installation);
    }
    facts.instance = store::instance_id(tx);
    facts.incarnation = store::incarnation(tx);
    return facts;
  });
}

features::ServerFacts server_facts(const InstanceFacts& instance, const Config& config, const SigningKey& link_key,
                                   Clock& clock) {
  features::ServerFacts facts;
  facts.version = kProductVersion;
  facts.installation_id = instance.installation;
  facts.instance = instance.instance;
  facts.node_name = host_name();
  facts.started = clock.now();
  facts.link_public_key = link_key.public_key;
  facts.admin_api_key = config.admin_api_key;
  return facts;
}

}  // namespace

// Members are made in order of dependence and destroyed in the reverse.
struct Server::Impl {
  Impl(Config given, Clock& the_clock)
      : config(std::move(given)),
        clock(the_clock),
        data(config.data_dir),
        sealer(open_sealer(config, data)),
        store(open_store(data, clock)),
        facts(read_facts(*store, sealer, config.master_key_file.empty() ? data.master_key() : config.master_key_file)),
        link_key(data.link_key()),
        documents(*store, sealer),
        blobs(data.blobs()),
        log(*store, clock, log_options(data)),
        engine(*store, clock, engine_options()),
        hub(hub_options(), hub_secrets(), gateway, clock),
        api{router, *store, documents, clock},
        services{api, engine, log, blobs, hub, live_objects, server_facts(facts, config, link_key, clock)} {
    steps::install_all(services);
    features::install_all(services);
    documents.prepare();
    ExecutorGateway::Parts parts;
    parts.engine = &engine;
    parts.log = &log;
    parts.hub = &hub;
    parts.store = store.get();
    parts.documents = &documents;
    parts.live_objects = &live_objects;
    parts.worker_secret = data.worker_secret();
    gateway.connect(std::move(parts));
    engine.set_sink(gateway);
    services.readiness.emplace_back(
        [this] { return running ? std::string() : std::string("the server is starting or stopping"); });
    log.recover();
    for (const auto& hook : services.starting) hook();
    dispatcher = std::make_unique<api::Dispatcher>(router, dispatch_options());
    http = std::make_unique<net::HttpServer>(http_options(), *dispatcher);
    if (config.builtin_worker) {
      worker = std::make_unique<BuiltInWorker>(data, BuiltInWorkerOptions{config.worker_user, config.trust_scripts});
    }
  }

  // A worker that has nothing to do ends with the server; one at work goes on and is found by the next server.
  void stop_worker() {
    if (!worker) return;
    const std::string id = features::targets::kBuiltInWorker;
    if (engine.pending_for(id, {id}).empty()) {
      worker->terminate();
    } else {
      worker->stop();
    }
  }

  engine::Engine::Options engine_options() {
    engine::Engine::Options options;
    options.incarnation = facts.incarnation;
    options.workers = kEngineWorkers;
    options.task_cap = config.task_cap;
    options.log = &log;
    options.on_slot = [this](store::Tx& tx, const std::string& task, bool executing) {
      if (!executing) return;
      auto document = documents.find<features::tasks::Task>(tx, std::string_view(task));
      if (document)
        features::tasks::set_state(documents, tx, *document, domain::TaskState::executing, services.facts.node_name);
    };
    return options;
  }

  link::HubOptions hub_options() const {
    link::HubOptions options;
    options.server_incarnation = facts.incarnation;
    options.key = link_key;
    return options;
  }

  link::HubSecrets hub_secrets() {
    link::HubSecrets secrets;
    secrets.open = [this](const std::string& sealed) { return sealer.unseal(sealed); };
    secrets.seal = [this](const Secret& text) { return sealer.seal(text); };
    return secrets;
  }

  api::DispatchOptions dispatch_options() {
    api::DispatchOptions options;
    options.authenticate = services.authenticate;
    options.resolve_space = [this](std::string_view text) -> std::optional<std::string> {
      if (text.empty() || text::equals_ignoring_case(text, features::spaces::kDefaultSpace))
        return features::spaces::kDefaultSpace;
      return store->read([&](const store::Tx& tx) -> std::optional<std::string> {
        // Routes match without case, and the id of the space is part of them.
        constexpr std::string_view kPrefix = "Spaces-";
        const bool is_id = text::starts_with_ignoring_case(text, kPrefix);
        const std::string id =
            is_id ? std::string(kPrefix) + std::string(text.substr(kPrefix.size())) : std::string(text);
        auto space = documents.find<features::spaces::Space>(tx, std::string_view(id));
        if (!space)
          space = documents.first<features::spaces::Space>(tx, store::Query().where("Slug", text::lower(text)));
        return space ? std::optional(space->id.str()) : std::nullopt;
      });
    };
    options.link_path = link::kLinkPath;
    options.link_subprotocol = link::kSubprotocol;
    options.accept_link = [this](net::Request&& request, std::shared_ptr<net::WebSocket> socket) {
      return hub.accept(std::move(request), std::move(socket));
    };
    return options;
  }

  net::HttpServerOptions http_options() const {
    const ListenAddress listen = parse_listen(config.listen);
    net::HttpServerOptions options;
    options.address = listen.address;
    options.port = listen.port;
    options.tls_certificate_file = config.tls_cert;
    options.tls_key_file = config.tls_key;
    options.unix_socket = data.worker_socket();
    return options;
  }

  const Config config;
  Clock& clock;
  DataDirectory data;
  store::Sealer sealer;
  std::unique_ptr<store::Store> store;
  InstanceFacts facts;
  SigningKey link_key;
  store::Documents documents;
  store::Blobs blobs;
  api::Router router;
  features::tasks::LiveObjects live_objects;
  ExecutorGateway gateway;
  engine::TaskLog log;
  engine::Engine engine;
  link::Hub hub;
  api::Server api;
  features::Services services;
  Janitor janitor{{*store, documents, engine, log, data}, config.retention};
  std::unique_ptr<BuiltInWorker> worker;
  std::unique_ptr<api::Dispatcher> dispatcher;
  std::unique_ptr<net::HttpServer> http;
  std::atomic<bool> running{false};
  bool stopped = false;
};

Server::Server(Config config, Clock& clock) : impl_(std::make_unique<Impl>(std::move(config), clock)) {}

Server::~Server() { stop(); }

void Server::start() {
  impl_->engine.run();
  impl_->janitor.start();
  impl_->http->start();
  if (impl_->worker) impl_->worker->start();
  impl_->running = true;
  log::info("the server is ready",
            {{"url", impl_->http->url()}, {"data", impl_->data.path()}, {"version", kProductVersion}});
}

std::string Server::url() const { return impl_->http->url(); }

void Server::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  impl_->running = false;
  impl_->stop_worker();
  impl_->hub.stop();
  impl_->http->stop();
  impl_->gateway.stop();
  impl_->janitor.stop();
  impl_->engine.stop();
  impl_->store->close();
}

}  // namespace fairlead::server
