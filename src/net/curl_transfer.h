// SPDX-License-Identifier: Apache-2.0
// One request on its way through curl: options in, bytes out. Used by the lane's thread only, except where it says so.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_client.h"
#include "net/tls_text.h"

namespace fairlead::net {

struct Transfer {
  struct Free {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  ClientRequest request;
  std::function<void(ClientResult)> done;  // calls
  std::shared_ptr<LineSink> sink;          // streams
  StreamLimits limits;
  CancelToken cancel;
  std::uint64_t cancel_ticket = 0;  // set before the transfer is added to a lane

  std::unique_ptr<CURL, Free> easy;
  std::unique_ptr<curl_slist, Free> header_list;
  std::unique_ptr<curl_slist, Free> connect_to;
  char error_text[CURL_ERROR_SIZE] = {};
  std::shared_ptr<TlsFinding> finding = std::make_shared<TlsFinding>();
  int tcp_user_timeout_ms = 0;
  std::string origin;  // "https://host:port"
  std::int64_t started_us = 0;
  std::int64_t left_ms = 0;  // of request.timeout_ms; 0: no limit
  int redirects = 0;

  ClientResponse response;
  std::size_t header_bytes = 0;
  std::optional<Error> failure;  // ours; wins over curl's
  bool head_reported = false;
  bool finished = false;

  // Streams: bytes not yet delivered, whether the sink has paused, and the result that waits for the sink to go on.
  std::string pending;
  std::size_t pending_at = 0;
  bool paused = false;
  bool curl_paused = false;
  std::optional<ClientResult> held_result;
  bool watched_for_silence = false;
  std::int64_t last_byte_us = 0;  // or when it began, until something came
};

// Checks what must hold before curl sees it. Throws Error(invalid).
void check_request(const ClientRequest& request);
// Makes the transfer ready to be sent again, to where its answer redirects. Throws Error where that must not be.
void redirect(Transfer& transfer);
// Sets up transfer.easy (given, fresh). Throws Error when memory is out.
void configure(Transfer& transfer, const HttpClient::Options& options);
// Delivers complete lines until the sink pauses; with `at_end` also the last line without an end.
void deliver_lines(Transfer& transfer, bool at_end);
// Calls on_head once, with the head as it is now.
void report_head(Transfer& transfer);
bool is_success(int status);

// curl_error.cc: the sentence for a failed transfer.
Error transfer_error(const Transfer& transfer, CURLcode code);
// Makes OpenSSL's certificate check write to transfer.finding.
CURLcode watch_certificate_check(CURL* easy, void* ssl_context, void* transfer);

}  // namespace fairlead::net
