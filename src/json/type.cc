// SPDX-License-Identifier: Apache-2.0
#include "json/type.h"

#include "base/error.h"
#include "base/text.h"
#include "json/value.h"

namespace fairlead::json {

const Field* Type::find(std::string_view wire_name) const {
  for (const Field& field : fields_) {
    if (text::equals_ignoring_case(field.name, wire_name)) return &field;
  }
  return nullptr;
}

const Extra* Type::extra_of(const void* object) const {
  if (!extra_offset_) return nullptr;
  return reinterpret_cast<const Extra*>(static_cast<const char*>(object) + *extra_offset_);
}

Extra* Type::extra_of(void* object) const { return const_cast<Extra*>(extra_of(static_cast<const void*>(object))); }

void Writer::object(const Type& type, const void* object) {
  out_ += '{';
  bool first = true;
  const auto name = [&](std::string_view text) {
    if (!first) out_ += ',';
    first = false;
    append_string(out_, text);
    out_ += ':';
  };
  for (const Field& field : type.fields()) {
    if (field.has(mode_ == Mode::wire ? stored_only : wire_only)) continue;
    const void* member = field.in(object);
    const bool empty = field.codec->empty(member);
    if (empty && field.has(omit_when_empty)) continue;
    name(field.name);
    if (empty && field.has(null_when_empty)) {
      out_ += "null";
    } else {
      field.codec->write(member, *this);
    }
  }
  if (const Extra* extra = type.extra_of(object)) {
    for (const auto& [key, json] : extra->members) {
      name(key);
      out_ += json;
    }
  }
  out_ += '}';
}

void Reader::object(const Type& type, const Value& value, void* object) {
  const Object* members = value.if_object();
  if (members == nullptr) {
    expected("an object", value);
    return;
  }
  Extra* extra = type.extra_of(object);
  for (const auto& member : *members) {
    const std::string_view key = member.key();
    const Field* field = type.find(key);
    if (field == nullptr) {
      // "Links" is computed for every answer; clients send back what they were given.
      const bool keep = extra != nullptr && !(mode_ == Mode::wire && text::equals_ignoring_case(key, "Links"));
      if (keep) extra->members.emplace_back(std::string(key), text_of(member.value()));
      continue;
    }
    if (field->has(mode_ == Mode::wire ? (stored_only | read_only) : wire_only)) continue;
    if (member.value().is_null()) continue;  // null means the default, whatever the type
    inside(field->name, [&] { field->codec->read(member.value(), field->in(object), *this); });
  }
}

namespace {

std::string_view kind_text(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return "null";
    case boost::json::kind::bool_: return "a boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
    case boost::json::kind::double_: return "a number";
    case boost::json::kind::string: return "a string";
    case boost::json::kind::array: return "an array";
    case boost::json::kind::object: return "an object";
  }
  return "something else";
}

constexpr std::size_t kMaxProblems = 20;  // a hostile body must not make a larger answer

}  // namespace

void Reader::expected(std::string_view what, const Value& got) {
  problem(text::format("must be {}, but is {}", what, kind_text(got)));
}

void Reader::problem(std::string text) {
  if (problems_.size() < kMaxProblems) problems_.emplace_back(path_, std::move(text));
}

void Reader::throw_if_problems(std::string_view type_name) const {
  if (problems_.empty()) return;
  if (mode_ == Mode::store) {
    throw Error(Fault::bug,
                text::format("a stored {} cannot be read: {} {}", type_name, problems_[0].first, problems_[0].second));
  }
  Error error = invalid(text::format("the {} in the request is not valid", type_name));
  for (const auto& [path, text] : problems_) error.at(path, text);
  throw error;
}

void encode_into(const Type& type, const void* object, Mode mode, std::string& out) {
  Writer writer(out, mode);
  writer.object(type, object);
}

void decode_into(const Type& type, std::string_view text, Mode mode, void* object) {
  decode_into(type, parse(text, text::format("the {}", type.name())), mode, object);
}

void decode_into(const Type& type, const Value& value, Mode mode, void* object, std::string_view path) {
  Reader reader(mode, path);
  reader.object(type, value, object);
  reader.throw_if_problems(type.name());
}

void check_required(const Type& type, const void* object) {
  Reader reader(Mode::wire, {});
  for (const Field& field : type.fields()) {
    if (field.has(required) && field.codec->empty(field.in(object))) {
      reader.inside(field.name, [&] { reader.problem("is required"); });
    }
  }
  reader.throw_if_problems(type.name());
}

void keep_from_stored(const Type& type, const void* stored, void* incoming) {
  for (const Field& field : type.fields()) {
    if (field.has(read_only | create_only | stored_only)) {
      field.codec->copy(field.in(stored), field.in(incoming));
    } else if (field.codec->keep_secrets != nullptr) {
      field.codec->keep_secrets(field.in(stored), field.in(incoming));
    }
  }
}

}  // namespace fairlead::json
