// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "json/type.h"
#include "json/value.h"

namespace fairlead::json {

void append_string(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string repaired;
  if (!text::is_valid_utf8(text)) {
    // Byte by byte: whatever does not begin a valid sequence becomes one U+FFFD.
    for (std::size_t at = 0; at < text.size();) {
      std::size_t length = 1;
      while (length < 4 && at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xC0) == 0x80)
        ++length;
      const std::string_view piece = text.substr(at, length);
      repaired += text::is_valid_utf8(piece) ? piece : std::string_view("\xEF\xBF\xBD");
      at += length;
    }
    text = repaired;
  }
  out += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(start, i - start));
    start = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text.substr(start));
  out += '"';
}

namespace detail {

namespace {

void write_sensitive(const void* member, Writer& writer) {
  const SensitiveValue& value = *static_cast<const SensitiveValue*>(member);
  std::string& out = writer.out();
  if (writer.mode() == Mode::store && value.new_value) {
    throw Error(Fault::bug, "a secret was about to be stored unsealed");
  }
  out += value.has_value ? "{\"HasValue\":true," : "{\"HasValue\":false,";
  if (writer.mode() == Mode::store) {
    out += "\"Sealed\":";
    append_string(out, value.sealed);
  } else {
    out += "\"NewValue\":null";
  }
  out += ",\"Hint\":";
  if (value.hint.empty()) {
    out += "null";
  } else {
    append_string(out, value.hint);
  }
  out += '}';
}

const Value* member_of(const Object& object, std::string_view name) {
  for (const auto& member : object) {
    if (text::equals_ignoring_case(member.key(), name)) return &member.value();
  }
  return nullptr;
}

void read_sensitive(const Value& value, void* member, Reader& reader) {
  SensitiveValue& sensitive = *static_cast<SensitiveValue*>(member);
  const Object* object = value.if_object();
  if (object == nullptr) {
    reader.expected("an object like {\"HasValue\":true,\"NewValue\":\"...\"}", value);
    return;
  }
  const Value* has = member_of(*object, "HasValue");
  sensitive.has_value = has != nullptr && has->is_bool() && has->get_bool();
  if (const Value* hint = member_of(*object, "Hint"); hint != nullptr && hint->is_string())
    sensitive.hint = view(hint->get_string());
  if (reader.mode() == Mode::store) {
    if (const Value* sealed = member_of(*object, "Sealed"); sealed != nullptr && sealed->is_string()) {
      sensitive.sealed = view(sealed->get_string());
    }
    return;
  }
  const Value* fresh = member_of(*object, "NewValue");
  if (fresh == nullptr || fresh->is_null()) return;
  if (!fresh->is_string()) {
    reader.inside("NewValue", [&] { reader.expected("a string", *fresh); });
    return;
  }
  sensitive.new_value = Secret(std::string(view(fresh->get_string())));
  sensitive.has_value = true;  // a value that comes with HasValue left out is meant to be set
}

void keep_sensitive(const void* stored, void* incoming) {
  SensitiveValue& to = *static_cast<SensitiveValue*>(incoming);
  if (to.keeps_stored()) to.sealed = static_cast<const SensitiveValue*>(stored)->sealed;
}

}  // namespace

void write_string(std::string_view text, Writer& writer) { append_string(writer.out(), text); }

bool read_string(const Value& value, std::string& text, Reader& reader) {
  if (!value.is_string()) {
    reader.expected("a string", value);
    return false;
  }
  text = view(value.get_string());
  return true;
}

void write_int(std::int64_t number, Writer& writer) {
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, number);
  writer.out().append(buffer, result.ptr);
}

bool read_int(const Value& value, std::int64_t& number, std::int64_t least, std::int64_t most, Reader& reader) {
  if (value.is_int64()) {
    number = value.get_int64();
  } else if (value.is_double() && std::nearbyint(value.get_double()) == value.get_double() &&
             std::abs(value.get_double()) < 9e15) {
    number = static_cast<std::int64_t>(value.get_double());
  } else {
    reader.expected("a whole number", value);
    return false;
  }
  if (number >= least && number <= most) return true;
  reader.problem(text::format("must be between {} and {}", least, most));
  return false;
}

void write_time(Time time, Writer& writer) { append_string(writer.out(), iso8601(time)); }

void read_time(const Value& value, Time& time, Reader& reader) {
  std::string text;
  if (!read_string(value, text, reader)) return;
  const std::optional<Time> parsed = parse_iso8601(text);
  if (!parsed) {
    reader.problem(text::format("must be a time such as 2026-01-02T03:04:05Z, but is \"{}\"", text::shorten(text, 60)));
    return;
  }
  time = *parsed;
}

int read_enum(const Value& value, const EnumNames& names, Reader& reader) {
  std::string text;
  if (!read_string(value, text, reader)) return -1;
  for (std::size_t i = 0; i < names.names.size(); ++i) {
    if (text::equals_ignoring_case(names.names[i], text)) return static_cast<int>(i);
  }
  std::string allowed;
  for (const std::string_view name : names.names) allowed += (allowed.empty() ? "" : ", ") + std::string(name);
  reader.problem(text::format("must be one of {}, but is \"{}\"", allowed, text::shorten(text, 60)));
  return -1;
}

