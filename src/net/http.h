// SPDX-License-Identifier: Apache-2.0
// What a request and a response are, for the server and for everyone who answers. Plain values; no socket, no library
// type.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::net {

// Header fields in the order of arrival. Names compare without case (RFC 9110 section 5.1); values are trimmed.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  // The first value of that name; nullptr when there is none.
  const std::string* find(std::string_view name) const;
  // The first value of that name, or "".
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::vector<std::string> all(std::string_view name) const;

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string name, std::string value);  // replaces all of that name
  void remove(std::string_view name);

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }

 private:
  std::vector<Field> fields_;
};

// Everything before the body. `path` and `query` are the raw (still percent-encoded) parts of `target` before and after
// the first '?'. A target in absolute form ("http://host/path") is reduced to its path and query.
struct RequestHead {
  std::string method;  // as sent; methods are case-sensitive
  std::string target;
  std::string path;
  std::string query;
  Headers headers;
  std::string peer_address;  // "192.0.2.1:50312", "[2001:db8::1]:50312", or "local" for a Unix socket
  bool secure = false;       // arrived over TLS
  bool local = false;        // arrived over the server's Unix socket
};

struct Request : RequestHead {
  std::string body;
  // Lane upload only: the file that holds the body instead. It belongs to the handler, which moves or removes it.
  std::string body_file;
  std::uint64_t body_file_bytes = 0;
};

// A part of a file that is sent without loading it. The file is opened when sending starts; it must not shrink
// meanwhile.
struct FileBody {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // bytes to send
};

// The server adds Date, Content-Length and Connection, and leaves the body out for HEAD. An error without a body gets
// the JSON body of its status: clients take an empty error for success.
struct Response {
  int status = 200;
  std::string content_type = "application/json";  // empty: no Content-Type
  std::string body;
  Headers headers;
  std::optional<FileBody> file;  // instead of `body`
};

// {"ErrorMessage": message} with the status. retry_after_seconds > 0 adds the Retry-After header.
Response error_response(int status, std::string_view message, int retry_after_seconds = 0);

// A response that sends all of a file or, where the request has a single `Range: bytes=...` (RFC 9110 section 14), that
// part with 206; an unsatisfiable range is 416; a broken or multiple range is ignored, as the RFC allows. 404 when
// there is no such file. HEAD works through the server.
Response file_response(const RequestHead& request, const std::string& path, std::string content_type);

// The reason phrase of RFC 9110 ("Not Found"); "Status" for codes without one.
std::string_view reason_phrase(int status);

inline constexpr std::size_t kMaxQueryParameters = 1'000;

// Name and value of every query parameter, decoded as HTML forms are ('+' is a space), in order. A name without '=' has
// an empty value; a broken percent escape stays as it is; after kMaxQueryParameters the rest is ignored.
std::vector<std::pair<std::string, std::string>> query_parameters(std::string_view query);
// All values of one parameter; names compare without case, as the Octopus API does.
std::vector<std::string> query_values(std::string_view query, std::string_view name);
// The first of them.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
// One cookie of the Cookie header.
std::optional<std::string> cookie(const Headers& headers, std::string_view name);

// "a/b%20c" -> {"a", "b c"}: segments decoded one by one, so that an encoded slash does not split. A leading slash is
// dropped, empty segments are kept. nullopt on a broken escape, a NUL byte or text that is not UTF-8.
std::optional<std::vector<std::string>> path_segments(std::string_view path);

struct Url {
  std::string scheme;      // lower case
  std::string host;        // lower case, without the brackets of an IPv6 address
  std::uint16_t port = 0;  // the scheme's default where none is written (http, ws 80; https, wss 443)
  std::string target;      // path and query, at least "/"
  bool has_user = false;   // "user:password@" was written; callers refuse it
};
// Parses "scheme://host[:port][/path][?query]" for http, https, ws, wss. nullopt on anything else, on spaces, control
// characters or more than 8 KiB; a fragment is dropped.
std::optional<Url> parse_url(std::string_view text);
// 127.0.0.0/8, ::1 or "localhost".
bool is_loopback(std::string_view host);

// IMF-fixdate (RFC 9110 section 5.6.7), both ways; seconds since 1970 UTC. Parsing accepts the IMF form only.
std::string http_date(std::int64_t unix_seconds);
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace fairlead::net
