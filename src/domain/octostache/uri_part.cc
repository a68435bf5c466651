// SPDX-License-Identifier: Apache-2.0
// The filter UriPart, with the answers of .NET's System.Uri.
#include "base/text.h"
#include "domain/octostache/filters.h"

namespace fairlead::domain::octostache {

namespace {

struct Uri {
  std::string text;
  bool is_absolute = false;
  std::string scheme, user, host;
  int port = -1;  // -1: none known
  bool is_default_port = true;
  std::string path, query, fragment;  // query and fragment with their '?' and '#'

  std::string authority() const { return is_default_port ? host : text::format("{}:{}", host, port); }
  std::string absolute() const {
    const std::string at = user.empty() ? "" : user + "@";
    return scheme + "://" + at + authority() + path + query + fragment;
  }
};

int default_port(std::string_view scheme) {
  struct Row {
    std::string_view scheme;
    int port;
  };
  for (const Row& row :
       {Row{"http", 80}, Row{"https", 443}, Row{"ftp", 21}, Row{"ws", 80}, Row{"wss", 443}, Row{"ldap", 389}}) {
    if (row.scheme == scheme) return row.port;
  }
  return -1;
}

bool is_scheme(std::string_view text) {
  if (text.size() < 2) return false;  // one letter is a Windows drive
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && (&c == text.data() || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))) return false;
  }
  return true;
}

// nullopt: neither an absolute nor a relative URI.
std::optional<Uri> parse_uri(std::string_view text) {
  Uri uri;
  uri.text = text;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return uri;
  uri.is_absolute = true;
  uri.scheme = text::lower(text.substr(0, colon));
  std::string_view rest = text.substr(colon + 3);
  if (const std::size_t hash = rest.find('#'); hash != std::string_view::npos) {
    uri.fragment = rest.substr(hash);
    rest = rest.substr(0, hash);
  }
  if (const std::size_t question = rest.find('?'); question != std::string_view::npos) {
    uri.query = rest.substr(question);
    rest = rest.substr(0, question);
  }
  const std::size_t slash = rest.find('/');
  uri.path = slash == std::string_view::npos ? "/" : rest.substr(slash);
  std::string_view authority = rest.substr(0, slash);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    uri.user = authority.substr(0, at);
    authority = authority.substr(at + 1);
  }
  uri.port = default_port(uri.scheme);
  const std::size_t port = authority.rfind(':');
  if (port != std::string_view::npos && authority.find(']', port) == std::string_view::npos) {
    const std::optional<std::int64_t> number = text::parse_int(authority.substr(port + 1));
    if (!number || *number < 0 || *number > 65535) return std::nullopt;
    uri.is_default_port = *number == uri.port;
    uri.port = static_cast<int>(*number);
    authority = authority.substr(0, port);
  }
  uri.host = text::lower(authority);
  if (uri.host.empty() && uri.scheme != "file") return std::nullopt;
  return uri;
}

std::string host_name_type(const Uri& uri) {
  if (uri.host.empty()) return "Basic";
  if (uri.host.front() == '[') return "IPv6";
  return uri.host.find_first_not_of("0123456789.") == std::string::npos ? "IPv4" : "Dns";
}

std::string uri_flag(bool value) { return value ? "True" : "False"; }

struct PartRow {
  std::string_view name;
  bool needs_absolute;
  std::string (*read)(const Uri& uri);
};

constexpr PartRow kParts[] = {
    {"AbsolutePath", true, [](const Uri& uri) { return uri.path; }},
    {"AbsoluteUri", true, [](const Uri& uri) { return uri.absolute(); }},
    {"Authority", true, [](const Uri& uri) { return uri.authority(); }},
    {"DnsSafeHost", true,
     [](const Uri& uri) { return uri.host.starts_with('[') ? uri.host.substr(1, uri.host.size() - 2) : uri.host; }},
    {"Fragment", true, [](const Uri& uri) { return uri.fragment; }},
    {"Host", true, [](const Uri& uri) { return uri.host; }},
    {"HostAndPort", true,
     [](const Uri& uri) { return uri.port < 0 ? uri.host : text::format("{}:{}", uri.host, uri.port); }},
    {"HostNameType", true, host_name_type},
    {"IsAbsoluteUri", false, [](const Uri& uri) { return uri_flag(uri.is_absolute); }},
    {"IsDefaultPort", true, [](const Uri& uri) { return uri_flag(uri.is_default_port); }},
    {"IsFile", true, [](const Uri& uri) { return uri_flag(uri.scheme == "file"); }},
    {"IsLoopback", true,
     [](const Uri& uri) {
       return uri_flag(uri.host == "localhost" || uri.host == "[::1]" || uri.host.starts_with("127.") ||
                       uri.host.empty());
     }},
    {"IsUnc", true, [](const Uri& uri) { return uri_flag(uri.scheme == "file" && !uri.host.empty()); }},
    {"Path", true, [](const Uri& uri) { return uri.path; }},
    {"PathAndQuery", true, [](const Uri& uri) { return uri.path + uri.query; }},
    {"Port", true, [](const Uri& uri) { return std::to_string(uri.port); }},
    {"Query", true, [](const Uri& uri) { return uri.query; }},
    {"Scheme", true, [](const Uri& uri) { return uri.scheme; }},
    {"SchemeAndServer", true, [](const Uri& uri) { return uri.scheme + "://" + uri.authority(); }},
    {"UserInfo", true, [](const Uri& uri) { return uri.user; }},
};

}  // namespace

std::optional<std::string> uri_part(const FilterCall& call) {
  if (call.options.empty()) return "[UriPart error: no argument given]";
  const std::optional<Uri> uri = parse_uri(*call.input);
  if (!uri) return std::string(*call.input);
  const std::string& name = call.options[0];
  for (const PartRow& row : kParts) {
    if (!text::equals_ignoring_case(row.name, name)) continue;
    if (row.needs_absolute && !uri->is_absolute) {
      return text::format("[UriPart {} error: This operation is not supported for a relative URI.]", name);
    }
    return row.read(*uri);
  }
  return text::format("[UriPart {} error: argument '{}' not supported]", name, name);
}

}  // namespace fairlead::domain::octostache
