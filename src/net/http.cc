// SPDX-License-Identifier: Apache-2.0
#include "net/http.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "base/text.h"

namespace fairlead::net {
namespace {

constexpr std::size_t kMaxUrlBytes = 8 << 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A JSON string without its quotes. Bytes that are not UTF-8 become '?', so that the body stays JSON whatever a peer
// sent.
std::string json_escaped(std::string_view text) {
  const bool valid = text::is_valid_utf8(text);
  std::string result;
  result.reserve(text.size() + 8);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result.push_back('\\');
      result.push_back(c);
    } else if (byte < 0x20) {
      result += text::format("\\u{:04x}", static_cast<unsigned>(byte));
    } else if (byte >= 0x80 && !valid) {
      result.push_back('?');
    } else {
      result.push_back(c);
    }
  }
  return result;
}

std::string form_decoded(std::string_view text) {
  if (auto decoded = text::percent_decode(text, true)) return *std::move(decoded);
  return std::string(text);
}

// One byte range of a file of `size` bytes.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
  bool satisfiable = true;
};

// nullopt where the field is to be ignored: another unit, several ranges, broken syntax.
std::optional<Range> parse_range(std::string_view value, std::uint64_t size) {
  if (!text::starts_with_ignoring_case(value, "bytes=")) return std::nullopt;
  value = text::trim(value.substr(6));
  const std::size_t dash = value.find('-');
  if (dash == std::string_view::npos || value.find(',') != std::string_view::npos) return std::nullopt;
  const std::string_view first_text = value.substr(0, dash);
  const std::string_view last_text = value.substr(dash + 1);
  if (!std::all_of(first_text.begin(), first_text.end(), is_digit) ||
      !std::all_of(last_text.begin(), last_text.end(), is_digit)) {
    return std::nullopt;
  }
  const auto first = text::parse_int(first_text);
  const auto last = text::parse_int(last_text);
  if (first_text.empty()) {  // the last n bytes
    if (!last) return std::nullopt;
    const std::uint64_t length = std::min<std::uint64_t>(static_cast<std::uint64_t>(*last), size);
    return Range{size - length, length, length > 0};
  }
  if (!first || (!last_text.empty() && (!last || *last < *first))) return std::nullopt;
  const auto start = static_cast<std::uint64_t>(*first);
  if (start >= size) return Range{0, 0, false};
  const std::uint64_t end = last ? std::min<std::uint64_t>(static_cast<std::uint64_t>(*last) + 1, size) : size;
  return Range{start, end - start, true};
}

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar and back; years are counted from March, so that
// the leap day is the last of its year.
std::int64_t days_of(std::int64_t year, int month, int day) {
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t era = y >= 0 ? y / 400 : (y - 399) / 400;
  const std::int64_t of_era = y - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

struct Date {
  std::int64_t year;
  int month;
  int day;
};

Date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted = static_cast<int>((5 * of_year + 2) / 153);
  const int day = static_cast<int>(of_year - (153 * shifted + 2) / 5 + 1);
  const int month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

}  // namespace

const std::string* Headers::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (text::equals_ignoring_case(field.first, name)) return &field.second;
  }
  return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::string_view(*value) : std::string_view();
}

std::vector<std::string> Headers::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const Field& field : fields_) {
    if (text::equals_ignoring_case(field.first, name)) values.push_back(field.second);
  }
  return values;
}

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return text::equals_ignoring_case(field.first, name); });
}

Response error_response(int status, std::string_view message, int retry_after_seconds) {
  Response response;
  response.status = status;
  response.body = text::format("{{\"ErrorMessage\":\"{}\"}}", json_escaped(message));
  if (retry_after_seconds > 0) response.headers.add("Retry-After", std::to_string(retry_after_seconds));
  return response;
}

Response file_response(const RequestHead& request, const std::string& path, std::string content_type) {
  std::error_code error;
  const std::uint64_t size =
      std::filesystem::is_regular_file(path, error) ? std::filesystem::file_size(path, error) : 0;
  if (error || !std::filesystem::is_regular_file(path, error)) return error_response(404, "The file was not found.");
  Response response;
  response.content_type = std::move(content_type);
  response.headers.add("Accept-Ranges", "bytes");
  std::optional<Range> range;
  const bool may_range = request.method == "GET" && !request.headers.has("If-Range");
  if (const std::string* value = request.headers.find("Range"); value && may_range) range = parse_range(*value, size);
  if (!range) {
    response.file = FileBody{path, 0, size};
    return response;
  }
  if (!range->satisfiable) {
    response = error_response(416, text::format("The range is outside of the file's {} bytes.", size));
    response.headers.add("Content-Range", text::format("bytes */{}", size));
    return response;
  }
  response.status = 206;
  response.headers.add("Content-Range",
                       text::format("bytes {}-{}/{}", range->first, range->first + range->length - 1, size));
  response.file = FileBody{path, range->first, range->length};
  return response;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

std::vector<std::pair<std::string, std::string>> query_parameters(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty() && parameters.size() < kMaxQueryParameters) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view value = equals < part.size() ? part.substr(equals + 1) : std::string_view();
    parameters.emplace_back(form_decoded(part.substr(0, equals)), form_decoded(value));
  }
  return parameters;
}

