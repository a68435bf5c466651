// SPDX-License-Identifier: Apache-2.0
// Bytes in, one request out (RFC 9112), on Beast's parser with the checks it leaves out: exactly one Host, no unknown
// transfer coding, counts and sizes. No I/O; fuzzed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace fairlead::net {

struct ParserLimits {
  std::size_t max_head_bytes = 64 << 10;
  std::size_t max_header_fields = 200;
};

class RequestParser {
 public:
  explicit RequestParser(ParserLimits limits);
  ~RequestParser();

  enum class Outcome {
    need_more,  // give the unconsumed bytes again with more behind them
    head,       // the head is complete: look at it, then go on
    done,       // the body, if any, is complete
    failed,     // see failure()
  };
  struct Result {
    Outcome outcome;
    std::size_t consumed = 0;
  };
  // Body bytes go to `take`; false from it stops with failed (and no failure() of the parser's own).
  Result put(std::string_view bytes, const std::function<bool(std::string_view)>& take);

  RequestHead& head();  // after Outcome::head
  bool has_body() const;
  // The declared size; nullopt for a chunked body.
  std::optional<std::uint64_t> content_length() const;
  bool keep_alive() const;
  bool expects_continue() const;
  bool http_1_0() const;
  const Response& failure() const;  // the answer for the client; status 0 where `take` refused

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::net
