// SPDX-License-Identifier: Apache-2.0
#include "kube/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace fairlead::kube {
namespace {

struct ScalarCase {
  const char* yaml;
  const char* json;  // "!" where it must be refused
};

// What sigs.k8s.io/yaml v1.6.0 (the parser of kubectl) makes of `a: <yaml>`; written by a Go program, not by hand.
constexpr ScalarCase kScalars[] = {
    {"y", "true"},
    {"Y", "true"},
    {"n", "false"},
    {"yes", "true"},
    {"Yes", "true"},
    {"YES", "true"},
    {"yEs", "\"yEs\""},
    {"no", "false"},
    {"on", "true"},
    {"On", "true"},
    {"ON", "true"},
    {"oN", "\"oN\""},
    {"off", "false"},
    {"OFF", "false"},
    {"true", "true"},
    {"True", "true"},
    {"TRUE", "true"},
    {"tRue", "\"tRue\""},
    {"false", "false"},
    {"~", "null"},
    {"null", "null"},
    {"Null", "null"},
    {"NULL", "null"},
    {"nUll", "\"nUll\""},
    {"", "null"},
    {"0", "0"},
    {"00", "0"},
    {"007", "7"},
    {"08", "8"},
    {"09", "9"},
    {"0o17", "15"},
    {"0O17", "15"},
    {"0x1F", "31"},
    {"0X1f", "31"},
    {"-0x1f", "-31"},
    {"0b101", "5"},
    {"-0b11", "-3"},
    {"0b102", "\"0b102\""},
    {"1_000", "1000"},
    {"1__0", "10"},
    {"_1", "\"_1\""},
    {"1_", "1"},
    {"+12", "12"},
    {"-5", "-5"},
    {"-0", "0"},
    {"+0", "0"},
    {"9223372036854775807", "9223372036854775807"},
    {"9223372036854775808", "9223372036854775808"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"-9223372036854775809", "-9223372036854776000"},
    {"18446744073709551615", "18446744073709551615"},
    {"18446744073709551616", "18446744073709552000"},
    {"+9223372036854775808", "9223372036854776000"},
    {"1.0", "1"},
    {"1.5", "1.5"},
    {"-1.5", "-1.5"},
    {"+1.5", "1.5"},
    {".5", "0.5"},
    {"-.5", "-0.5"},
    {"+.5", "0.5"},
    {".5e3", "500"},
    {"5.", "5"},
    {"5.e2", "500"},
    {"1e3", "1000"},
    {"1E3", "1000"},
    {"1e+3", "1000"},
    {"1e-3", "0.001"},
    {"1e400", "\"1e400\""},
    {"1e-400", "0"},
    {"1.0e", "\"1.0e\""},
    {"e3", "\"e3\""},
    {".", "\".\""},
    {"..", "\"..\""},
    {"-", "!"},
    {"+", "\"+\""},
    {".5_0", "0.5"},
    {"1_0.5_0", "10.5"},
    {"1.2.3", "\"1.2.3\""},
    {"1:30", "\"1:30\""},
    {"190:20:30", "\"190:20:30\""},
    {"2001-01-01", "\"2001-01-01\""},
    {"2001-12-14t21:59:43.10-05:00", "\"2001-12-14t21:59:43.10-05:00\""},
    {"2001-1-1 1:1:1", "\"2001-1-1 1:1:1\""},
    {"2001-13-45", "\"2001-13-45\""},
    {"20010101", "20010101"},
    {"0x", "\"0x\""},
    {"0b", "\"0b\""},
    {"0o", "\"0o\""},
    {"0xg", "\"0xg\""},
    {"1e21", "1e+21"},
    {"123456789012345678901234567890", "1.2345678901234568e+29"},
    {"0.1", "0.1"},
    {"100m", "\"100m\""},
    {"1Gi", "\"1Gi\""},
    {"1.10", "1.1"},
    {"v1", "\"v1\""},
    {"'yes'", "\"yes\""},
    {"\"1\"", "\"1\""},
    {"!!str 5", "\"5\""},
    {"!!int 5", "5"},
    {"!!int \"5\"", "5"},
    {"!!float 5", "5"},
    {"!!bool yes", "true"},
    {"!!str yes", "\"yes\""},
    {"!!null ''", "null"},
    {"!!binary aGVsbG8=", "\"hello\""},
    {"!foo 5", "\"5\""},
    {"! 5", "\"5\""},
    {"!!timestamp 2001-01-01", "\"2001-01-01\""},
    {"0.30000000000000004", "0.30000000000000004"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"4.9e-324", "5e-324"},
    {"1e15", "1000000000000000"},
    {"1e16", "10000000000000000"},
    {"1e17", "100000000000000000"},
    {"=", "\"=\""},
    {"<<x", "\"\\u003c\\u003cx\""},
    {"0777", "511"},
    {"-0777", "-511"},
    {"0o8", "\"0o8\""},
    {"1__2.5", "12.5"},
    {"0x_1", "1"},
    {"-.", "\"-.\""},
    {"+.e1", "\"+.e1\""},
    {"12e03", "12000"},
    {"0b", "\"0b\""},
    {"-0b", "\"-0b\""},
    {"0B11", "3"},
    {"--1", "\"--1\""},
    {"1-", "\"1-\""},
    {"0.", "0"},
    {"00.5", "0.5"},
    {"010.5", "10.5"},
    {"0e0", "0"},
};

// The same for `<yaml>: 1`.
constexpr ScalarCase kKeys[] = {
    {"on", "true"},
    {"y", "true"},
    {"no", "false"},
    {"1", "1"},
    {"0x10", "16"},
    {"010", "8"},
    {"1.5", "1.5"},
    {"1.20", "1.2"},
    {"1.0", "1"},
    {"1e3", "1000"},
    {"2001-01-01", "2001-01-01"},
    {"'on'", "on"},
    {"true", "true"},
    {"~", "!"},
    {"null", "!"},
    {"18446744073709551615", "!"},
    {"1e6", "1e+06"},
    {"1000000.5", "1.0000005e+06"},
    {"100000.5", "100000.5"},
    {"0.00001", "1e-05"},
    {"1e20", "1e+20"},
    {".inf", ".inf"},
    {"-.inf", "-.inf"},
    {".nan", ".nan"},
    {"1e39", ".inf"},
};

std::string json_of(const std::string& yaml) {
  try {
    return json::text_of(parse_yaml(yaml, "t.yaml"));
  } catch (const Error& error) {
    return "!";
  }
}

TEST(Yaml, ScalarsAreReadAsKubectlReadsThem) {
  for (const ScalarCase& c : kScalars) {
    const std::string got = json_of(std::string("a: ") + c.yaml + "\n");
    if (std::string_view(c.json) == "!") {
      EXPECT_EQ(got, "!") << c.yaml;
      continue;
    }
    ASSERT_NE(got, "!") << c.yaml;
    const json::Value ours = json::parse(got, "ours").at("a");
    const json::Value theirs = json::parse(c.json, "theirs");
    if (ours.is_double() && theirs.is_number()) {
      EXPECT_EQ(ours.get_double(), theirs.to_number<double>()) << c.yaml;  // Go writes huge ones without exponent
    } else {
      EXPECT_EQ(json::canonical_text(ours), json::canonical_text(theirs)) << c.yaml;
    }
  }
}

TEST(Yaml, KeysAreReadAsKubectlReadsThem) {
  for (const ScalarCase& c : kKeys) {
    const std::string got = json_of(std::string(c.yaml) + ": 1\n");
    EXPECT_EQ(got, std::string_view(c.json) == "!" ? "!" : std::string("{\"") + c.json + "\":1}") << c.yaml;
  }
}

std::string parse_error_of(std::string_view yaml, const YamlLimits& limits = {}) {
  try {
    parse_documents(yaml, "web.yaml", limits);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid);
    return error.text();
  }
  return "no error";
}

