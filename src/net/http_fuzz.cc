// SPDX-License-Identifier: Apache-2.0
// Requests, URLs, queries, paths, cookies, dates and ranges from arbitrary bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"
#include "net/redirect.h"
#include "net/request_parser.h"

namespace {

// What came of a request fed in pieces. An incomplete head may be refused sooner in one piece than byte by byte, so
// that counts as the same.
std::string outcome_of(std::string_view text, std::size_t step) {
  fairlead::net::RequestParser parser({.max_head_bytes = 4'096, .max_header_fields = 20});
  std::string pending;
  std::string body;
  std::size_t fed = 0;
  const auto take = [&](std::string_view bytes) {
    body += bytes;
    return body.size() < 4'096;
  };
  while (true) {
    const auto result = parser.put(pending, take);
    if (result.consumed > pending.size()) std::abort();
    pending.erase(0, result.consumed);
    if (result.outcome == fairlead::net::RequestParser::Outcome::failed) return "not done";
    if (result.outcome == fairlead::net::RequestParser::Outcome::done) return "done " + parser.head().path + " " + body;
    if (result.outcome == fairlead::net::RequestParser::Outcome::head) continue;
    if (fed >= text.size()) return "not done";
    pending += text.substr(fed, step);
    fed += step;
  }
}

// Where an answer may send a client, and that a secret does not go along to another server.
void follow(std::string_view location) {
  fairlead::net::ClientRequest request;
  request.url = "https://feed.example/a/b?c";
  request.headers.add("X-Token", "secret");
  try {
    const auto next = fairlead::net::redirected(request, 302, location);
    const auto url = fairlead::net::parse_url(next.url);
    if (!url || url->scheme != "https" || url->has_user) std::abort();
    if (next.headers.has("X-Token") && (url->host != "feed.example" || url->port != 443)) std::abort();
  } catch (const fairlead::Error&) {
    return;  // refused
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // How the network cuts the bytes must make no difference.
  if (outcome_of(text, size + 1) != outcome_of(text, 1)) std::abort();
  follow(text);
  static_cast<void>(fairlead::net::query_parameters(text));
  static_cast<void>(fairlead::net::path_segments(text));
  static_cast<void>(fairlead::net::cookie({{"Cookie", std::string(text)}}, "a"));
  if (const auto url = fairlead::net::parse_url(text); url && (url->host.empty() || !url->target.starts_with('/')))
    std::abort();
  if (const auto seconds = fairlead::net::parse_http_date(text)) static_cast<void>(fairlead::net::http_date(*seconds));
  fairlead::net::RequestHead head;
  head.method = "GET";
  head.headers.add("Range", std::string(text));
  const auto response = fairlead::net::file_response(head, "/proc/self/exe", "");
  if (response.file && response.status == 206 && response.file->length == 0) std::abort();
  return 0;
}
