// SPDX-License-Identifier: Apache-2.0
#include "net/tls_files.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/testing/certificates.h"

namespace fairlead::net {
namespace {

std::string name_in_use(const TlsFiles& files) {
  X509* certificate = SSL_CTX_get0_certificate(files.context());
  char name[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

class TlsFilesTest : public ::testing::Test {
 protected:
  ~TlsFilesTest() override { file::remove_tree(folder_); }
  testing::Issued issued(const std::string& name) { return testing::issue(authority_, {.common_name = name}); }
  const testing::Issued authority_ = testing::make_authority("Test CA");
  std::string folder_ = file::make_temporary_folder("tls");
  const std::string certificate_ = folder_ + "/cert.pem";
  const std::string key_ = folder_ + "/key.pem";
};

TEST_F(TlsFilesTest, TakesTheNewPairOnceItIsWhole) {
  const testing::Issued first = issued("first");
  const testing::Issued second = issued("second");
  file::write_durably(certificate_, first.certificate_pem);
  file::write_durably(key_, first.key_pem);
  TlsFiles files(certificate_, key_, 1);
  std::int64_t now_us = 0;
  const auto after_check = [&] {
    files.check(now_us += kSecond);
    return name_in_use(files);
  };
  EXPECT_EQ(after_check(), "first");
  file::write_durably(certificate_, second.certificate_pem);
  EXPECT_EQ(after_check(), "first");  // the key is not there yet
  file::write_durably(key_, second.key_pem);
  EXPECT_EQ(after_check(), "second");
  file::write_durably(certificate_, "garbage");
  EXPECT_EQ(after_check(), "second");
  file::remove_tree(certificate_);
  EXPECT_EQ(after_check(), "second");
  file::write_durably(certificate_, first.certificate_pem);
  file::write_durably(key_, first.key_pem);
  EXPECT_EQ(after_check(), "first");
}

TEST_F(TlsFilesTest, LooksNoMoreOftenThanTold) {
  const testing::Issued first = issued("first");
  const testing::Issued second = issued("second");
  file::write_durably(certificate_, first.certificate_pem);
  file::write_durably(key_, first.key_pem);
  TlsFiles files(certificate_, key_, 1'000);
  files.check(kSecond);
  file::write_durably(certificate_, second.certificate_pem);
  file::write_durably(key_, second.key_pem);
  files.check(2 * kSecond - 1);
  EXPECT_EQ(name_in_use(files), "first");
  files.check(2 * kSecond);
  EXPECT_EQ(name_in_use(files), "second");
}

class Hello : public Handler {
 public:
  Route route(const RequestHead&) override { return {}; }
  Response handle(Request&&) override { return {.body = "hello"}; }
};

// New connections get the new certificate; one that is open goes on.
TEST_F(TlsFilesTest, AServerRenewsItsCertificate) {
  const testing::Issued first = issued("first");
  file::write_durably(certificate_, first.certificate_pem);
  file::write_durably(key_, first.key_pem);
  Hello handler;
  HttpServerOptions options;
  options.tls_certificate_file = certificate_;
  options.tls_key_file = key_;
  options.tls_check_interval_ms = 5;
  HttpServer server(options, handler);
  server.start();
  const auto ask = [&](HttpClient& client, const testing::Issued& authority) {
    ClientRequest request;
    request.url = server.url();
    request.tls.ca_pem = authority.certificate_pem;
    return client.perform(std::move(request)).status;
  };
  HttpClient old_client;
  EXPECT_EQ(ask(old_client, authority_), 200);
  const testing::Issued other = testing::make_authority("Other CA");
  const testing::Issued renewed = testing::issue(other, {.common_name = "renewed"});
  file::write_durably(certificate_, renewed.certificate_pem);
  file::write_durably(key_, renewed.key_pem);
  // Each try is a new connection that shows which certificate is in use; the test's time limit ends a server that never
  // changes.
  for (bool served = false; !served;) {
    HttpClient client;
    try {
      served = ask(client, other) == 200;
    } catch (const Error& error) {
      ASSERT_NE(error.message().find("Test CA"), std::string::npos) << error.message();
    }
  }
  EXPECT_EQ(ask(old_client, authority_),
            200);  // on its open connection: on a new one it would not trust the server any more
}

}  // namespace
}  // namespace fairlead::net