TEST(Yaml, DocumentsHavePlaces) {
  const auto documents =
      parse_documents("# first\n---\n\nkind: A\n---\n# nothing\n---\nkind: B\n...\n---\n", "web.yaml");
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].object.kind(), "A");
  EXPECT_EQ(documents[0].place(), "web.yaml:4 (document 1)");
  EXPECT_EQ(documents[1].object.kind(), "B");
  EXPECT_EQ(documents[1].line, 8);
}

TEST(Yaml, ListsAreFlattenedWithTheLinesOfTheirItems) {
  const auto documents = parse_documents(
      "apiVersion: v1\nkind: List\nitems:\n- kind: A\n-\n- kind: BList\n  items:\n  - kind: B\n- kind: C\n", "l.yaml");
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[0].line, 4);
  EXPECT_EQ(documents[1].object.kind(), "B");
  EXPECT_EQ(documents[2].line, 9);
  // A kind that merely ends so is an object like others.
  EXPECT_EQ(parse_documents("kind: AllowList\nspec: {items: []}\n", "l.yaml").size(), 1u);
}

TEST(Yaml, JsonIsYamlIncludingItsEscapes) {
  const auto documents = parse_documents(
      "{\n\t\"kind\": \"A\", \"data\": {\"e\": \"\\ud83d\\ude00 \\\\ud83d\\/\", \"yes\": \"on\"}}", "a.json");
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(json::text_of(documents[0].object.value()),
            "{\"kind\":\"A\",\"data\":{\"e\":\"\xF0\x9F\x98\x80 \\\\ud83d/\",\"yes\":\"on\"}}");
}

