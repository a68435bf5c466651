// SPDX-License-Identifier: Apache-2.0
#include "net/redirect.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"

namespace fairlead::net {
namespace {

// A list of what may be sent to strangers, since nobody can list what may not: feeds and hubs have their own names for
// tokens.
constexpr std::array<std::string_view, 11> kHarmlessHeaders = {
    "Accept",        "Accept-Encoding",   "Accept-Language", "Cache-Control",       "Content-Type", "If-Match",
    "If-None-Match", "If-Modified-Since", "Range",           "If-Unmodified-Since", "User-Agent"};

bool is_harmless(std::string_view name) {
  return std::any_of(kHarmlessHeaders.begin(), kHarmlessHeaders.end(),
                     [&](std::string_view harmless) { return text::equals_ignoring_case(name, harmless); });
}

// `location` seen from `base` (RFC 3986 section 5), by curl, so that both of us read it alike. "" where it is no URL.
std::string resolved(const std::string& base, const std::string& location) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return {};
  if (curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK) return {};
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  char* out = nullptr;
  if (curl_url_get(url.get(), CURLUPART_URL, &out, 0) != CURLUE_OK) return {};
  std::string result = out;
  curl_free(out);
  return result;
}

}  // namespace

bool is_redirect(int status, const Headers& headers) {
  const bool moves = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  return moves && !headers.get("Location").empty();
}

ClientRequest redirected(const ClientRequest& request, int status, std::string_view location) {
  const auto refuse = [&](std::string_view reason) {
    return Error(Fault::unavailable, text::format("{} redirects {}", url_for_text(request.url), reason));
  };
  const auto from = parse_url(request.url);
  const std::string target = resolved(request.url, std::string(location));
  const auto to = parse_url(target);
  if (!from || !to || (to->scheme != "http" && to->scheme != "https")) {
    throw refuse(
        text::format("to \"{}\", which is not an http or https URL", text::shorten(url_for_text(location), 200)));
  }
  if (to->has_user) throw refuse("to a URL with a user name");
  if (from->scheme == "https" && to->scheme == "http") throw refuse("from https to something less safe");

  ClientRequest next = request;
  next.url = target;
  const bool drops_body = status == 303 || ((status == 301 || status == 302) && request.method == "POST");
  if (drops_body) {
    if (next.method != "HEAD") next.method = "GET";
    next.body.clear();
    for (const char* name : {"Content-Type", "Content-Encoding", "Content-Language"}) next.headers.remove(name);
  }
  if (from->scheme == to->scheme && from->host == to->host && from->port == to->port) return next;
  const std::string elsewhere = text::format("to another server, {}", url_for_text(target));
  if (!request.unix_socket.empty()) throw refuse(elsewhere);
  if (!next.body.empty()) throw refuse(elsewhere + ", which must not get the request's body");
  next.headers = {};
  for (const auto& [name, value] : request.headers) {
    if (is_harmless(name) && !(drops_body && text::equals_ignoring_case(name, "Content-Type")))
      next.headers.add(name, value);
  }
  next.tls.certificate_pem.clear();
  next.tls.key_pem.clear();
  next.tls.server_name.clear();
  next.tls.skip_verify = false;
  return next;
}

}  // namespace fairlead::net