std::vector<std::string> query_values(std::string_view query, std::string_view name) {
  std::vector<std::string> values;
  for (auto& [key, value] : query_parameters(query)) {
    if (text::equals_ignoring_case(key, name)) values.push_back(std::move(value));
  }
  return values;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  std::vector<std::string> values = query_values(query, name);
  if (values.empty()) return std::nullopt;
  return std::move(values.front());
}

std::optional<std::string> cookie(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (!text::equals_ignoring_case(key, "Cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view part = text::trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::size_t equals = part.find('=');
      if (equals != std::string_view::npos && part.substr(0, equals) == name)
        return std::string(part.substr(equals + 1));
    }
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> path_segments(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  std::vector<std::string> segments;
  while (true) {
    const std::size_t end = std::min(path.find('/'), path.size());
    auto decoded = text::percent_decode(path.substr(0, end));
    if (!decoded || decoded->find('\0') != std::string::npos || !text::is_valid_utf8(*decoded)) return std::nullopt;
    segments.push_back(*std::move(decoded));
    if (end == path.size()) return segments;
    path.remove_prefix(end + 1);
  }
}

std::optional<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return std::nullopt;
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; })) {
    return std::nullopt;
  }
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  Url url;
  url.scheme = text::lower(text.substr(0, scheme_end));
  const bool secure = url.scheme == "https" || url.scheme == "wss";
  if (!secure && url.scheme != "http" && url.scheme != "ws") return std::nullopt;
  url.port = secure ? 443 : 80;
  std::string_view rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  const std::string_view target = rest.substr(authority_end);
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.has_user = true;
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    url.host = text::lower(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    if (url.host.find_first_not_of("0123456789abcdef:.") != std::string::npos) return std::nullopt;
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = text::lower(authority.substr(0, colon));
    port = authority.substr(colon);
    if (url.host.find_first_of("[]\\<>\"^`{|}%") != std::string::npos) return std::nullopt;
  }
  if (url.host.empty()) return std::nullopt;
  if (port.empty() || port == ":") return url;
  if (!port.starts_with(':') || !std::all_of(port.begin() + 1, port.end(), is_digit)) return std::nullopt;
  const auto number = text::parse_int(port.substr(1));
  if (!number || *number < 1 || *number > 65'535) return std::nullopt;
  url.port = static_cast<std::uint16_t>(*number);
  return url;
}

bool is_loopback(std::string_view host) {
  if (text::equals_ignoring_case(host, "localhost") || host == "::1") return true;
  const std::vector<std::string> parts = text::split(host, '.');
  if (parts.size() != 4 || parts.front() != "127") return false;
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    const auto number = text::parse_int(part);
    return number && part.size() <= 3 && *number >= 0 && *number <= 255;
  });
}

std::string http_date(std::int64_t unix_seconds) {
  std::int64_t days = unix_seconds / 86'400;
  std::int64_t of_day = unix_seconds % 86'400;
  if (of_day < 0) {
    of_day += 86'400;
    --days;
  }
  const Date date = date_of(days);
  const auto weekday = static_cast<std::size_t>(((days + 4) % 7 + 7) % 7);
  return text::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[weekday], date.day,
                      kMonths[static_cast<std::size_t>(date.month - 1)], date.year, of_day / 3600, of_day / 60 % 60,
                      of_day % 60);
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  constexpr std::string_view kShape = "AAA, 00 AAA 0000 00:00:00 GMT";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char shape = kShape[i];
    const char c = text[i];
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (shape == '0' ? !is_digit(c) : shape == 'A' ? !letter : c != shape) return std::nullopt;
  }
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t count) { return *text::parse_int(text.substr(at, count)); };
  const std::int64_t year = number(12, 4);
  const int day = static_cast<int>(number(5, 2));
  const std::int64_t hour = number(17, 2);
  const std::int64_t minute = number(20, 2);
  const std::int64_t second = number(23, 2);
  const int month_number = static_cast<int>(month - kMonths.begin()) + 1;
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::int64_t days = days_of(year, month_number, day);
  const Date back = date_of(days);
  if (back.day != day || back.month != month_number) return std::nullopt;
  return days * 86'400 + hour * 3600 + minute * 60 + second;
}

}  // namespace fairlead::net