TEST(Yaml, AliasesAndMergesAsGoYamlDoesThem) {
  EXPECT_EQ(json_of("a: &x {p: 1, q: 2}\nb: *x\nc:\n  q: 3\n  <<: *x\nd:\n  <<: *x\n  q: 3\n"),
            R"({"a":{"p":1,"q":2},"b":{"p":1,"q":2},"c":{"q":2,"p":1},"d":{"p":1,"q":3}})");
  EXPECT_EQ(json_of("a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc:\n  <<: [*x, *y]\n"),
            R"({"a":{"p":1},"b":{"p":2,"q":2},"c":{"p":1,"q":2}})");
  EXPECT_THAT(parse_error_of("a: &x [1]\nb:\n  <<: *x\n"), testing::HasSubstr("web.yaml:3"));
  EXPECT_THAT(parse_error_of("a: &x {b: *x}\n"), testing::HasSubstr("no finished anchor"));
}

TEST(Yaml, ErrorsNamePlaceAndRemedy) {
  struct Wrong {
    const char* yaml;
    const char* place;
    const char* text;
  };
  const Wrong table[] = {
      {"kind: A\nkind: B\n", "web.yaml:2", "written twice, first in line 1"},
      {"a:\n  b: 1\n  c: 2\n  b: 3\n", "web.yaml:4", "first in line 2"},
      {"on: 1\ntrue: 2\n", "web.yaml:2", "written twice"},
      {"a: b: c\n", "web.yaml:1", "quote text that contains"},
      {"a:\n\t- b\n", "web.yaml:2", "indent with spaces"},
      {"a: [1, 2\nb: 3\n", "web.yaml:", "brackets"},
      {"a: \"x\n", "web.yaml:", "check indentation"},
      {"a: *b\n", "web.yaml:1", "alias *b"},
      {"? [a]\n: 1\n", "web.yaml:1", "cannot be keys"},
      {"a: .inf\n", "web.yaml:1", "no JSON form"},
      {"a: !!int x\n", "web.yaml:1", "!!int"},
      {"kind: A\n---\n- 1\n", "web.yaml:3", "document 2 is a list"},
      {"just text\n", "web.yaml:1", "single value"},
      {"a: 1\nb: \xff\n", "web.yaml:2", "UTF-8"},
      {"a: @x\n", "web.yaml:1", "reserved character"},
  };
  for (const Wrong& wrong : table) {
    const std::string text = parse_error_of(wrong.yaml);
    EXPECT_THAT(text, testing::HasSubstr(wrong.place)) << wrong.yaml;
    EXPECT_THAT(text, testing::HasSubstr(wrong.text)) << wrong.yaml;
  }
}

