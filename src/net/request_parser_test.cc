// SPDX-License-Identifier: Apache-2.0
#include "net/request_parser.h"

#include <gtest/gtest.h>

namespace fairlead::net {
namespace {

struct Parsed {
  int failure = -1;  // the status, -1: none
  bool head = false;
  bool done = false;
  RequestHead request;
  std::string body;
  std::string rest;
};

// Feeds the text in pieces of `step` bytes, as a network might.
Parsed parse(const std::string& text, std::size_t step, ParserLimits limits = {}) {
  RequestParser parser(limits);
  Parsed parsed;
  std::string pending;
  std::size_t fed = 0;
  const auto take = [&](std::string_view bytes) {
    parsed.body += bytes;
    return true;
  };
  while (!parsed.done && parsed.failure < 0) {
    const RequestParser::Result result = parser.put(pending, take);
    pending.erase(0, result.consumed);
    switch (result.outcome) {
      case RequestParser::Outcome::head:
        parsed.head = true;
        parsed.request = parser.head();
        break;
      case RequestParser::Outcome::done: parsed.done = true; break;
      case RequestParser::Outcome::failed: parsed.failure = parser.failure().status; break;
      case RequestParser::Outcome::need_more:
        if (fed == text.size()) return parsed;
        pending += text.substr(fed, step);
        fed = std::min(fed + step, text.size());
    }
  }
  parsed.rest = pending + text.substr(fed);
  return parsed;
}

TEST(RequestParser, AcceptsWhatIsRightInAnyPieces) {
  const std::string text =
      "POST /api/x?y=%20z HTTP/1.1\r\nHost: h\r\nContent-Type:  text/plain \r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.1\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, text.size()}) {
    const Parsed parsed = parse(text, step);
    ASSERT_TRUE(parsed.done) << step << " failure " << parsed.failure;
    EXPECT_EQ(parsed.request.method, "POST");
    EXPECT_EQ(parsed.request.path, "/api/x");
    EXPECT_EQ(parsed.request.query, "y=%20z");
    EXPECT_EQ(parsed.request.headers.get("content-type"), "text/plain");
    EXPECT_EQ(parsed.body, "hello world");
    EXPECT_EQ(parsed.rest, "GET / HTTP/1.1\r\n") << step;
  }
}

// A body of a last chunk alone, cut wherever a network may cut it.
TEST(RequestParser, AcceptsAnEmptyChunkedBody) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string body :
       {"0\r\n\r\n", "00\r\n\r\n", "0;a=b\r\n\r\n", "0\r\nA: b\r\n\r\n", "1\r\n0\r\n0\r\n\r\n"}) {
    for (std::size_t step = 1; step < 9; ++step) {
      const Parsed parsed = parse(head + body + "GET", step);
      EXPECT_TRUE(parsed.done) << body << " in steps of " << step << " failure " << parsed.failure;
      EXPECT_EQ(parsed.rest, "GET");
    }
  }
  EXPECT_EQ(parse(head + "0\r\nmello\r\n\r\n", 1).failure, 400);
}

TEST(RequestParser, AcceptsOddButValidHeads) {
  EXPECT_EQ(parse("GET http://other:80/p?q HTTP/1.1\r\nHost: h\r\n\r\n", 999).request.path, "/p");
  EXPECT_EQ(parse("GET http://other HTTP/1.1\r\nHost: h\r\n\r\n", 999).request.path, "/");
  EXPECT_EQ(parse("GET HTTPS://[::1]:8080/p HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 999).request.path, "/p");
  const Parsed question = parse("GET http://other?a/b HTTP/1.1\r\nHost: h\r\n\r\n", 999);
  EXPECT_EQ(question.request.path + " " + question.request.query, "/ a/b");
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\n\r\n", 999).done);
  EXPECT_TRUE(parse("PURGE / HTTP/1.1\r\nHost: h\r\n\r\n", 999).done);
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost:\r\n\r\n", 999).done);
  EXPECT_EQ(parse("GET /?a?b HTTP/1.1\r\nHost: h\r\n\r\n", 999).request.query, "a?b");
}

TEST(RequestParser, RefusesWhatIsWrong) {
  struct Case {
    const char* text;
    int status;
  };
  for (const Case& c : {
           Case{"GET / HTTP/1.1\r\n\r\n", 400},  // no Host
           Case{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
           Case{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
           Case{"GET / HTTP/1.9\r\nHost: h\r\n\r\n", 505},
           Case{"GET / FTP/1.1\r\nHost: h\r\n\r\n", 505},
           Case{"GET /\r\nHost: h\r\n\r\n", 400},
           Case{"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET http://[::1 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET http://[::1/p HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET http:///p HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET http://a:99999/p HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET http://a:b/p HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET http://u@h/p HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET ftp://h/p HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET ws://h/p HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\nHost: a:80:90\r\n\r\n", 400},
           Case{"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},  // space before the colon
           Case{"GET / HTTP/1.1\r\nHost: h\r\n folded\r\nBad Name: x\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\nHost: h\r\nX: a\x01b\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5x\r\n\r\nhello", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
           Case{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", 400},
           Case{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},  // TLS on the plain port
       }) {
    const std::string text = c.text;
    for (const std::size_t step : {std::size_t{1}, text.size()})
      EXPECT_EQ(parse(text, step).failure, c.status) << c.text;
  }
}

TEST(RequestParser, BoundsTheHead) {
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(parse(start + "X: " + std::string(100'000, 'x') + "\r\n\r\n", 4'096).failure, 431);
  EXPECT_EQ(parse(start + "X: " + std::string(100'000, 'x'), 4'096).failure, 431);  // it never ends
  EXPECT_EQ(parse("GET /" + std::string(100'000, 'x'), 4'096).failure, 431);
  std::string many = start;
  for (int i = 0; i < 300; ++i) many += "A: b\r\n";
  EXPECT_EQ(parse(many + "\r\n", 4'096).failure, 431);
  EXPECT_TRUE(parse(start + "X: " + std::string(50'000, 'x') + "\r\n\r\n", 4'096).done);
}

}  // namespace
}  // namespace fairlead::net
