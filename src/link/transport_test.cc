// SPDX-License-Identifier: Apache-2.0
#include "link/transport.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "link/commands.h"
#include "link/messages.h"
#include "link/registration.h"

namespace fairlead::link {
namespace {

TEST(Transport, OnlyTheKeyItWasSealedForOpensIt) {
  const SigningKey mine = make_signing_key();
  const SigningKey other = make_signing_key();
  const std::string sealed = seal_for(mine.public_key, Secret(std::string("hunter2")));
  EXPECT_EQ(open_sealed(mine, sealed).reveal(), "hunter2");
  EXPECT_EQ(sealed.find("hunter2"), std::string::npos);
  EXPECT_NE(sealed, seal_for(mine.public_key, Secret(std::string("hunter2"))));
  EXPECT_THROW(open_sealed(other, sealed), Error);
  EXPECT_THROW(open_sealed(mine, "???"), Error);
  EXPECT_THROW(open_sealed(mine, "AAAA"), Error);
  EXPECT_THROW(seal_for("short", Secret(std::string("x"))), Error);
}

TEST(Transport, RewritesEverySealedValueOfACommandAndNothingElse) {
  RunScript script;
  script.body = Confidential::of("echo \"Sealed\"");
  script.variables["Password"] = Confidential::of_sealed("s:1");
  script.files.push_back({"a", Confidential::of_sealed("s:2"), false});
  const std::string out = rewrite_confidential(json::encode(script), Rewrite::sealed_to_transport,
                                               [](std::string_view sealed) { return "t" + std::string(sealed); });
  const RunScript back = json::decode<RunScript>(out);
  EXPECT_EQ(back.body.plain, script.body.plain);
  EXPECT_EQ(back.variables.at("Password").transport, "ts:1");
  EXPECT_TRUE(back.variables.at("Password").sealed.empty());
  EXPECT_EQ(back.files[0].content.transport, "ts:2");
  EXPECT_EQ(rewrite_confidential("not json", Rewrite::sealed_to_transport, {}), "not json");
}

TEST(Commands, ErrorsSurviveTheWire) {
  const Error error = Error(Fault::conflict, "m").at("w", "t").with_help("h").retry_after(3);
  const Error back = error_of(json::decode<Failure>(json::encode(failure_of(error))));
  EXPECT_EQ(back.fault(), Fault::conflict);
  EXPECT_EQ(back.text(), error.text());
  EXPECT_EQ(back.retry_after_seconds(), 3);
  EXPECT_EQ(error_of(Failure{.fault = "strange", .message = "m"}).fault(), Fault::bug);
}

TEST(Commands, EnvelopesSurviveTheWire) {
  ToExecutor message;
  message.command = Command{.key = "k", .kind = "script", .log_offset = 3, .payload = {R"({"a":[1]})"}};
  const ToExecutor back = json::decode<ToExecutor>(json::encode(message));
  ASSERT_TRUE(back.command && !back.cancel);
  EXPECT_EQ(back.command->payload.text, R"({"a":[1]})");
  EXPECT_EQ(back.command->log_offset, 3);
  EXPECT_THROW(json::decode<ToExecutor>(R"({"Command": 3})"), Error);

  Result result{.key = "k", .outcome = Outcome::lost, .error = Failure{.fault = "timeout", .message = "m"}};
  result.log.push_back({.time = Time{1'000'000}, .text = "line"});
  const Result result_back = json::decode<Result>(json::encode(result));
  EXPECT_EQ(result_back.outcome, Outcome::lost);
  EXPECT_EQ(result_back.error->fault, "timeout");
  ASSERT_EQ(result_back.log.size(), 1u);
  EXPECT_EQ(result_back.log[0].text, "line");
  EXPECT_TRUE(result_back.value.text.empty());
}

TEST(Messages, TheProofDependsOnEveryPart) {
  const Challenge challenge{.nonce = "n", .server_key = "k", .server_incarnation = "i"};
  const Hello hello{.executor = "e", .epoch = 1, .incarnation = "m", .public_key = "p"};
  const std::string text = proof_text(kHelloLabel, challenge, hello);
  EXPECT_NE(text, proof_text(kWelcomeLabel, challenge, hello));
  Hello other = hello;
  other.executor = "e1:1;";
  EXPECT_NE(text, proof_text(kHelloLabel, challenge, other));
  other = hello;
  other.epoch = 2;
  EXPECT_NE(text, proof_text(kHelloLabel, challenge, other));
}

}  // namespace
}  // namespace fairlead::link
