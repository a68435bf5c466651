// SPDX-License-Identifier: Apache-2.0
// Turns curl's result codes into one sentence that names the host and the reason.
#include <cstring>

#include "base/text.h"
#include "net/curl_transfer.h"
#include "net/tls_text.h"

namespace fairlead::net {
namespace {

std::string origin_of(const Transfer& transfer) {
  const auto url = parse_url(transfer.request.url);
  if (!url) return url_for_text(transfer.request.url);
  const std::string host = url->host.find(':') == std::string::npos ? url->host : "[" + url->host + "]";
  return text::format("{}://{}:{}", url->scheme, host, url->port);
}

std::string refused_certificate(const Transfer& transfer, const std::string& origin) {
  const TlsOptions& tls = transfer.request.tls;
  const auto url = parse_url(transfer.request.url);
  const std::string name = !tls.server_name.empty() ? tls.server_name : url ? url->host : std::string();
  return certificate_sentence(*transfer.finding, origin, name, !tls.ca_pem.empty() || !tls.ca_file.empty());
}

std::string connect_reason(const Transfer& transfer) {
  long number = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_OS_ERRNO, &number);
  if (number == 0) return "no connection";
  std::string reason = std::strerror(static_cast<int>(number));
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  return reason;
}

Error timeout_error(const Transfer& transfer, const std::string& origin) {
  curl_off_t connected = 0;
  curl_off_t secured = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_CONNECT_TIME_T, &connected);
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_PRETRANSFER_TIME_T, &secured);
  const ClientRequest& request = transfer.request;
  if (secured == 0) {
    const bool own_limit =
        request.connect_timeout_ms > 0 && (request.timeout_ms == 0 || request.connect_timeout_ms <= request.timeout_ms);
    return Error(Fault::timeout,
                 text::format("{}: {} within {} ms", origin, connected == 0 ? "no connection" : "no TLS session",
                              own_limit ? request.connect_timeout_ms : request.timeout_ms));
  }
  return Error(Fault::timeout, text::format("{} did not answer within {} ms", origin, request.timeout_ms));
}

// nullopt where a proxy was not asked to connect, or did.
std::optional<Error> refused_by_proxy(const Transfer& transfer, const std::string& origin) {
  long status = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_HTTP_CONNECTCODE, &status);
  if (status == 0 || status / 100 == 2) return std::nullopt;
  if (status == 407)
    return Error(Fault::unauthenticated, text::format("the proxy on the way to {} wants other credentials", origin));
  return Error(Fault::unavailable, text::format("cannot reach {}: the proxy refused with status {}", origin, status));
}

std::string tls_reason(const Transfer& transfer) {
  const std::string_view text = transfer.error_text;
  if (text.find("wrong version number") != std::string_view::npos ||
      text.find("packet length too long") != std::string_view::npos) {
    return "the server does not speak TLS on this port";
  }
  if (text.empty()) return "the TLS handshake failed";
  return text::format("the TLS handshake failed ({})", text::shorten(text, 200));
}

}  // namespace

CURLcode watch_certificate_check(CURL*, void* ssl_context, void* transfer) {
  const bool recorded = record_finding(static_cast<SSL_CTX*>(ssl_context), static_cast<Transfer*>(transfer)->finding);
  return recorded ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

Error transfer_error(const Transfer& transfer, CURLcode code) {
  if (transfer.failure) return *transfer.failure;
  const std::string origin = origin_of(transfer);
  if (auto refused = refused_by_proxy(transfer, origin)) return *std::move(refused);
  const auto unreachable = [&](std::string_view reason) {
    return Error(Fault::unavailable, text::format("cannot reach {}: {}", origin, reason));
  };
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return unreachable("the name cannot be resolved");
    case CURLE_COULDNT_RESOLVE_PROXY: return unreachable("the name of the proxy cannot be resolved");
    case CURLE_COULDNT_CONNECT:
      return unreachable(
          text::format("{}{}", transfer.request.proxy.empty() ? "" : "the proxy: ", connect_reason(transfer)));
    case CURLE_OPERATION_TIMEDOUT: return timeout_error(transfer, origin);
    case CURLE_PEER_FAILED_VERIFICATION: return Error(Fault::unavailable, refused_certificate(transfer, origin));
    case CURLE_SSL_CONNECT_ERROR: return unreachable(tls_reason(transfer));
    case CURLE_SSL_CACERT_BADFILE:
      return invalid(text::format("the CA certificate given for {} cannot be read", origin))
          .with_help("it must be PEM text");
    case CURLE_SSL_CERTPROBLEM:
      return invalid(text::format("the client certificate or key given for {} cannot be used", origin))
          .with_help("both must be PEM text, the key not encrypted, and belong together");
    case CURLE_GOT_NOTHING: return unreachable("the connection was closed without an answer");
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP2: {
      const std::string_view text = transfer.error_text;
      const std::string detail = text.empty() ? std::string() : text::format(" ({})", text::shorten(text, 200));
      return Error(Fault::unavailable,
                   text::format("{}: the connection was lost before the answer was complete{}", origin, detail));
    }
    default: break;
  }
  const std::string_view own = transfer.error_text;
  return unreachable(text::shorten(own.empty() ? std::string_view(curl_easy_strerror(code)) : own, 200));
}

}  // namespace fairlead::net
