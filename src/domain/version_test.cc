// SPDX-License-Identifier: Apache-2.0
#include "domain/version.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace fairlead::domain {
namespace {

TEST(Version, Parses) {
  struct Row {
    std::string_view text;
    int count;
    std::array<std::uint64_t, 4> numbers;
    std::string_view pre_release, metadata;
  };
  const Row rows[] = {
      {"1.2.3", 3, {1, 2, 3, 0}, "", ""},
      {" v1 ", 1, {1, 0, 0, 0}, "", ""},
      {"V2.0-rc.1+sha.5", 2, {2, 0, 0, 0}, "rc.1", "sha.5"},
      {"1.2.3.4", 4, {1, 2, 3, 4}, "", ""},
      {"1.2.3.4.5", 4, {1, 2, 3, 4}, "5", ""},
      {"1.2.3beta", 3, {1, 2, 3, 0}, "beta", ""},
      {"1.2.3_beta", 3, {1, 2, 3, 0}, "beta", ""},
      {"1.2.alpha", 2, {1, 2, 0, 0}, "alpha", ""},
      {"2026.01.02", 3, {2026, 1, 2, 0}, "", ""},
      {"0.0.1-feature/x", 0, {}, "", ""},
      {"1.0+", 0, {}, "", ""},
      {"1.0-", 0, {}, "", ""},
      {"", 0, {}, "", ""},
      {"v", 0, {}, "", ""},
      {"latest", 0, {}, "", ""},
      {"1.2 3", 0, {}, "", ""},
      {"99999999999999999999.1", 0, {}, "", ""},
  };
  for (const Row& row : rows) {
    const std::optional<Version> version = parse_version(row.text);
    ASSERT_EQ(version.has_value(), row.count > 0) << row.text;
    if (!version) continue;
    EXPECT_EQ(version->count, row.count) << row.text;
    EXPECT_EQ(version->numbers, row.numbers) << row.text;
    EXPECT_EQ(version->pre_release, row.pre_release) << row.text;
    EXPECT_EQ(version->metadata, row.metadata) << row.text;
  }
  EXPECT_FALSE(parse_version("1." + std::string(400, '1')));
}

TEST(Version, Orders) {
  // The order of Semantic Versioning 2.0.0, section 11, and around it.
  const std::string_view ascending[] = {
      "0.9",        "1.0.0-1",      "1.0.0-2",       "1.0.0-11",   "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",       "1.0.0+b",       "1.0.0.1",
      "1.0.1",      "1.2",          "1.10",          "2"};
  for (std::size_t a = 0; a < std::size(ascending); ++a) {
    for (std::size_t b = 0; b < std::size(ascending); ++b) {
      EXPECT_EQ(compare(*parse_version(ascending[a]), *parse_version(ascending[b])) < 0, a < b)
          << ascending[a] << " " << ascending[b];
    }
  }
  EXPECT_TRUE(same_version("1.0", "v1.0.0"));
  EXPECT_TRUE(same_version("1.0-RC", "1.0.0-rc"));
  EXPECT_FALSE(same_version("1.0", "1.0.1"));
}

TEST(Version, SaysWhatIsWrong) {
  try {
    require_version("latest", "releaseVersion");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid);
    EXPECT_THAT(error.text(), ::testing::HasSubstr("\"latest\" is not a version number: it must begin with a number"));
    EXPECT_EQ(error.details().at(0).where, "releaseVersion");
  }
  EXPECT_THROW(require_version("", "Version"), Error);
  EXPECT_EQ(require_version("1.2", "Version").minor(), 2u);
}

TEST(Version, Masks) {
  struct Row {
    std::string_view masked;
    std::optional<std::string> last;
    std::string_view expected;
  };
  const Row rows[] = {
      {"1.0.i", "1.0.6", "1.0.7"},
      {"1.c.i", "1.4.7", "1.4.8"},
      {"2.0.i", "1.4.7", "2.0.0"},
      {"1.i.0", "1.4.7", "1.5.0"},
      {"1.i.c", "1.4.7", "1.5.0"},
      {"1.0.i-beta", "1.0.6", "1.0.7-beta"},
      {"i", "3", "4"},
      {"1.0.i", std::nullopt, "1.0.0"},
      {"1.2.3", "1.0.0", "1.2.3"},
      {"c.c.i", "1.2.3", "1.2.4"},
      {"1.0.i", "1.1.5", "1.0.0"},
  };
  for (const Row& row : rows) EXPECT_EQ(apply_mask(row.masked, row.last), row.expected) << row.masked;
  EXPECT_TRUE(is_masked("1.0.i"));
  EXPECT_FALSE(is_masked("1.0.0-i"));
}

TEST(Version, NextByTemplate) {
  NumberingFacts facts;
  facts.now = *parse_iso8601("2026-03-04T23:30:00Z");
  facts.utc_offset_minutes = 60;
  EXPECT_EQ(next_version("", facts), "0.0.1");
  facts.last = "1.4.7-beta.9";
  facts.last_in_channel = "1.3.2";
  facts.last_by_channel["Hotfix"] = "1.8.0";
  facts.channel_name = "Main";
  EXPECT_EQ(next_version(kDefaultVersionTemplate, facts), "1.4.8");
  EXPECT_EQ(next_version("1.#{Octopus.Version.Channel[hotfix].LastMinor}.i", facts), "1.8.0");
  EXPECT_EQ(next_version("#{Octopus.Version.Channel.LastMajor}.#{Octopus.Version.Channel.LastMinor}.i", facts),
            "1.3.3");
  EXPECT_EQ(next_version("1.4.7#{Octopus.Version.NextSuffix}", facts), "1.4.7-beta.10");
  EXPECT_EQ(next_version("#{Octopus.Date.Year}.#{Octopus.Date.Month}.#{Octopus.Date.Day}", facts), "2026.3.5");
  EXPECT_EQ(next_version("1.0.#{Octopus.Date.DayOfYear}-#{Octopus.Release.Channel.Name}", facts), "1.0.64-Main");
  octostache::VariableSet project;
  project.set("Major", "9");
  EXPECT_EQ(next_version("#{Major}.0.i", facts, &project), "9.0.0");
  try {
    next_version("1.#{Nope}", facts);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "The version template \"1.#{Nope}\" cannot be evaluated: There is no variable \"Nope\" in this scope.");
    EXPECT_EQ(error.details().at(0).where, "VersioningStrategy.Template");
  }
  EXPECT_THROW(next_version("release", facts), Error);
  EXPECT_THROW(next_version("1.#{", facts), Error);
}

}  // namespace
}  // namespace fairlead::domain
