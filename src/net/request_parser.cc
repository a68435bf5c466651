// SPDX-License-Identifier: Apache-2.0
#include "net/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace fairlead::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using boost::system::error_code;

std::string_view view_of(string_view text) { return {text.data(), text.size()}; }

// Printable ASCII and what browsers send unescaped above it; no spaces, no control characters.
bool is_clean_target(std::string_view target) {
  return std::all_of(target.begin(), target.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

// "http://host/path" (RFC 9112 section 3.2.2). nullopt for every other form that is not a path: "*", "host:port", other
// schemes, an authority that is none. A user name in it is refused as RFC 9110 section 4.2.4 allows: it only ever
// deceives.
std::optional<std::string> path_of_absolute(std::string_view target) {
  if (!text::starts_with_ignoring_case(target, "http://") && !text::starts_with_ignoring_case(target, "https://"))
    return std::nullopt;
  const auto url = parse_url(target);
  if (!url || url->has_user) return std::nullopt;
  return url->target;
}

// uri-host [":" port] or nothing (RFC 9110 section 7.2).
bool is_host_field(std::string_view value) {
  if (value.empty()) return true;
  if (value.find_first_of("/?#@") != std::string_view::npos) return false;
  return parse_url(text::format("http://{}", value)).has_value();
}

}  // namespace

struct RequestParser::Impl : http::basic_parser<true> {
  explicit Impl(ParserLimits given) : limits(given) {
    header_limit(static_cast<std::uint32_t>(limits.max_head_bytes));
    body_limit(boost::none);  // the session counts: its limit depends on the head
  }

  // Callbacks of Beast's parser.
  void on_request_impl(http::verb, string_view method, string_view target, int version, error_code& error) override {
    head.method = std::string(view_of(method));
    head.target = std::string(view_of(target));
    version_1_0 = version == 10;
    if (version != 10 && version != 11) {
      refuse(505, "Only HTTP/1.1 is spoken here.", error);
    } else if (!is_clean_target(head.target)) {
      refuse(400, "The request's target has invalid characters.", error);
    }
  }
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(http::field, string_view name, string_view value, error_code& error) override {
    if (head.headers.size() == limits.max_header_fields) {
      refuse(431, text::format("The request has more than {} header fields.", limits.max_header_fields), error);
      return;
    }
    head.headers.add(std::string(view_of(name)), std::string(view_of(value)));
  }
  void on_header_impl(error_code& error) override { check_head(error); }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view bytes, error_code& error) override { return deliver(bytes, error); }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& error) override {
    return deliver(bytes, error);
  }
  void on_finish_impl(error_code&) override {}

  void refuse(int status, std::string_view message, error_code& error) {
    failure = error_response(status, message);
    error = http::make_error_code(http::error::bad_value);
  }
  std::size_t deliver(string_view bytes, error_code& error) {
    if ((*take)(view_of(bytes))) return bytes.size();
    failure.status = 0;
    error = http::make_error_code(http::error::body_limit);
    return 0;
  }
  void check_head(error_code& error) {
    if (head.target.find('#') != std::string::npos) {
      refuse(400, "The request's target must not have a fragment (#).", error);
      return;
    }
    std::string target = head.target;
    if (!target.starts_with('/')) {
      auto path = path_of_absolute(target);
      if (!path) {
        refuse(400, "The request's target must be a path, or a whole http or https URL with a valid host.", error);
        return;
      }
      target = *std::move(path);
    }
    const std::size_t question = std::min(target.find('?'), target.size());
    head.path = target.substr(0, question);
    head.query = question < target.size() ? target.substr(question + 1) : std::string();
    const std::vector<std::string> hosts = head.headers.all("Host");
    if (hosts.size() != 1 && !(version_1_0 && hosts.empty())) {
      refuse(400, "The request must have exactly one Host header.", error);
      return;
    }
    if (!hosts.empty() && !is_host_field(hosts.front())) {
      refuse(400, "The Host header must be a host name or address, and a port where there is one.", error);
      return;
    }
    const std::vector<std::string> codings = head.headers.all("Transfer-Encoding");
    if (codings.empty()) return;
    if (version_1_0) {
      refuse(400, "An HTTP/1.0 request cannot have a transfer coding.", error);
    } else if (codings.size() != 1 || !text::equals_ignoring_case(codings.front(), "chunked")) {
      refuse(501, "The only transfer coding known here is chunked.", error);
    }
  }

  const ParserLimits limits;
  RequestHead head;
  bool version_1_0 = false;
  bool head_seen = false;
  const std::function<bool(std::string_view)>* take = nullptr;
  Response failure;
};

namespace {

// Beast asserts that a last chunk of which it has seen "0\r\n" comes back with at least five bytes, and so would end
// the process for a client that sends the rest byte by byte. Whatever follows here in a valid body has five bytes, so
// nothing is kept waiting.
bool may_be_short_last_chunk(std::string_view rest) { return rest.size() < 5 && rest.starts_with('0'); }

Response answer_to(const error_code& error) {
  if (error == http::error::header_limit) return error_response(431, "The request's head is too large.");
  if (error == http::error::bad_version) return error_response(505, "Only HTTP/1.1 is spoken here.");
  return error_response(400, text::format("The request is not valid HTTP/1.1: {}.", error.message()));
}

}  // namespace

RequestParser::RequestParser(ParserLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

RequestParser::Result RequestParser::put(std::string_view bytes, const std::function<bool(std::string_view)>& take) {
  Impl& impl = *impl_;
  impl.take = &take;
  std::size_t consumed = 0;
  while (true) {
    if (impl.head_seen && impl.is_done()) return {Outcome::done, consumed};
    if (consumed == bytes.size()) return {Outcome::need_more, consumed};
    if (impl.head_seen && impl.chunked() && may_be_short_last_chunk(bytes.substr(consumed)))
      return {Outcome::need_more, consumed};
    error_code error;
    impl.failure.status = 200;
    const std::size_t used = impl.put(boost::asio::buffer(bytes.data() + consumed, bytes.size() - consumed), error);
    consumed += used;
    if (error && error != http::error::need_more) {
      const bool ours = error == http::error::bad_value || error == http::error::body_limit;
      if (!ours || impl.failure.status == 200) impl.failure = answer_to(error);
      return {Outcome::failed, consumed};
    }
    if (impl.is_header_done() && !impl.head_seen) {
      impl.head_seen = true;
      impl.eager(true);
      return {Outcome::head, consumed};
    }
    if (!impl.is_done() && (error || used == 0)) return {Outcome::need_more, consumed};
  }
}

RequestHead& RequestParser::head() { return impl_->head; }
bool RequestParser::has_body() const { return impl_->chunked() || impl_->content_length().value_or(0) > 0; }
std::optional<std::uint64_t> RequestParser::content_length() const {
  if (impl_->chunked()) return std::nullopt;
  return impl_->content_length().value_or(0);
}
bool RequestParser::keep_alive() const { return impl_->keep_alive(); }
bool RequestParser::expects_continue() const {
  return text::equals_ignoring_case(impl_->head.headers.get("Expect"), "100-continue");
}
bool RequestParser::http_1_0() const { return impl_->version_1_0; }
const Response& RequestParser::failure() const { return impl_->failure; }

}  // namespace fairlead::net
