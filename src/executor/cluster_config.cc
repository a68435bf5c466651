// SPDX-License-Identifier: Apache-2.0
#include "executor/cluster_config.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "json/value.h"

namespace fairlead::executor {

kube::ClusterConfig config_of(const link::ClusterAccess& access, const OpenSecret& open) {
  if (access.server_url.empty()) {
    throw invalid(text::format("the target {} has no cluster URL", access.name))
        .with_help("set it in the target's settings");
  }
  kube::ClusterConfig config;
  config.server_url = access.server_url;
  config.ca_pem = access.ca_pem;
  config.skip_tls_verification = access.skip_tls_verification;
  config.tls_server_name = access.tls_server_name;
  config.proxy_url = access.proxy_url;
  config.token = open(access.token);
  config.username = access.username;
  config.password = open(access.password);
  config.client_certificate_pem = access.client_certificate_pem;
  config.client_key_pem = open(access.client_key_pem);
  return config;
}

kube::ClusterConfig own_cluster_config(const std::string& kubeconfig_file) {
  if (kubeconfig_file.empty()) return kube::in_cluster_config();
  const std::size_t slash = kubeconfig_file.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : kubeconfig_file.substr(0, slash + 1);
  return kube::parse_kubeconfig(file::read(kubeconfig_file, 4u << 20), kubeconfig_file, folder);
}

std::string kubeconfig_text(const kube::ClusterConfig& config, const std::string& namespace_name) {
  json::Object cluster{{"server", config.server_url}};
  if (!config.ca_pem.empty()) cluster["certificate-authority-data"] = base64(config.ca_pem);
  if (config.skip_tls_verification) cluster["insecure-skip-tls-verify"] = true;
  if (!config.tls_server_name.empty()) cluster["tls-server-name"] = config.tls_server_name;
  if (!config.proxy_url.empty()) cluster["proxy-url"] = config.proxy_url;
  json::Object user;
  if (!config.token.empty()) user["token"] = config.token.reveal();
  if (!config.token_file.empty()) user["tokenFile"] = config.token_file;
  if (!config.username.empty()) {
    user["username"] = config.username;
    user["password"] = config.password.reveal();
  }
  if (!config.client_certificate_pem.empty()) {
    user["client-certificate-data"] = base64(config.client_certificate_pem);
    user["client-key-data"] = base64(config.client_key_pem.reveal());
  }
  json::Object context{{"cluster", "target"}, {"user", "fairlead"}};
  if (!namespace_name.empty()) context["namespace"] = namespace_name;
  const auto named = [](std::string_view name, std::string_view what, json::Object content) {
    json::Object entry{{"name", name}};
    entry[what] = std::move(content);
    return json::Array{std::move(entry)};
  };
  const json::Object root{{"apiVersion", "v1"},
                          {"kind", "Config"},
                          {"clusters", named("target", "cluster", std::move(cluster))},
                          {"users", named("fairlead", "user", std::move(user))},
                          {"contexts", named("fairlead", "context", std::move(context))},
                          {"current-context", "fairlead"}};
  return json::text_of(root);
}

std::string fingerprint(const kube::ClusterConfig& config) {
  std::string all;
  const auto add = [&](std::string_view part) { all += text::format("{}:{}", part.size(), part); };
  for (const std::string* part : {&config.server_url, &config.ca_pem, &config.token_file, &config.username,
                                  &config.client_certificate_pem, &config.tls_server_name, &config.proxy_url}) {
    add(*part);
  }
  for (const Secret* part : {&config.token, &config.password, &config.client_key_pem}) add(part->reveal());
  add(config.skip_tls_verification ? "skip" : "verify");
  return sha256_hex(all);
}

}  // namespace fairlead::executor
