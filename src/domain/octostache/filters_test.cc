// SPDX-License-Identifier: Apache-2.0
#include "domain/octostache/filters.h"

#include <gmock/gmock.h>

namespace fairlead::domain::octostache {
namespace {

struct FilterCase {
  std::string_view filters;   // what follows "#{X"
  std::string_view value;     // of X
  std::string_view expected;  // "<fails>": the token stays
};

constexpr std::string_view kFails = "<fails>";

void check_filters(const std::vector<FilterCase>& rows) {
  EvaluateOptions options;
  options.now = Time{1'767'323'045'678'901};  // 2026-01-02T03:04:05.678901Z
  options.utc_offset_minutes = 60;
  for (const FilterCase& row : rows) {
    VariableSet set;
    set.set_value("X", row.value, false, true);
    const Evaluation result = evaluate("#{X" + std::string(row.filters) + "}", set, options);
    if (row.expected == kFails) {
      EXPECT_FALSE(result.ok()) << row.filters << " of " << row.value << " gave " << result.text;
    } else {
      EXPECT_EQ(result.text, row.expected) << row.filters << " of " << row.value;
      EXPECT_TRUE(result.ok()) << row.filters << ": " << result.error_text();
    }
  }
}

TEST(Filters, Text) {
  check_filters({{" | ToLower", "ÄBC Ж", "äbc ж"},
                 {" | toupper", "äbc ж", "ÄBC Ж"},
                 {" | ToLower x", "A", kFails},
                 {" | Trim", " a ", "a"},
                 {" | Trim start", " a ", "a "},
                 {" | Trim end", " a ", " a"},
                 {" | Trim middle", " a ", kFails},
                 {" | Substring 3", "Octopus", "Oct"},
                 {" | Substring 2 3", "Octopus", "top"},
                 {" | Substring 5 99", "Octopus", "us"},
                 {" | Substring 9 1", "Octopus", kFails},
                 {" | Substring -1", "Octopus", kFails},
                 {" | Substring 1 1", "äöü", "ö"},
                 {" | Truncate 3", "Octopus", "Oct..."},
                 {" | Truncate 3 \"\"", "Octopus", "Oct"},
                 {" | Truncate 30", "Octopus", "Octopus"},
                 {" | Replace a b", "banana", "bbnbnb"},
                 {" | Replace a", "banana", "bnn"},
                 {" | Replace \"(a)(n)\" \"$2$1\"", "banana", "bnanaa"},
                 {" | Replace \"(?<x>n)\" \"<${x}>\"", "an", "a<n>"},
                 {" | Replace \"a*\" \"-\"", "baac", "-b--c-"},
                 {" | Replace \"[\" b", "x", kFails},
                 {" | Replace \"(?=a)\" b", "x", kFails},
                 {" | Match \"^b.*a$\"", "banana", "true"},
                 {" | Match x", "banana", "false"},
                 {" | StartsWith ba", "banana", "true"},
                 {" | EndsWith NA", "banana", "false"},
                 {" | Contains nan", "banana", "true"},
                 {" | Append 1 2", "x", "x12"},
                 {" | Prepend 1 2", "x", "12x"},
                 {" | Append", "x", kFails},
                 {" | Indent", "a\nb", "    a\n    b"},
                 {" | Indent 2", "a\nb", "  a\n  b"},
                 {" | Indent /2", "a\nb", "a\n  b"},
                 {" | Indent 1/2", "a\nb", " a\n  b"},
                 {" | Indent 256", "a\nb", "256a\n256b"},
                 {" | Indent \"> \"", "a\nb", "> a\n> b"},
                 {" | Indent - \"+\"", "a\nb", "-a\n+b"},
                 {" | Indent a b c", "a", kFails},
                 {" | Indent", "", ""}});
  VariableSet none;
  EXPECT_EQ(evaluate("#{Nothing | Append x}", none).text, "x");
  EXPECT_EQ(evaluate("#{ | Append x y}", none).text, "xy");
}

TEST(Filters, Escapes) {
  check_filters({{" | HtmlEscape", "<a href='/x'>\"&", "&lt;a href=&apos;&#x2F;x&apos;&gt;&quot;&amp;"},
                 {" | XmlEscape", "</a>", "&lt;/a&gt;"},
                 {" | JsonEscape", "a\"b\\c\r\n\t/", "a\\\"b\\\\c\\r\\n\\t/"},
                 {" | YamlSingleQuoteEscape", "it's\na\r\nb\n\nc", "it''s\n\na\r\n\r\nb\n\n\nc"},
                 {" | YamlDoubleQuoteEscape", "a\"\\\r\n\tä😀\x01", "a\\\"\\\\\\r\\n\\t\\u00e4\\ud83d\\ude00\\u0001"},
                 {" | PropertiesKeyEscape", " a b:c=d\\\n", "\\ a\\ b\\:c\\=d\\\\\\n"},
                 {" | PropertiesValueEscape", " a b:c", "\\ a b:c"},
                 {" | PropertiesValueEscape", "äÿ", "ä\\u00ff"},
                 {" | UriEscape", "https://a/b c?d=é", "https://a/b%20c?d=%C3%A9"},
                 {" | UriDataEscape", "a/b c?", "a%2Fb%20c%3F"}});
}

TEST(Filters, UriParts) {
  constexpr std::string_view kUri = "https://me:pw@Example.com:8443/a/b?c=d#e";
  check_filters(
      {{" | UriPart Host", kUri, "example.com"},
       {" | UriPart port", kUri, "8443"},
       {" | UriPart Authority", kUri, "example.com:8443"},
       {" | UriPart AbsolutePath", kUri, "/a/b"},
       {" | UriPart PathAndQuery", kUri, "/a/b?c=d"},
       {" | UriPart Query", kUri, "?c=d"},
       {" | UriPart Fragment", kUri, "#e"},
       {" | UriPart Scheme", kUri, "https"},
       {" | UriPart SchemeAndServer", kUri, "https://example.com:8443"},
       {" | UriPart UserInfo", kUri, "me:pw"},
       {" | UriPart IsDefaultPort", "http://a/", "True"},
       {" | UriPart HostNameType", "http://10.0.0.1/", "IPv4"},
       {" | UriPart HostAndPort", "http://a/", "a:80"},
       {" | UriPart IsAbsoluteUri", "a/b", "False"},
       {" | UriPart Host", "a/b", "[UriPart Host error: This operation is not supported for a relative URI.]"},
       {" | UriPart Nope", kUri, "[UriPart Nope error: argument 'Nope' not supported]"},
       {" | UriPart", kUri, "[UriPart error: no argument given]"},
       {" | UriPart Host", "http://a:99999/", "http://a:99999/"}});
}

TEST(Filters, Encodings) {
  check_filters({{" | ToBase64", "Foo Bar", "Rm9vIEJhcg=="},
                 {" | ToBase64 utf8", "ä", "w6Q="},
                 {" | ToBase64 unicode", "Foo", "RgBvAG8A"},
                 {" | ToBase64 latin1", "Foo", kFails},
                 {" | FromBase64", "Rm9vIEJhcg==", "Foo Bar"},
                 {" | FromBase64 unicode", "RgBvAG8A", "Foo"},
                 {" | FromBase64", "???", kFails},
                 {" | Md5", "abc", "900150983cd24fb0d6963f7d28e17f72"},
                 {" | Md5", "", "d41d8cd98f00b204e9800998ecf8427e"},
                 {" | Sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
                 {" | Sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                 {" | Sha384", "abc",
                  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
                 {" | Sha512 4", "abc", "ddaf35a1"},
                 {" | Sha256 2 utf8", "abc", "ba78"},
                 {" | Sha256 utf8 2", "abc", "ba78"},
                 {" | Sha256 base64 2", "YWJj", "ba78"},
                 {" | Sha256 base64", "?", kFails},
                 {" | Sha256 0", "abc", kFails},
                 {" | Sha256 rot13", "abc", kFails}});
  // More than one block, and a length that needs a block of padding alone.
  const std::string long_text(119, 'a');
  check_filters({{" | Md5", long_text, "8a7bd0732ed6a28ce75f6dabc90e1613"},
                 {" | Sha1", long_text, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"}});
}

TEST(Filters, Dates) {
  check_filters({{" | AddDays 1", "2026-02-28", "2026-03-01T00:00:00.0000000"},
                 {" | AddHours \"-1.5\"", "2026-01-01T00:00:00Z", "2025-12-31T22:30:00.0000000Z"},
                 {" | AddHours 1", "2026-01-01T00:00:00+02:00", "2026-01-01T01:00:00.0000000+02:00"},
                 {" | AddDays 99999999", "2026-02-28", kFails},
                 {" | AddDays x", "2026-02-28", kFails},
                 {" | AddDays 1", "2026-02-30", kFails},
                 {" | Format \"yyyy/MM/dd\"", "2026-01-02T03:04:05", "2026/01/02"},
                 {" | Format Date \"dddd, d MMM yy HH:mm\"", "2026-01-02 15:04", "Friday, 2 Jan 26 15:04"},
                 {" | Format DateTimeOffset \"zzz\"", "2026-01-02T15:04:05-03:30", "-03:30"},
                 {" | Format date \"hh:mm tt\"", "2026-01-02T15:04", "03:04 PM"},
                 {" | Format nonsense x", "1", kFails}});
  VariableSet none;
  EvaluateOptions options;
  options.now = Time{1'767'323'045'678'901};
  options.utc_offset_minutes = 60;
  EXPECT_EQ(evaluate("#{ | NowDateUtc}", none, options).text, "2026-01-02T03:04:05.6789010Z");
  EXPECT_EQ(evaluate("#{ | NowDate}", none, options).text, "2026-01-02T04:04:05.6789010");
  EXPECT_EQ(evaluate("#{ | NowDateUtc \"yyyy-MM-dd\"}", none, options).text, "2026-01-02");
  EXPECT_FALSE(evaluate("#{Nothing2 | AddDays 1}", none, options).ok());
}

TEST(Filters, Numbers) {
  check_filters({{" | Format N2", "1234567.891", "1,234,567.89"},
                 {" | Format F0", "2.5", "3"},
                 {" | Format F1", "-0.04", "0.0"},
                 {" | Format P1", "0.1234", "12.3 %"},
                 {" | Format C", "-5", "(¤5.00)"},
                 {" | Format int D5", "42", "00042"},
                 {" | Format int X", "255", "FF"},
                 {" | Format int N0", "1.5", kFails},
                 {" | Format \"0.00\"", "9.999", "10.00"},
                 {" | Format \\\"000.#\\\"", "5.04", "005"},
                 {" | Format \\\"000.#\\\"", "5.06", "005.1"},
                 {" | Format \"E2\"", "12345", "1.23E+004"},
                 {" | Format double \"F2\"", "1e3", "1000.00"},
                 {" | Format N2", "not a number", kFails}});
  EXPECT_EQ(evaluate("#{X | Format \"0,0\"}",
                     [] {
                       VariableSet set;
                       set.set("X", "1234567");
                       return set;
                     }())
                .text,
            "1,234,567");
}

TEST(Filters, Versions) {
  check_filters({{" | VersionMajor", "v1.2.3-beta.4+b5", "1"},
                 {" | VersionMinor", "1.2.3", "2"},
                 {" | VersionPatch", "1.2.3", "3"},
                 {" | VersionRevision", "1.2", "0"},
                 {" | VersionPreRelease", "1.2.3-beta.4+b5", "beta.4"},
                 {" | VersionPreReleasePrefix", "1.2.3-beta.4", "beta"},
                 {" | VersionPreReleaseCounter", "1.2.3-beta.4", "4"},
                 {" | VersionMetadata", "1.2.3-beta.4+b5", "b5"},
                 {" | VersionMajor", "nonsense", "0"}});
}

TEST(Filters, Chain) {
  check_filters({{" | ToUpper | Substring 2 | Append -", "octopus", "OC-"},
                 {" | ToUpper|ToLower", "Oct", "oct"},
                 {" | Nope | ToLower", "Oct", kFails}});
}

}  // namespace
}  // namespace fairlead::domain::octostache