std::size_t array_size(const Value& value, Reader& reader) {
  const Array* array = value.if_array();
  if (array != nullptr) return array->size();
  reader.expected("an array", value);
  return 0;
}

const Value& array_at(const Value& value, std::size_t index) { return value.get_array()[index]; }

void each_member(const Value& value, Reader& reader, MemberVisitor visit, void* context) {
  const Object* object = value.if_object();
  if (object == nullptr) {
    reader.expected("an object", value);
    return;
  }
  for (const auto& member : *object) visit(member.key(), member.value(), context);
}

bool is_null(const Value& value) { return value.is_null(); }

std::string index_part(std::size_t index) { return text::format("[{}]", index); }

std::string identity_of(const Type& type, const void* object) {
  for (const std::string_view name : {"Id", "Name"}) {
    const Field* field = type.find(name);
    if (field == nullptr || field->codec->each_string == nullptr) continue;
    std::string identity;
    field->codec->each_string(
        field->in(object), [](std::string_view text, void* out) { *static_cast<std::string*>(out) = text; }, &identity);
    if (!identity.empty()) return identity;
  }
  return {};
}

const Codec& bool_codec() {
  static const Codec codec{Codec::Kind::boolean,
                           [](const void* m, Writer& w) { w.out() += *static_cast<const bool*>(m) ? "true" : "false"; },
                           [](const Value& v, void* m, Reader& r) {
                             if (v.is_bool()) {
                               *static_cast<bool*>(m) = v.get_bool();
                             } else {
                               r.expected("true or false", v);
                             }
                           },
                           [](const void*) { return false; }, copy_member<bool>};
  return codec;
}

const Codec& double_codec() {
  static const Codec codec{
      Codec::Kind::number,
      [](const void* m, Writer& w) { w.out() += text::format("{}", *static_cast<const double*>(m)); },
      [](const Value& v, void* m, Reader& r) {
        if (v.is_number()) {
          *static_cast<double*>(m) = v.to_number<double>();
        } else {
          r.expected("a number", v);
        }
      },
      [](const void*) { return false; }, copy_member<double>};
  return codec;
}

const Codec& time_codec() {
  static const Codec codec{Codec::Kind::time,
                           [](const void* m, Writer& w) { write_time(*static_cast<const Time*>(m), w); },
                           [](const Value& v, void* m, Reader& r) { read_time(v, *static_cast<Time*>(m), r); },
                           [](const void* m) { return static_cast<const Time*>(m)->us == 0; }, copy_member<Time>};
  return codec;
}

const Codec& raw_codec() {
  static const Codec codec{Codec::Kind::raw,
                           [](const void* m, Writer& w) {
                             const std::string& text = static_cast<const Raw*>(m)->text;
                             w.out() += text.empty() ? "null" : text;
                           },
                           [](const Value& v, void* m, Reader&) { static_cast<Raw*>(m)->text = text_of(v); },
                           [](const void* m) { return static_cast<const Raw*>(m)->text.empty(); }, copy_member<Raw>};
  return codec;
}

const Codec& sensitive_codec() {
  static const Codec codec{Codec::Kind::sensitive,
                           write_sensitive,
                           read_sensitive,
                           [](const void* m) { return !static_cast<const SensitiveValue*>(m)->has_value; },
                           copy_member<SensitiveValue>,
                           keep_sensitive};
  return codec;
}

const Codec& property_codec() {
  static const Codec codec{
      Codec::Kind::property,
      [](const void* m, Writer& w) {
        const PropertyValue& value = *static_cast<const PropertyValue*>(m);
        if (value.sensitive) {
          write_sensitive(&*value.sensitive, w);
        } else {
          write_string(value.text, w);
        }
      },
      [](const Value& v, void* m, Reader& r) {
        PropertyValue& value = *static_cast<PropertyValue*>(m);
        if (v.is_object()) {
          read_sensitive(v, &value.sensitive.emplace(), r);
        } else if (v.is_string()) {
          value.text = view(v.get_string());
        } else if (v.is_bool()) {
          value.text = v.get_bool() ? "True" : "False";  // clients of some languages send scalars as they are
        } else if (v.is_number()) {
          value.text = text_of(v);
        } else if (!v.is_null()) {
          r.expected("a string or a sensitive value", v);
        }
      },
      [](const void* m) {
        const PropertyValue& value = *static_cast<const PropertyValue*>(m);
        return value.text.empty() && !value.sensitive;
      },
      copy_member<PropertyValue>,
      [](const void* stored, void* incoming) {
        const PropertyValue& from = *static_cast<const PropertyValue*>(stored);
        PropertyValue& to = *static_cast<PropertyValue*>(incoming);
        if (from.sensitive && to.sensitive) keep_sensitive(&*from.sensitive, &*to.sensitive);
      }};
  return codec;
}

}  // namespace detail

}  // namespace fairlead::json
