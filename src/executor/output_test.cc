// SPDX-License-Identifier: Apache-2.0
// What becomes of a script's output: service messages, masking, lines.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/text.h"
#include "executor/mask.h"
#include "executor/output_reader.h"
#include "executor/service_message.h"

namespace fairlead::executor {
namespace {

std::string message(const std::string& name, const std::map<std::string, std::string>& attributes) {
  std::string out = "##octopus[" + name;
  for (const auto& [key, value] : attributes) out += text::format(" {}='{}'", key, base64(value));
  return out + "]";
}

TEST(ServiceMessage, IsTakenOutOfItsLineWithDecodedValues) {
  const auto parts = split_line("before " + message("setVariable", {{"name", "a b"}, {"value", "x'y\nz"}}) + " after");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(std::get<std::string>(parts[0]), "before ");
  const auto& found = std::get<link::ServiceMessage>(parts[1]);
  EXPECT_EQ(found.name, "setVariable");
  EXPECT_EQ(found.attributes.at("name"), "a b");
  EXPECT_EQ(found.attributes.at("value"), "x'y\nz");
  EXPECT_EQ(std::get<std::string>(parts[2]), " after");
}

TEST(ServiceMessage, WhatOnlyLooksLikeOneStaysText) {
  for (const std::string line : {"##octopus[", "##octopus[]", "##octopus[x", "##octopus[x a]", "##octopus[x a='b]",
                                 "##octopus[x =''", "plain", ""}) {
    const auto parts = split_line(line);
    ASSERT_EQ(parts.size(), 1u) << line;
    EXPECT_EQ(std::get<std::string>(parts[0]), line);
  }
  const auto raw = split_line("##octopus[progress percentage='5!']");
  EXPECT_EQ(std::get<link::ServiceMessage>(raw.at(0)).attributes.at("percentage"), "5!");
}

TEST(Mask, HidesValuesTheirBase64AndTheLinesOfLongOnes) {
  Mask mask;
  mask.add(Secret(std::string("hunter2")));
  mask.add(Secret(std::string("hunter2-long")));
  mask.add(Secret(std::string("abc")));
  mask.add(Secret(std::string("line one\nline two\n")));
  EXPECT_EQ(mask.apply("a hunter2-long b hunter2 abc"), "a ******** b ******** abc");
  EXPECT_EQ(mask.apply(base64("hunter2")), "********");
  EXPECT_EQ(mask.apply("> line two"), "> ********");
  EXPECT_EQ(mask.longest(), base64("line one\nline two\n").size());
}

struct Output : testing::Test {
  ManualClock clock;
  Mask mask;
  OutputReader reader{clock, mask, [](const Secret& value) {
                        return link::Confidential{.transport = "T" + std::string(value.reveal())};
                      }};
  std::vector<std::string> texts() {
    std::vector<std::string> out;
    for (const link::LogLine& line : reader.take_lines()) out.push_back(line.category + ":" + line.text);
    return out;
  }
};

TEST_F(Output, LinesArriveInAnyPiecesAndTheLastNeedsNoEnd) {
  reader.feed(OutputReader::out, "on");
  reader.feed(OutputReader::out, "e\r\ntw");
  reader.feed(OutputReader::err, "bad\n");
  reader.feed(OutputReader::out, "o");
  reader.finish();
  EXPECT_EQ(texts(), (std::vector<std::string>{"Info:one", "Error:bad", "Info:two"}));
  EXPECT_EQ(reader.line_count(), 3);
}

TEST_F(Output, CategoriesSwitchAndIgnoredLinesVanish) {
  reader.feed(OutputReader::out, message("stdout-verbose", {}) + "\nv\n" + message("stdout-ignore", {}) + "\ngone\n" +
                                     message("stdout-default", {}) + "\ni\n" + message("stderr-progress", {}) + "\n");
  reader.feed(OutputReader::err, "p\n");
  EXPECT_EQ(texts(), (std::vector<std::string>{"Verbose:v", "Info:i", "Verbose:p"}));
}

TEST_F(Output, VariablesSensitiveOnesAreSealedAndHiddenFromThenOn) {
  mask.add(Secret(std::string("known-secret")));
  reader.feed(OutputReader::out,
              message("setVariable", {{"name", "plain"}, {"value", "1"}}) + "\n" +
                  message("setVariable", {{"name", "plain"}, {"value", "2"}}) + "\n" +
                  message("setVariable", {{"name", "token"}, {"value", "s3cr3t"}, {"sensitive", "True"}}) + "\n" +
                  message("setVariable", {{"name", "derived"}, {"value", "x known-secret"}}) + "\nit is s3cr3t\n");
  const auto outputs = reader.outputs();
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(outputs[0].value.plain, "2");
  EXPECT_EQ(outputs[1].value.transport, "Ts3cr3t");
  EXPECT_EQ(outputs[2].value.transport, "Tx known-secret");
  EXPECT_EQ(texts(), std::vector<std::string>{"Info:it is ********"});
}

TEST_F(Output, ProgressResultAndOtherMessagesAreKept) {
  reader.feed(OutputReader::out, message("progress", {{"percentage", "150"}, {"message", "m"}}) + "\n" +
                                     message("resultMessage", {{"message", "why"}}) + "\n" +
                                     message("createArtifact", {{"path", "/p"}}) + "\n");
  const auto lines = reader.take_lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].progress, 100);
  EXPECT_EQ(reader.result_message(), "why");
  ASSERT_EQ(reader.messages().size(), 1u);
  EXPECT_EQ(reader.messages()[0].attributes.at("path"), "/p");
}

TEST_F(Output, AnEndlessLineIsShownInPartsWithoutLettingASecretThrough) {
  mask.add(Secret(std::string("secret-across-a-cut")));
  std::string input;
  while (input.size() < 10 * kMaxOutputLineBytes) input += "secret-across-a-cut-";
  for (std::size_t at = 0; at < input.size(); at += 777)
    reader.feed(OutputReader::out, std::string_view(input).substr(at, 777));
  reader.finish();
  std::string shown;
  for (const link::LogLine& line : reader.take_lines()) {
    EXPECT_LE(line.text.size(), kMaxOutputLineBytes);
    shown += line.text;
  }
  EXPECT_EQ(shown.find("secret"), std::string::npos);
  EXPECT_EQ(shown.find("across"), std::string::npos);
  EXPECT_EQ(reader.line_count(), 1);
}

TEST_F(Output, BinaryIsNoProblem) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes.push_back(static_cast<char>(i * 31 + i / 256));
  reader.feed(OutputReader::out, bytes);
  reader.finish();
  for (const link::LogLine& line : reader.take_lines()) EXPECT_EQ(line.text.find('\0'), std::string::npos);
}

}  // namespace
}  // namespace fairlead::executor
