// SPDX-License-Identifier: Apache-2.0
// One server connection from handshake to close: reads requests, hands them to workers, writes responses. Io thread
// only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "net/http_server_impl.h"

namespace fairlead::net {

class HttpSession {
 public:
  HttpSession(HttpServer::Impl& server, std::shared_ptr<Session> session);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;
  asio::awaitable<void> run();

 private:
  // What comes after a step of an exchange.
  enum class Next { go_on, close, close_gently };

  asio::awaitable<Next> exchange();
  asio::awaitable<Next> read_head(RequestParser& parser);
  asio::awaitable<Next> read_body(RequestParser& parser, const Route& route, Request& request);
  asio::awaitable<Next> pump_body(RequestParser& parser, const std::function<bool(std::string_view)>& take);
  asio::awaitable<Next> dispatch(RequestParser& parser, Route route, Request request);
  asio::awaitable<Next> run_stream(Request request);
  asio::awaitable<Next> run_websocket(const Route& route, Request request, bool http_1_0);
  asio::awaitable<bool> fill(std::size_t bytes);
  asio::awaitable<void> close_gently();
  // http_write.cc. Result: `after`, or close where writing failed. Everything but go_on announces the close.
  asio::awaitable<Next> send(Response response, Next after);
  // An answer to a request that was not read to its end.
  asio::awaitable<Next> refuse(Response response);
  asio::awaitable<bool> send_file(std::string_view head, const FileBody& body, const file::Descriptor& descriptor);
  std::string head_text(const Response& response, std::uint64_t body_bytes, bool keep);

  std::string_view unread() const { return std::string_view(input_).substr(input_at_); }
  bool take_bytes(std::string_view bytes, Request& request, std::uint64_t limit, const file::Descriptor& upload);
  void release_body();
  Next after(const RequestParser& parser) const {
    return parser.keep_alive() && !server_.stopping ? Next::go_on : unread().empty() ? Next::close : Next::close_gently;
  }
  Pace write_pace() const;

  HttpServer::Impl& server_;
  const std::shared_ptr<Session> session_;
  Connection& connection_;
  std::string input_;
  std::size_t input_at_ = 0;
  bool head_only_ = false;  // the request is a HEAD
  bool http_1_0_ = false;
  std::uint64_t reserved_ = 0;  // of the server's budget for bodies
  std::uint64_t body_bytes_ = 0;
  std::optional<Response> refusal_;  // why take_bytes said no
  std::string upload_path_;          // a file to remove unless a handler got it
  int answered_at_once_ = 0;
};

}  // namespace fairlead::net
