// SPDX-License-Identifier: Apache-2.0
// KubeClient over net::HttpClient: one cluster, one set of credentials.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/secret.h"
#include "kube/client.h"

namespace fairlead::net {
class HttpClient;
}

namespace fairlead::kube {

struct ClusterConfig {
  std::string server_url;  // "https://10.0.0.1:6443", a path prefix is kept
  std::string ca_pem;      // "": the machine's authorities
  Secret token;            // bearer token, or
  std::string token_file;  // read again when the server answers 401 and at most once a minute, or
  std::string username;    // basic authentication, or
  Secret password;
  std::string client_certificate_pem;  // a client certificate
  Secret client_key_pem;
  bool skip_tls_verification = false;
  std::string tls_server_name;  // "" : from the URL
  std::string proxy_url;
  std::int64_t connect_timeout_ms = 10'000;
  // The API server sends bookmarks about every minute; more than twice that in silence means a dead connection.
  std::int64_t watch_silence_ms = 150'000;
  int requests_in_flight = 32;  // more wait their turn; streams do not count
};

// Throws Error(invalid) for a URL or combination of credentials that cannot work. `http` must outlive the client.
std::unique_ptr<KubeClient> make_http_kube_client(ClusterConfig config, net::HttpClient& http);

// From a kubeconfig text (current-context, or `context`); exec plugins are refused with a clear error. Relative files
// are looked up beside `directory`.
ClusterConfig parse_kubeconfig(std::string_view text, std::string_view source_name, const std::string& directory,
                               std::string_view context = {});

// What a pod finds in /var/run/secrets/kubernetes.io/serviceaccount and its environment; Error(invalid) outside a pod.
ClusterConfig in_cluster_config();

}  // namespace fairlead::kube
