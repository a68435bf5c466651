// SPDX-License-Identifier: Apache-2.0
// Rules: resolve() of go-yaml v2 (YAML 1.1 core without base 60), written down here as tables and small matchers.
#include "kube/yaml_scalar.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/text.h"

namespace fairlead::kube {

namespace {

constexpr std::string_view kCoreTags = "tag:yaml.org,2002:";

struct Word {
  std::string_view text;
  int value;  // 1 true, 0 false, 2 null, 3 not a number, 4 and 5 the infinities
};
constexpr std::array kWords = {Word{"y", 1},     Word{"Y", 1},     Word{"yes", 1},   Word{"Yes", 1},   Word{"YES", 1},
                               Word{"true", 1},  Word{"True", 1},  Word{"TRUE", 1},  Word{"on", 1},    Word{"On", 1},
                               Word{"ON", 1},    Word{"n", 0},     Word{"N", 0},     Word{"no", 0},    Word{"No", 0},
                               Word{"NO", 0},    Word{"false", 0}, Word{"False", 0}, Word{"FALSE", 0}, Word{"off", 0},
                               Word{"Off", 0},   Word{"OFF", 0},   Word{"", 2},      Word{"~", 2},     Word{"null", 2},
                               Word{"Null", 2},  Word{"NULL", 2},  Word{".nan", 3},  Word{".NaN", 3},  Word{".NAN", 3},
                               Word{".inf", 4},  Word{".Inf", 4},  Word{".INF", 4},  Word{"+.inf", 4}, Word{"+.Inf", 4},
                               Word{"+.INF", 4}, Word{"-.inf", 5}, Word{"-.Inf", 5}, Word{"-.INF", 5}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (at + count < text.size() && is_digit(text[at + count])) ++count;
  return count;
}

// Year with four digits and a hyphen, then month and day of one or two digits, then optionally a time: the four layouts
// that go-yaml takes for a timestamp. They all stay text, but must not be read as numbers; "2001-13-01" is text as
// well, so looking at the shape is enough: whatever begins with four digits and a hyphen can be no number either.
bool may_be_timestamp(std::string_view text) { return digits_at(text, 0) == 4 && text.size() > 4 && text[4] == '-'; }

// Go's strconv.ParseInt(text, 0, 64) without underscores: sign, then 0x, 0b, 0o, a leading 0 for octal, or decimal.
struct Magnitude {
  bool negative = false;
  bool signed_text = false;
  std::uint64_t value = 0;
};
std::optional<Magnitude> parse_magnitude(std::string_view text) {
  Magnitude result;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    result.negative = text[0] == '-';
    result.signed_text = true;
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && !is_digit(text[1])) {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : mark == 'o' ? 8 : 0;
    if (base == 0) return std::nullopt;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result.value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return result;
}

// ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$
bool looks_like_float(std::string_view text) {
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  const std::size_t whole = digits_at(text, at);
  at += whole;
  std::size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    fraction = digits_at(text, ++at);
    at += fraction;
  }
  if (whole == 0 && fraction == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t exponent = digits_at(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

std::optional<double> parse_float(std::string_view text) {
  if (!looks_like_float(text)) return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too small reads as zero, too large is no number at all; from_chars says only "out of range".
    const std::size_t mark = text.find_first_of("eE");
    const bool tiny = mark != std::string_view::npos && mark + 1 < text.size() && text[mark + 1] == '-';
    return tiny ? std::optional<double>(0.0) : std::nullopt;
  }
  return value;
}

// A number as Go's encoding/json prints it and Kubernetes reads it back: integral doubles are integers on the wire.
json::Value number_value(double value) {
  constexpr double kTwoTo63 = 9'223'372'036'854'775'808.0;
  if (value == std::trunc(value) && std::abs(value) < kTwoTo63) return static_cast<std::int64_t>(value);
  return value;
}

enum class Kind { text, boolean, null, integer, huge_integer, real, not_finite };

struct Resolved {
  Kind kind = Kind::text;
  bool truth = false;
  std::int64_t integer = 0;
  std::uint64_t huge = 0;
  double real = 0;
};

Resolved resolve_number(std::string_view text) {
  Resolved result;
  std::string plain;
  for (const char c : text) {
    if (c != '_') plain += c;
  }
  if (const auto magnitude = parse_magnitude(plain)) {
    constexpr std::uint64_t kEdge = std::uint64_t{1} << 63;
    if (magnitude->negative ? magnitude->value <= kEdge : magnitude->value < kEdge) {
      result.kind = Kind::integer;
      result.integer = static_cast<std::int64_t>(magnitude->negative ? ~magnitude->value + 1 : magnitude->value);
      return result;
    }
    if (!magnitude->signed_text) {
      result.kind = Kind::huge_integer;
      result.huge = magnitude->value;
      return result;
    }
  }
  if (const auto real = parse_float(plain)) {
    result.kind = Kind::real;
    result.real = *real;
  }
  return result;
}

Resolved resolve_plain(std::string_view text) {
  Resolved result;
  for (const Word& word : kWords) {
    if (word.text != text) continue;
    result.kind = word.value <= 1 ? Kind::boolean : word.value == 2 ? Kind::null : Kind::not_finite;
    result.truth = word.value == 1;
    result.real = word.value == 5 ? -INFINITY : word.value == 4 ? INFINITY : NAN;
    return result;
  }
  const char first = text[0];
  if (first == '.') {
    // Here underscores count only between digits.
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool separator = text[i] == '_' && i + 1 < text.size() && is_digit(text[i - 1]) && is_digit(text[i + 1]);
      if (!separator) plain += text[i];
    }
    if (const auto real = parse_float(plain)) {
      result.kind = Kind::real;
      result.real = *real;
    }
  } else if (is_digit(first) || first == '+' || first == '-') {
    if (!may_be_timestamp(text)) return resolve_number(text);
  }
  return result;
}

std::string_view tag_of(Kind kind) {
  switch (kind) {
    case Kind::text: return "str";
    case Kind::boolean: return "bool";
    case Kind::null: return "null";
    case Kind::integer:
    case Kind::huge_integer: return "int";
    case Kind::real:
    case Kind::not_finite: return "float";
  }
  return "str";
}

Resolved resolve_tagged(const YamlScalar& scalar) {
  if (scalar.tag.empty() || scalar.tag == "!")
    return scalar.plain && scalar.tag.empty() ? resolve_plain(scalar.text) : Resolved{};
  if (!scalar.tag.starts_with(kCoreTags)) return Resolved{};  // a foreign tag says nothing to JSON
  const std::string_view wanted = scalar.tag.substr(kCoreTags.size());
  if (wanted == "str" || wanted == "timestamp" || wanted == "binary") return Resolved{};
  if (wanted != "bool" && wanted != "int" && wanted != "float" && wanted != "null") return Resolved{};
  Resolved resolved = resolve_plain(scalar.text);
  const std::string_view got = tag_of(resolved.kind);
  if (got == wanted) return resolved;
  if (wanted == "float" && resolved.kind == Kind::integer) {
    resolved.kind = Kind::real;
    resolved.real = static_cast<double>(resolved.integer);
    return resolved;
  }
  throw text::format("cannot read `{}` as !!{}", text::shorten(scalar.text, 60), wanted);
}

// As sigs.k8s.io/yaml writes keys, which is Go's strconv.FormatFloat(value, 'g', -1, 32) and YAML's words for the rest:
// the shortest digits, with an exponent below 1e-4 and from 1e6 on.
std::string float_key(float value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  std::array<char, 64> buffer{};
  const auto scientific =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string text(buffer.data(), scientific.ptr);
  const std::size_t mark = text.find('e');
  int exponent = 0;
  const char* number = text.data() + mark + 1;
  std::from_chars(*number == '+' ? number + 1 : number, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 6) return text;
  const auto fixed = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return {buffer.data(), fixed.ptr};
}

std::string text_of_scalar(const YamlScalar& scalar) {
  if (scalar.tag != "tag:yaml.org,2002:binary") return std::string(scalar.text);
  const auto bytes = parse_base64(scalar.text);
  if (!bytes) throw std::string("!!binary holds text that is not base64");
  if (!text::is_valid_utf8(*bytes))
    throw std::string("!!binary holds bytes that are not text: use a Secret's or ConfigMap's base64 form");
  return *bytes;
}

}  // namespace

json::Value resolve_scalar(const YamlScalar& scalar) {
  const Resolved resolved = resolve_tagged(scalar);
  switch (resolved.kind) {
    case Kind::text: return json::Value(text_of_scalar(scalar));
    case Kind::boolean: return resolved.truth;
    case Kind::null: return nullptr;
    case Kind::integer: return resolved.integer;
    case Kind::huge_integer: return resolved.huge;
    case Kind::real: return number_value(resolved.real);
    case Kind::not_finite: break;
  }
  throw text::format("`{}` has no JSON form: quote it when it is meant as text", scalar.text);
}

std::string resolve_key(const YamlScalar& scalar) {
  const Resolved resolved = resolve_tagged(scalar);
  switch (resolved.kind) {
    case Kind::text: return text_of_scalar(scalar);
    case Kind::boolean: return resolved.truth ? "true" : "false";
    case Kind::integer: return std::to_string(resolved.integer);
    case Kind::real: return float_key(static_cast<float>(resolved.real));
    case Kind::not_finite: return std::isnan(resolved.real) ? ".nan" : resolved.real > 0 ? ".inf" : "-.inf";
    case Kind::null:
    case Kind::huge_integer: break;
  }
  throw text::format("`{}` cannot be a key: quote it when it is meant as text", scalar.text);
}

bool is_merge_key(const YamlScalar& scalar) {
  return scalar.text == "<<" && ((scalar.plain && scalar.tag.empty()) || scalar.tag == "tag:yaml.org,2002:merge");
}

}  // namespace fairlead::kube
