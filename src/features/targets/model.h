// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/type.h"

namespace fairlead::features::targets {

inline constexpr const char* kKubernetes = "Kubernetes";               // an API target, reached through a worker
inline constexpr const char* kKubernetesAgent = "KubernetesTentacle";  // a cluster with an agent in it

struct Authentication {
  std::string type;                // KubernetesStandard | KubernetesCertificate | None
  std::string account_id;          // KubernetesStandard: an account of type Token or UsernamePassword
  std::string client_certificate;  // KubernetesCertificate: a certificate with a private key
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Authentication>);

struct EndpointContainer {
  std::string feed_id, image;
};
const json::Type& type_of(json::Tag<EndpointContainer>);

// How the server reaches the agent; clients show it.
struct AgentConfiguration {
  std::string communication_mode = "Polling", uri, thumbprint, certificate_signature_algorithm = "ed25519";
};
const json::Type& type_of(json::Tag<AgentConfiguration>);

struct AgentDetails {
  std::string agent_version, tentacle_version, upgrade_status = "NoUpgrades", helm_release_name, kubernetes_namespace;
};
const json::Type& type_of(json::Tag<AgentDetails>);

struct Endpoint {
  std::string communication_style;
  // Kubernetes
  std::string cluster_url, cluster_certificate, cluster_certificate_path, namespace_name;
  std::string skip_tls_verification;  // a string on the wire: "True", "False" or ""
  std::string proxy_id, default_worker_pool_id, container_options;
  bool running_in_container = false;
  std::optional<EndpointContainer> container;
  std::optional<Authentication> authentication;
  // KubernetesTentacle
  std::optional<AgentConfiguration> agent;
  std::optional<AgentDetails> agent_details;
  bool upgrade_locked = false;
  std::string default_namespace;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<Endpoint>);

// A line of the last health check, for who asks how the connection is.
struct HealthLine {
  std::string category, text;
  Time at;
};
const json::Type& type_of(json::Tag<HealthLine>);

struct Machine {
  Id<Machine> id;
  std::string space_id, name, slug, thumbprint, uri, machine_policy_id;
  std::vector<std::string> environment_ids, roles, tenant_ids, tenant_tags;
  std::string tenanted_deployment_participation = "Untenanted";
  bool is_disabled = false, has_latest_calamari = true, is_in_process = false, skip_initial_health_check = false;
  std::string status = "Unknown", health_status = "Unknown", status_summary;
  std::string operating_system = "Unknown", shell_name = "Unknown", shell_version = "Unknown";
  Endpoint endpoint;
  std::string public_key;  // agents: base64 of its Ed25519 key
  // Stored only.
  std::string communication_style;  // the endpoint's, for lists
  int endpoint_revision = 0;  // grows when the endpoint changes: what was found out about the old one does not count
  Time health_checked;        // 0: never
  Time unavailable_since;     // the first check that found it so; 0: it is not
  std::vector<HealthLine> health_log;
};
const json::Type& type_of(json::Tag<Machine>);

// A permission to register one agent or worker, once, within an hour.
struct RegistrationToken {
  Id<RegistrationToken> id;
  std::string space_id, token_hash, kind, used_by_key, used_for;
  Time created, expires;
};
const json::Type& type_of(json::Tag<RegistrationToken>);

}  // namespace fairlead::features::targets
