// SPDX-License-Identifier: Apache-2.0
// Type tables. Each struct that crosses a boundary (wire, database) has one table: wire name, member, codec, flags. The
// same table drives JSON both ways, validation messages, the store's index columns and references, secrets and audit
// differences.
//
//   struct Project { Id<Project> id; std::string name; std::vector<std::string> tags; json::Extra extra; };
//   const json::Type& type_of(json::Tag<Project>) {
//     static const json::Type type = json::Type::of<Project>("Project")
//         .field("Id", &Project::id, json::read_only)
//         .field("Name", &Project::name, json::required | json::unique_in_space)
//         .field("ProjectTags", &Project::tags)
//         .extra(&Project::extra);
//     return type;
//   }
//
// Tables are immutable after construction; everything here is thread-safe. This header does not include Boost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "json/sensitive.h"

namespace boost::json {
class value;
}

namespace fairlead::json {

// Wire rules of a field; combine with |.
using Flags = unsigned;
constexpr Flags plain = 0;
constexpr Flags required = 1u << 0;         // absent, null or empty input is an error
constexpr Flags read_only = 1u << 1;        // input is ignored; an update keeps the stored value
constexpr Flags create_only = 1u << 2;      // input is taken on create, ignored on update
constexpr Flags indexed = 1u << 3;          // the store keeps a column for it (strings, ids, numbers, booleans, times)
constexpr Flags unique_in_space = 1u << 4;  // implies indexed; compared without case
constexpr Flags null_when_empty = 1u << 5;  // an empty value is written as null
constexpr Flags omit_when_empty = 1u << 6;  // an empty value is not written at all
constexpr Flags refers = 1u << 7;  // an id (or a list or map of ids) of another document: kept in the reference table
constexpr Flags stored_only = 1u << 8;  // in the database, never on the wire (password hashes, counters)
constexpr Flags wire_only = 1u << 9;    // on the wire, never in the database
constexpr Flags column = 1u << 10;      // as indexed, without an index: a condition beside others that have one

enum class Mode { wire, store };

class Type;
class Writer;
class Reader;

template <class T>
struct Tag {};

// Unknown members, kept as JSON text and written back in their order.
struct Extra {
  std::vector<std::pair<std::string, std::string>> members;
  bool operator==(const Extra&) const = default;
};

// Any JSON value, kept as its text; empty means absent (written as null).
struct Raw {
  std::string text;
  bool operator==(const Raw&) const = default;
};

// How one C++ member type meets JSON: one object per member type, compiled once.
struct Codec {
  enum class Kind { string, integer, number, boolean, time, object, array, map, sensitive, property, raw };
  Kind kind;
  void (*write)(const void* member, Writer& writer);
  void (*read)(const boost::json::value& value, void* member, Reader& reader);
  bool (*empty)(const void* member);
  void (*copy)(const void* from, void* to);
  // Takes over sealed secrets that `incoming` asks to keep (HasValue without NewValue).
  void (*keep_secrets)(const void* stored, void* incoming) = nullptr;
  // Calls `visit` for every string inside: the ids of a reference field.
  void (*each_string)(const void* member, void (*visit)(std::string_view, void*), void* context) = nullptr;
  const Type* (*nested)() = nullptr;  // objects, and arrays or maps of objects
  // Optionals, arrays and maps: calls `visit` for every element with the element's codec.
  void (*each_element)(void* member, void (*visit)(const Codec& codec, void* element, void* context),
                       void* context) = nullptr;
};

struct Field {
  std::string_view name;
  const Codec* codec;
  std::size_t offset;
  Flags flags;
  bool has(Flags flag) const { return (flags & flag) != 0; }
  const void* in(const void* object) const { return static_cast<const char*>(object) + offset; }
  void* in(void* object) const { return static_cast<char*>(object) + offset; }
};

template <class M>
const Codec& codec_for();

class Type {
 public:
  template <class T>
  class Builder;
  template <class T>
  static Builder<T> of(std::string_view name) {
    return Builder<T>(name);
  }

  std::string_view name() const { return name_; }
  const std::vector<Field>& fields() const { return fields_; }
  const Field* find(std::string_view wire_name) const;  // without case
  const Extra* extra_of(const void* object) const;
  Extra* extra_of(void* object) const;

 private:
  friend class Writer;
  friend class Reader;
  std::string_view name_;
  std::vector<Field> fields_;
  std::optional<std::size_t> extra_offset_;
};

template <class T>
class Type::Builder {
 public:
  explicit Builder(std::string_view name) { type_.name_ = name; }
  template <class M>
  Builder&& field(std::string_view name, M T::* member, Flags flags = plain) && {
    type_.fields_.push_back({name, &codec_for<M>(), offset_of(member), flags});
    return std::move(*this);
  }
  Builder&& extra(Extra T::* member) && {
    type_.extra_offset_ = offset_of(member);
    return std::move(*this);
  }
  operator Type() && { return std::move(type_); }  // NOLINT: the end of the expression

 private:
  template <class M>
  static std::size_t offset_of(M T::* member) {
    static const T instance{};
    return static_cast<std::size_t>(reinterpret_cast<const char*>(&(instance.*member)) -
                                    reinterpret_cast<const char*>(&instance));
  }
  Type type_;
};

// Enums cross as names. A table of them: `const json::EnumNames& names_of(json::Tag<Color>)`, index = enumerator.
struct EnumNames {
  std::string_view type_name;
  std::vector<std::string_view> names;
};

// --- JSON text --------------------------------------------------------------------------------------------------

// Appends the object. In wire mode secrets appear as {"HasValue":..} only; in store mode as their sealed text.
void encode_into(const Type& type, const void* object, Mode mode, std::string& out);
// Reads `text` into a default-constructed object. Wire mode: names match without case, unknown members go to Extra or
// are ignored, read-only and stored-only fields are skipped, all problems are collected into one Error(invalid) whose
// details carry JSON paths. Store mode: exact, and a problem is a bug.
void decode_into(const Type& type, std::string_view text, Mode mode, void* object);
void decode_into(const Type& type, const boost::json::value& value, Mode mode, void* object,
                 std::string_view path = {});
// Throws the same collected Error when a required field is empty.
void check_required(const Type& type, const void* object);
// After decoding an update: takes read-only, create-only and kept secrets over from the stored object.
void keep_from_stored(const Type& type, const void* stored, void* incoming);

template <class T>
std::string encode(const T& object, Mode mode = Mode::wire) {
  std::string out;
  encode_into(type_of(Tag<T>{}), &object, mode, out);
  return out;
}
template <class T>
T decode(std::string_view text, Mode mode = Mode::wire) {
  T object{};
  decode_into(type_of(Tag<T>{}), text, mode, &object);
  return object;
}
template <class T>
T decode_value(const boost::json::value& value, Mode mode = Mode::wire, std::string_view path = {}) {
  T object{};
  decode_into(type_of(Tag<T>{}), value, mode, &object, path);
  return object;
}

// JSON text of a string with quotes and escapes (RFC 8259; invalid UTF-8 becomes U+FFFD).
void append_string(std::string& out, std::string_view text);

}  // namespace fairlead::json

#include "json/codecs.h"
