// SPDX-License-Identifier: Apache-2.0
#include "api/router.h"

#include <gtest/gtest.h>

#include "api/links.h"
#include "api/paging.h"
#include "api/problem.h"
#include "base/error.h"

namespace fairlead::api {
namespace {

Endpoint row(std::string method, Scope scope, std::string pattern) {
  return {std::move(method), scope, std::move(pattern), "X", "", [](Context&) { return net::Response(); }};
}

Router sample() {
  Router router;
  router.add(row("GET", Scope::root, "/healthz"));
  router.add(row("GET", Scope::system, "/"));
  router.add(row("GET", Scope::system, "/spaces/{id}"));
  router.add(row("GET", Scope::system, "/spaces/all"));
  router.add(row("GET", Scope::space, "/"));
  router.add(row("GET", Scope::space, "/projects/{id}"));
  router.add(row("DELETE", Scope::space, "/projects/{id}"));
  router.add(row("GET", Scope::space, "/projects/all"));
  router.add(row("GET", Scope::space, "/projects/{id}/{gitRef}/deploymentprocesses"));
  return router;
}

std::string found(const Router& router, std::string_view method, std::string_view path) {
  const Router::Match match = router.match(method, path);
  if (match.endpoint == nullptr) {
    std::string out = "none";
    for (const std::string& allowed : match.allowed) out += " " + allowed;
    return out;
  }
  std::string out = match.endpoint->pattern + (match.space_scoped ? " in '" + match.space + "'" : "");
  for (const auto& [name, value] : match.parameters) out += " " + name + "=" + value;
  return out;
}

TEST(Router, ThreePrefixesAnyCaseAndTrailingSlash) {
  const Router router = sample();
  EXPECT_EQ(found(router, "GET", "/api"), "/");
  EXPECT_EQ(found(router, "GET", "/api/"), "/");
  EXPECT_EQ(found(router, "GET", "/api/Spaces-1"), "/ in 'Spaces-1'");
  EXPECT_EQ(found(router, "GET", "/api/spaces/Spaces-1"), "/spaces/{id} id=Spaces-1");
  EXPECT_EQ(found(router, "GET", "/api/spaces/all"), "/spaces/all");
  EXPECT_EQ(found(router, "GET", "/API/Spaces-2/Projects/Projects-1"), "/projects/{id} in 'Spaces-2' id=Projects-1");
  EXPECT_EQ(found(router, "GET", "/api/spaces/default/projects/all"), "/projects/all in 'default'");
  EXPECT_EQ(found(router, "GET", "/api/projects/Web%20Shop"), "/projects/{id} in '' id=Web Shop");
  EXPECT_EQ(found(router, "GET", "/api/Spaces-1/projects/P/refs%2Fheads%2Fmain/deploymentprocesses"),
            "/projects/{id}/{gitRef}/deploymentprocesses in 'Spaces-1' gitRef=refs/heads/main id=P");
  EXPECT_EQ(found(router, "HEAD", "/healthz"), "/healthz");
}

TEST(Router, UnknownRoutesAndMethods) {
  const Router router = sample();
  EXPECT_EQ(found(router, "GET", "/api/Spaces-1/nothing"), "none");
  EXPECT_EQ(found(router, "GET", "/other"), "none");
  EXPECT_EQ(found(router, "PUT", "/api/Spaces-1/projects/Projects-1"), "none GET DELETE");
  EXPECT_EQ(found(router, "GET", "/api/Spaces-1/projects/%zz"), "none");
}

TEST(Router, TwoRowsOfOneShapeAreABug) {
  Router router = sample();
  EXPECT_THROW(router.add(row("GET", Scope::space, "/projects/{other}")), Error);
}

TEST(Problem, NotFoundCarriesNoErrorsAndOthersDo) {
  EXPECT_EQ(octopus_error(not_found("The resource 'Projects-9' was not found.")).body,
            R"({"ErrorMessage":"The resource 'Projects-9' was not found."})");
  EXPECT_EQ(octopus_error(invalid_at("Name", "is required")).body,
            R"({"ErrorMessage":"There was a problem with your request.","Errors":["Name: is required"],)"
            R"("ParsedHelpLinks":[]})");
  EXPECT_EQ(octopus_error(Error(Fault::unsupported, "There are no tenants yet.")).body,
            R"({"ErrorMessage":"There are no tenants yet."})");
  EXPECT_EQ(octopus_error(Error(Fault::conflict, "It is at version 3.").with_help("Get it again.")).body,
            R"({"ErrorMessage":"There was a problem with your request.","Errors":["It is at version 3."],)"
            R"("HelpText":"Get it again.","ParsedHelpLinks":[]})");
  const net::Response busy = octopus_error(Error(Fault::unavailable, "The server is busy.").retry_after(3));
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.headers.get("Retry-After"), "3");
}

std::string page_text(const std::string& query, std::int64_t total) {
  net::Request request;
  request.path = "/api/Spaces-1/projects";
  request.query = query;
  const Caller caller;
  Context context(request, caller, "Spaces-1", {});
  return paged(context, "Project", {"{}"}, total, page_of(context));
}

TEST(Paging, EnvelopeAndLinks) {
  const std::string text = page_text("partialName=a%20b&skip=30", 75);
  EXPECT_NE(
      text.find(R"("ItemType":"Project","TotalResults":75,"ItemsPerPage":30,"NumberOfPages":3,"LastPageNumber":2,)"),
      std::string::npos);
  EXPECT_NE(text.find(R"("Page.Next":"/api/Spaces-1/projects?partialName=a%20b&skip=60&take=30")"), std::string::npos);
  EXPECT_EQ(page_text("skip=60", 75).find("Page.Next"), std::string::npos);
  EXPECT_NE(page_text("take=2147483647", 0).find(R"("NumberOfPages":1,"LastPageNumber":0)"), std::string::npos);
  EXPECT_NE(page_text("take=0", 5).find(R"("NumberOfPages":5)"), std::string::npos);
  // A client that asks for nothing must not be sent on to the next page of nothing.
  EXPECT_EQ(page_text("take=0", 5).find("Page.Next"), std::string::npos);
  for (const char* wrong : {"skip=-1", "take=-5", "take=x", "take=99999999999"})
    EXPECT_THROW(page_text(wrong, 1), Error) << wrong;
}

}  // namespace
}  // namespace fairlead::api
