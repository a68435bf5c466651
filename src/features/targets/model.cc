// SPDX-License-Identifier: Apache-2.0
#include "features/targets/model.h"

namespace fairlead::features::targets {

const json::Type& type_of(json::Tag<Authentication>) {
  static const json::Type type =
      json::Type::of<Authentication>("KubernetesAuthentication")
          .field("AuthenticationType", &Authentication::type)
          .field("AccountId", &Authentication::account_id, json::refers | json::omit_when_empty)
          .field("ClientCertificate", &Authentication::client_certificate, json::refers | json::omit_when_empty)
          .extra(&Authentication::extra);
  return type;
}

const json::Type& type_of(json::Tag<EndpointContainer>) {
  static const json::Type type = json::Type::of<EndpointContainer>("DeploymentActionContainer")
                                     .field("FeedId", &EndpointContainer::feed_id, json::null_when_empty)
                                     .field("Image", &EndpointContainer::image, json::null_when_empty);
  return type;
}

const json::Type& type_of(json::Tag<AgentConfiguration>) {
  static const json::Type type =
      json::Type::of<AgentConfiguration>("TentacleEndpointConfiguration")
          .field("CommunicationMode", &AgentConfiguration::communication_mode)
          .field("Uri", &AgentConfiguration::uri)
          .field("Thumbprint", &AgentConfiguration::thumbprint)
          .field("CertificateSignatureAlgorithm", &AgentConfiguration::certificate_signature_algorithm);
  return type;
}

const json::Type& type_of(json::Tag<AgentDetails>) {
  static const json::Type type = json::Type::of<AgentDetails>("KubernetesAgentDetails")
                                     .field("AgentVersion", &AgentDetails::agent_version)
                                     .field("TentacleVersion", &AgentDetails::tentacle_version)
                                     .field("UpgradeStatus", &AgentDetails::upgrade_status)
                                     .field("HelmReleaseName", &AgentDetails::helm_release_name)
                                     .field("KubernetesNamespace", &AgentDetails::kubernetes_namespace);
  return type;
}

const json::Type& type_of(json::Tag<Endpoint>) {
  // Members of the other style are omitted where empty; DefaultWorkerPoolId is always there, because clients insist.
  static const json::Type type =
      json::Type::of<Endpoint>("Endpoint")
          .field("CommunicationStyle", &Endpoint::communication_style, json::required)
          .field("ClusterUrl", &Endpoint::cluster_url, json::omit_when_empty)
          .field("ClusterCertificate", &Endpoint::cluster_certificate, json::refers | json::omit_when_empty)
          .field("ClusterCertificatePath", &Endpoint::cluster_certificate_path, json::omit_when_empty)
          .field("Namespace", &Endpoint::namespace_name, json::omit_when_empty)
          .field("SkipTlsVerification", &Endpoint::skip_tls_verification, json::omit_when_empty)
          .field("ProxyId", &Endpoint::proxy_id, json::null_when_empty)
          .field("RunningInContainer", &Endpoint::running_in_container)
          .field("DefaultWorkerPoolId", &Endpoint::default_worker_pool_id, json::refers)
          .field("Container", &Endpoint::container, json::omit_when_empty)
          .field("ContainerOptions", &Endpoint::container_options, json::omit_when_empty)
          .field("Authentication", &Endpoint::authentication, json::omit_when_empty)
          .field("TentacleEndpointConfiguration", &Endpoint::agent, json::omit_when_empty)
          .field("KubernetesAgentDetails", &Endpoint::agent_details, json::omit_when_empty)
          .field("UpgradeLocked", &Endpoint::upgrade_locked)
          .field("DefaultNamespace", &Endpoint::default_namespace, json::omit_when_empty)
          .extra(&Endpoint::extra);
  return type;
}

const json::Type& type_of(json::Tag<HealthLine>) {
  static const json::Type type = json::Type::of<HealthLine>("ActivityLogElement")
                                     .field("Category", &HealthLine::category)
                                     .field("MessageText", &HealthLine::text)
                                     .field("OccurredAt", &HealthLine::at);
  return type;
}

const json::Type& type_of(json::Tag<Machine>) {
  static const json::Type type =
      json::Type::of<Machine>("Machine")
          .field("Id", &Machine::id, json::read_only)
          .field("Name", &Machine::name, json::required | json::unique_in_space)
          .field("EnvironmentIds", &Machine::environment_ids, json::required | json::refers)
          .field("Roles", &Machine::roles, json::required | json::refers)
          .field("TenantedDeploymentParticipation", &Machine::tenanted_deployment_participation)
          .field("TenantIds", &Machine::tenant_ids, json::refers)
          .field("TenantTags", &Machine::tenant_tags, json::refers)
          .field("Thumbprint", &Machine::thumbprint, json::indexed)
          .field("Uri", &Machine::uri, json::null_when_empty)
          .field("IsDisabled", &Machine::is_disabled, json::indexed)
          .field("MachinePolicyId", &Machine::machine_policy_id, json::refers)
          .field("HealthStatus", &Machine::health_status, json::read_only | json::indexed)
          .field("Status", &Machine::status, json::read_only)
          .field("StatusSummary", &Machine::status_summary, json::read_only)
          .field("HasLatestCalamari", &Machine::has_latest_calamari, json::read_only)
          .field("IsInProcess", &Machine::is_in_process, json::read_only)
          .field("OperatingSystem", &Machine::operating_system, json::read_only | json::indexed)
          .field("ShellName", &Machine::shell_name, json::read_only | json::indexed)
          .field("ShellVersion", &Machine::shell_version, json::read_only)
          .field("SkipInitialHealthCheck", &Machine::skip_initial_health_check)
          .field("Endpoint", &Machine::endpoint)
          .field("Slug", &Machine::slug, json::indexed)
          .field("SpaceId", &Machine::space_id, json::indexed | json::read_only)
          .field("PublicKey", &Machine::public_key, json::stored_only)
          .field("CommunicationStyle", &Machine::communication_style, json::stored_only | json::indexed)
          .field("EndpointRevision", &Machine::endpoint_revision, json::stored_only)
          .field("HealthChecked", &Machine::health_checked, json::stored_only)
          .field("UnavailableSince", &Machine::unavailable_since, json::stored_only)
          .field("HealthLog", &Machine::health_log, json::stored_only);
  return type;
}

const json::Type& type_of(json::Tag<RegistrationToken>) {
  static const json::Type type =
      json::Type::of<RegistrationToken>("RegistrationToken")
          .field("Id", &RegistrationToken::id, json::read_only)
          .field("SpaceId", &RegistrationToken::space_id, json::indexed | json::read_only)
          .field("Kind", &RegistrationToken::kind)
          .field("TokenHash", &RegistrationToken::token_hash, json::stored_only | json::indexed)
          .field("UsedByKey", &RegistrationToken::used_by_key, json::stored_only)
          .field("UsedFor", &RegistrationToken::used_for, json::stored_only)
          .field("Created", &RegistrationToken::created, json::read_only)
          .field("Expires", &RegistrationToken::expires, json::read_only | json::indexed);
  return type;
}

}  // namespace fairlead::features::targets
