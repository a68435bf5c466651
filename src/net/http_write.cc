// SPDX-License-Identifier: Apache-2.0
// The writing half of a server session.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "net/http_session.h"

namespace fairlead::net {
namespace {

constexpr std::size_t kFileReadBytes = 128 << 10;
constexpr std::uint64_t kFileBytesBeforeYield = 1 << 20;
// Up to this size head and body leave in one piece, which TLS turns into one record.
constexpr std::size_t kJoinedBytes = 12 << 10;

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

// A line break in a value would begin another field; handlers may pass on what strangers sent.
bool is_clean_field(const Headers::Field& field) {
  const auto breaks = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  return !field.first.empty() && field.first.find_first_of(" :\t") == std::string::npos &&
         std::none_of(field.first.begin(), field.first.end(), breaks) &&
         std::none_of(field.second.begin(), field.second.end(), breaks);
}

// Fields that the server decides.
bool is_reserved_field(std::string_view name) {
  return text::equals_ignoring_case(name, "Content-Length") || text::equals_ignoring_case(name, "Transfer-Encoding") ||
         text::equals_ignoring_case(name, "Connection") || text::equals_ignoring_case(name, "Date");
}

}  // namespace

std::string HttpSession::head_text(const Response& response, std::uint64_t body_bytes, bool keep) {
  std::string head;
  head.reserve(256);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason_phrase(response.status));
  head.append("\r\nDate: ").append(server_.date()).append("\r\n");
  if (may_have_body(response.status)) {
    if (!response.content_type.empty() && is_clean_field({"Content-Type", response.content_type})) {
      head.append("Content-Type: ").append(response.content_type).append("\r\n");
    }
    head.append("Content-Length: ").append(std::to_string(body_bytes)).append("\r\n");
  }
  for (const Headers::Field& field : response.headers) {
    if (is_reserved_field(field.first)) continue;
    if (!is_clean_field(field)) {
      log::error("a response header with a line break was dropped", {{"name", field.first}});
      continue;
    }
    head.append(field.first).append(": ").append(field.second).append("\r\n");
  }
  if (!keep) {
    head.append("Connection: close\r\n");
  } else if (http_1_0_) {
    head.append("Connection: keep-alive\r\n");
  }
  return head.append("\r\n");
}

asio::awaitable<HttpSession::Next> HttpSession::send(Response response, Next after) {
  if (response.status < 200 || response.status > 599) {
    log::error("a handler gave an impossible status", {{"status", response.status}});
    response = error_response(500, "An unexpected error happened on the server. Its log has the details.");
  }
  if (response.status >= 400 && response.body.empty() && !response.file) {
    const Headers kept = response.headers;
    response = error_response(response.status, reason_phrase(response.status));
    for (const Headers::Field& field : kept) response.headers.add(field.first, field.second);
  }
  file::Descriptor descriptor;
  if (response.file) {
    descriptor = file::Descriptor(::open(response.file->path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!descriptor.valid()) {
      log::error("a file cannot be sent", {{"path", response.file->path}, {"error", std::strerror(errno)}});
      response = error_response(500, "The file cannot be read. The server's log has the details.");
    }
  }
  const std::uint64_t size = response.file ? response.file->length : response.body.size();
  std::string head = head_text(response, size, after == Next::go_on);
  if (head_only_ || !may_have_body(response.status)) {
    co_return co_await connection_.write(head, std::string_view(), write_pace()) ? after : Next::close;
  }
  if (response.file) co_return co_await send_file(head, *response.file, descriptor) ? after : Next::close;
  if (connection_.secure() && head.size() + response.body.size() <= kJoinedBytes) {
    head += response.body;
    response.body.clear();
  }
  co_return co_await connection_.write(head, response.body, write_pace()) ? after : Next::close;
}

asio::awaitable<HttpSession::Next> HttpSession::refuse(Response response) {
  connection_.clear_read_deadline();
  co_return co_await send(std::move(response), Next::close_gently);
}

asio::awaitable<bool> HttpSession::send_file(std::string_view head, const FileBody& body,
                                             const file::Descriptor& descriptor) {
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(body.length, kFileReadBytes)), '\0');
  std::uint64_t at = 0;
  std::uint64_t since_yield = 0;
  do {
    ssize_t got = 0;
    if (at < body.length) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(body.length - at, buffer.size()));
      got = ::pread(descriptor.get(), buffer.data(), want, static_cast<off_t>(body.offset + at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        // The length is promised already: only closing tells the client.
        log::error("a file became shorter or unreadable while it was sent", {{"path", body.path}});
        co_return false;
      }
    }
    if (!co_await connection_.write(head, std::string_view(buffer.data(), static_cast<std::size_t>(got)), write_pace()))
      co_return false;
    head = {};
    at += static_cast<std::uint64_t>(got);
    since_yield += static_cast<std::uint64_t>(got);
    if (since_yield >= kFileBytesBeforeYield) {
      since_yield = 0;
      co_await asio::post(server_.io, asio::use_awaitable);
    }
  } while (at < body.length);
  co_return true;
}

}  // namespace fairlead::net
