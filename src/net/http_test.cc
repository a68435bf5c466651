// SPDX-License-Identifier: Apache-2.0
#include "net/http.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "net/testing/certificates.h"

namespace fairlead::net {
namespace {

TEST(Http, HeadersCompareWithoutCase) {
  Headers headers = {{"Accept", "a"}, {"X-Thing", "1"}, {"x-thing", "2"}};
  EXPECT_EQ(headers.get("ACCEPT"), "a");
  EXPECT_EQ(headers.all("X-THING"), (std::vector<std::string>{"1", "2"}));
  headers.set("X-THING", "3");
  EXPECT_EQ(headers.all("x-thing"), (std::vector<std::string>{"3"}));
  EXPECT_EQ(headers.find("missing"), nullptr);
}

TEST(Http, QueryValues) {
  const std::string query = "ids=a%2Cb&ids=c&Take=10&empty=&flag&plus=a+b&bad=%zz&&=x";
  EXPECT_EQ(query_values(query, "ids"), (std::vector<std::string>{"a,b", "c"}));
  EXPECT_EQ(query_value(query, "take"), "10");
  EXPECT_EQ(query_value(query, "empty"), "");
  EXPECT_EQ(query_value(query, "flag"), "");
  EXPECT_EQ(query_value(query, "plus"), "a b");
  EXPECT_EQ(query_value(query, "bad"), "%zz");
  EXPECT_EQ(query_value(query, "none"), std::nullopt);
  std::string many;
  for (int i = 0; i < 5'000; ++i) many += "a=1&";
  EXPECT_EQ(query_values(many, "a").size(), kMaxQueryParameters);
}

TEST(Http, PathSegments) {
  EXPECT_EQ(path_segments("/a/b%20c"), (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(path_segments("/a%2Fb/c"), (std::vector<std::string>{"a/b", "c"}));
  EXPECT_EQ(path_segments("/a//"), (std::vector<std::string>{"a", "", ""}));
  EXPECT_EQ(path_segments("/%zz"), std::nullopt);
  EXPECT_EQ(path_segments("/%00"), std::nullopt);
  EXPECT_EQ(path_segments("/%ff"), std::nullopt);
}

TEST(Http, ParsesUrls) {
  const auto url = parse_url("HTTPS://Example.ORG/a/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "example.org");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/a/b?c=d");
  EXPECT_EQ(parse_url("ws://[::1]:8080")->host, "::1");
  EXPECT_EQ(parse_url("ws://[::1]:8080")->port, 8080);
  EXPECT_EQ(parse_url("http://h?x")->target, "/?x");
  EXPECT_TRUE(parse_url("http://user:secret@h/")->has_user);
  EXPECT_EQ(parse_url("http://user@h/")->host, "h");
  for (const char* bad :
       {"", "h", "ftp://h/", "http://", "http://h:0/", "http://h:65536/", "http://h:x/", "http://[::1/", "http://a b/",
        "http://h\r\nX: y/", "http://[g]/", "http://h%00/", "http:///x"}) {
    EXPECT_FALSE(parse_url(bad)) << bad;
  }
  EXPECT_FALSE(parse_url("http://h/" + std::string(10'000, 'x')));
}

TEST(Http, KnowsLoopback) {
  for (const char* yes : {"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"})
    EXPECT_TRUE(is_loopback(yes)) << yes;
  for (const char* no :
       {"127.0.0.1.example.org", "128.0.0.1", "127.0.0", "127.0.0.256", "localhost.example.org", "::2", ""}) {
    EXPECT_FALSE(is_loopback(no)) << no;
  }
}

TEST(Http, DatesGoBothWays) {
  EXPECT_EQ(http_date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777);
  for (const std::int64_t seconds :
       {std::int64_t{0}, std::int64_t{951'782'400}, std::int64_t{1'767'225'599}, std::int64_t{4'102'444'800}}) {
    EXPECT_EQ(parse_http_date(http_date(seconds)), seconds);
  }
  for (const char* bad :
       {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(bad), std::nullopt) << bad;
  }
}

TEST(Http, FindsCookies) {
  const Headers headers = {{"Cookie", "a=1; session=x=y ;b=2"}};
  EXPECT_EQ(cookie(headers, "session"), "x=y");
  EXPECT_EQ(cookie(headers, "b"), "2");
  EXPECT_EQ(cookie(headers, "c"), std::nullopt);
}

TEST(Http, ErrorBodiesAreJson) {
  const Response response = error_response(503, "a \"b\"\n\xff", 7);
  EXPECT_EQ(response.body, "{\"ErrorMessage\":\"a \\\"b\\\"\\u000a?\"}");
  EXPECT_EQ(response.headers.get("retry-after"), "7");
  EXPECT_EQ(error_response(400, "gr\xc3\xbc\xc3\x9f").body, "{\"ErrorMessage\":\"gr\xc3\xbc\xc3\x9f\"}");
}

class FileResponse : public ::testing::Test {
 protected:
  FileResponse() { path_ = testing::write_file(folder_, "blob", "0123456789"); }
  ~FileResponse() override { file::remove_tree(folder_); }
  Response with_range(const std::string& range, const std::string& method = "GET") {
    RequestHead head;
    head.method = method;
    if (!range.empty()) head.headers.add("Range", range);
    return file_response(head, path_, "application/octet-stream");
  }
  std::string folder_ = file::make_temporary_folder("net");
  std::string path_;
};

TEST_F(FileResponse, Ranges) {
  struct Case {
    const char* range;
    int status;
    std::uint64_t offset, length;
  };
  for (const Case& c :
       {Case{"", 200, 0, 10}, Case{"bytes=0-", 206, 0, 10}, Case{"bytes=2-4", 206, 2, 3}, Case{"bytes=5-99", 206, 5, 5},
        Case{"bytes=-3", 206, 7, 3}, Case{"bytes=-99", 206, 0, 10}, Case{"BYTES=9-9", 206, 9, 1},
        Case{"bytes=4-2", 200, 0, 10}, Case{"bytes=0-1,3-4", 200, 0, 10}, Case{"lines=1-2", 200, 0, 10},
        Case{"bytes=x", 200, 0, 10}, Case{"bytes=-", 200, 0, 10}, Case{"bytes=99999999999999999999-", 200, 0, 10}}) {
    const Response response = with_range(c.range);
    EXPECT_EQ(response.status, c.status) << c.range;
    ASSERT_TRUE(response.file) << c.range;
    EXPECT_EQ(response.file->offset, c.offset) << c.range;
    EXPECT_EQ(response.file->length, c.length) << c.range;
  }
  EXPECT_EQ(with_range("bytes=2-4").headers.get("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(with_range("bytes=10-").status, 416);
  EXPECT_EQ(with_range("bytes=-0").status, 416);
  EXPECT_EQ(with_range("bytes=10-").headers.get("Content-Range"), "bytes */10");
  EXPECT_EQ(with_range("bytes=2-4", "HEAD").status, 200);
}

TEST_F(FileResponse, MissingFileIs404) {
  EXPECT_EQ(file_response(RequestHead(), folder_ + "/none", "x").status, 404);
  EXPECT_EQ(file_response(RequestHead(), folder_, "x").status, 404);
}

}  // namespace
}  // namespace fairlead::net