TEST(Yaml, LimitsHold) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'k'; ++c) {
    bomb += text::format("{}: &{} [", c, c);
    for (int i = 0; i < 10; ++i) bomb += text::format("*{},", static_cast<char>(c - 1));
    bomb += "]\n";
  }
  EXPECT_THAT(parse_error_of(bomb), testing::HasSubstr("aliases expanded"));

  const std::string word(1000, 'x');
  std::string wide = "a: &a " + word + "\nb:\n";
  for (int i = 0; i < 100; ++i) wide += "- *a\n";
  YamlLimits limits;
  limits.expanded_bytes = 50'000;
  EXPECT_THAT(parse_error_of(wide, limits), testing::HasSubstr("web.yaml:"));

  EXPECT_THAT(parse_error_of("a: " + std::string(101, '[')), testing::HasSubstr("nested deeper than 100"));
  EXPECT_THAT(parse_error_of("a: " + std::string(200'000, '[')), testing::HasSubstr("nested deeper than 100"));
  std::string braces;
  for (int i = 0; i < 50'000; ++i) braces += "{a: ";
  EXPECT_THAT(parse_error_of(braces), testing::HasSubstr("nested deeper than 100"));
  limits = {};
  limits.documents = 3;
  EXPECT_THAT(parse_error_of("kind: A\n---\nkind: A\n---\nkind: A\n---\nkind: A\n", limits),
              testing::HasSubstr("more than 3"));
  EXPECT_THAT(parse_error_of("kind: List\nitems: [{},{},{},{}]\n", limits), testing::HasSubstr("more than 3"));
  limits = {};
  limits.bytes = 10;
  EXPECT_THAT(parse_error_of("kind: ABCDEFGH\n", limits), testing::HasSubstr("limit of 10"));
  limits = {};
  limits.scalar_bytes = 10;
  EXPECT_THAT(parse_error_of("kind: ABCDEFGHIJKLMN\n", limits), testing::HasSubstr("limit of 10"));
}

// Whatever is written as JSON comes back as the same value, and cutting or changing bytes never does worse than an
// Error.
TEST(Yaml, PropertyJsonRoundTripAndDamage) {
  std::uint64_t state = 12345;
  const auto random = [&](std::uint64_t below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % below;
  };
  const std::function<json::Value(int)> make = [&](int depth) -> json::Value {
    switch (random(depth > 4 ? 5 : 7)) {
      case 0: return nullptr;
      case 1: return random(2) == 0;
      case 2: return static_cast<std::int64_t>(random(1'000'000)) - 500'000;
      case 3: return static_cast<double>(random(1000)) + 0.25;
      case 4: {
        static const char* const words[] = {
            "yes", "", "1", "a b", "\n\t", "\xC3\xA9", "- x", "#", "\"q\"", "<<", "\xF0\x9F\x98\x80"};
        return words[random(11)];
      }
      case 5: {
        json::Array array;
        for (std::uint64_t i = random(5); i > 0; --i) array.push_back(make(depth + 1));
        return array;
      }
      default: {
        json::Object object;
        for (std::uint64_t i = random(5); i > 0; --i) object[text::format("k{}", random(100))] = make(depth + 1);
        return object;
      }
    }
  };
  for (int round = 0; round < 300; ++round) {
    json::Object root;
    root["a"] = make(0);
    const std::string text = json::text_of(root);
    ASSERT_EQ(json_of(text), text);
    std::string damaged = text;
    damaged[random(damaged.size())] = static_cast<char>(random(256));
    json_of(damaged);
    json_of(text.substr(0, random(text.size())));
  }
}

}  // namespace
}  // namespace fairlead::kube
