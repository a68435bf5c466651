// SPDX-License-Identifier: Apache-2.0
#include "net/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>

#include "base/text.h"

namespace fairlead::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using boost::system::error_code;

std::string_view view_of(string_view text) { return {text.data(), text.size()}; }

// Printable ASCII and what browsers send unescaped above it; no spaces, no control characters.
bool is_clean_target(std::string_view target) {
  return std::all_of(target.begin(), target.end(), [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

// "http://host/path" -> "/path" (RFC 9112 section 3.2.2); "*" and "host:port" are left to fail.
std::string_view origin_form(std::string_view target) {
  const std::size_t scheme = target.starts_with('/') ? std::string_view::npos : target.find("://");
  if (scheme == std::string_view::npos) return target;
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
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
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& error) override { return deliver(bytes, error); }
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
    const std::string_view target = origin_form(head.target);
    const std::size_t question = std::min(target.find('?'), target.size());
    const std::size_t hash = std::min(target.find('#'), target.size());
    if (!target.starts_with('/') || hash < target.size()) {
      refuse(400, "The request's target must be a path.", error);
      return;
    }
    head.path = std::string(target.substr(0, question));
    head.query = question < target.size() ? std::string(target.substr(question + 1)) : std::string();
    if (head.headers.all("Host").size() != 1 && !(version_1_0 && !head.headers.has("Host"))) {
      refuse(400, "The request must have exactly one Host header.", error);
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
