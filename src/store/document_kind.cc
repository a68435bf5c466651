// SPDX-License-Identifier: Apache-2.0
#include "store/document_kind.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "json/value.h"

namespace fairlead::store {

namespace {

using json::Codec;
using json::Field;

// How deep type tables may nest. Deeper ones would be recursive, which no document is.
constexpr int kMaxTypeDepth = 16;

Error table_error(const json::Type& type, std::string_view text) {
  return Error(Fault::bug, text::format("the type table of {} cannot be stored: {}", type.name(), text));
}

void collect_text(std::string_view text, void* out) { static_cast<std::vector<std::string>*>(out)->emplace_back(text); }

std::vector<std::string> strings_in(const Field& field, const void* object) {
  std::vector<std::string> strings;
  field.codec->each_string(field.in(object), collect_text, &strings);
  return strings;
}

std::string single_string(const Field& field, const void* object) {
  std::vector<std::string> strings = strings_in(field, object);
  return strings.empty() ? std::string() : std::move(strings.front());
}

// Visits values of one object depth first. A visitor returns nothing; containers and nested objects are opened by the
// walk.
struct Walk {
  std::function<void(const Codec& codec, void* member)> leaf;
  std::function<void(const Field& field, void* object, const std::string& path)> field;
  std::function<void(const json::Type& type, void* object)> opened;

  void object(const json::Type& type, void* value, const std::string& path, int depth) {
    if (depth > kMaxTypeDepth) throw table_error(type, "it is nested too deeply");
    if (opened) opened(type, value);
    for (const Field& each : type.fields()) {
      const std::string here = path.empty() ? std::string(each.name) : text::format("{}.{}", path, each.name);
      if (field) field(each, value, here);
      member(*each.codec, each.in(value), here, depth);
    }
  }
  void member(const Codec& codec, void* value, const std::string& path, int depth) {
    if (codec.each_element != nullptr) {
      struct Context {
        Walk& walk;
        const std::string& path;
        int depth;
      } context{*this, path, depth};
      codec.each_element(
          value,
          [](const Codec& element_codec, void* element, void* raw) {
            Context& c = *static_cast<Context*>(raw);
            c.walk.member(element_codec, element, c.path, c.depth);
          },
          &context);
    } else if (codec.kind == Codec::Kind::object) {
      object(*codec.nested(), value, path, depth + 1);
    } else if (leaf) {
      leaf(codec, value);
    }
  }
};

void collect_reference_fields(const json::Type& type, const std::string& path, int depth,
                              std::vector<std::string>& found) {
  if (depth > kMaxTypeDepth) throw table_error(type, "it is nested too deeply");
  for (const Field& field : type.fields()) {
    const std::string here = path.empty() ? std::string(field.name) : text::format("{}.{}", path, field.name);
    if (field.has(json::refers)) {
      if (field.codec->each_string == nullptr)
        throw table_error(type, text::format("{} refers, but holds no ids", here));
      found.push_back(here);
    }
    if (field.codec->nested != nullptr) collect_reference_fields(*field.codec->nested(), here, depth + 1, found);
  }
}

bool is_number(Codec::Kind kind) {
  return kind == Codec::Kind::integer || kind == Codec::Kind::boolean || kind == Codec::Kind::time;
}

}  // namespace

Documents::Kind::Kind(const json::Type& type, const DocumentOptions& options, Make make)
    : type_(type),
      name_(options.table),
      table_("doc_" + std::string(options.table)),
      prefix_(options.id_prefix),
      noun_(options.noun),
      sort_(options.sort),
      unique_within_(options.unique_within),
      first_number_(options.first_number),
      history_(options.history),
      publishes_(options.publish),
      make_(make) {
  id_field_ = type.find("Id");
  if (id_field_ == nullptr || id_field_->codec->each_string == nullptr) throw table_error(type, "it has no field Id");
  if (options.space_scoped) {
    space_field_ = type.find("SpaceId");
    if (space_field_ == nullptr) throw table_error(type, "it has no field SpaceId");
  }
  const Field* version = type.find("Version");
  if (version != nullptr && version->codec->kind == Codec::Kind::integer && version->codec->each_element == nullptr) {
    version_field_ = version;
  }
  for (const Field& field : type.fields()) {
    if (!field.has(json::indexed | json::column | json::unique_in_space) || &field == id_field_) continue;
    const bool is_text = field.codec->kind == Codec::Kind::string;
    if (!is_text && !is_number(field.codec->kind))
      throw table_error(type, text::format("{} cannot be indexed", field.name));
    const std::string name = text::lower(field.name);
    const bool unique = field.has(json::unique_in_space);
    if (unique && !is_text) throw table_error(type, text::format("{} is unique, but is no text", field.name));
    columns_.push_back({&field, "f_" + name, unique ? "k_" + name : "", is_text, field.has(json::indexed)});
  }
  collect_reference_fields(type, {}, 0, reference_fields_);
  if (!unique_within_.empty() && column(unique_within_) == nullptr) {
    throw table_error(type, text::format("{} must be indexed, because names are unique within it", unique_within_));
  }
  for (const std::vector<std::string_view>& fields : options.indexes) {
    std::vector<std::string>& names = indexes_.emplace_back();
    for (const std::string_view field : fields) {
      const DocumentColumn* found = column(field);
      if (space_field_ != nullptr && field == "SpaceId") {
        names.emplace_back("space");
        continue;
      }
      if (found == nullptr) throw table_error(type, text::format("{} has no column to be part of an index", field));
      names.push_back(found->name);
    }
  }
  if (sort_ != "Name" && sort_ != "Id" && column(sort_) == nullptr) {
    throw table_error(type, text::format("{} must be indexed to sort by it", sort_));
  }
}

const DocumentColumn* Documents::Kind::column(std::string_view wire_name) const {
  for (const DocumentColumn& column : columns_) {
    if (text::equals_ignoring_case(column.field->name, wire_name)) return &column;
  }
  return nullptr;
}

std::string Documents::Kind::id_of(const void* document) const { return single_string(*id_field_, document); }

void Documents::Kind::set_id(void* document, std::string_view id) const {
  json::Reader reader(json::Mode::store, {});
  id_field_->codec->read(json::Value(std::string(id)), id_field_->in(document), reader);
}

std::string Documents::Kind::space_of(const void* document) const {
  return space_field_ == nullptr ? std::string() : single_string(*space_field_, document);
}

void Documents::Kind::set_version(void* document, std::int64_t version) const {
  if (version_field_ == nullptr) return;
  json::Reader reader(json::Mode::store, {});
  version_field_->codec->read(json::Value(version), version_field_->in(document), reader);
}

std::int64_t Documents::Kind::number_of(std::string_view id) const {
  if (!id.starts_with(prefix_) || id.size() <= prefix_.size() || id[prefix_.size()] != '-') return 0;
  return std::max<std::int64_t>(0, text::parse_int(id.substr(prefix_.size() + 1)).value_or(0));
}

SqlOperand Documents::Kind::value_of(const DocumentColumn& column, const void* document) const {
  const Codec& codec = *column.field->codec;
  const void* member = column.field->in(document);
  if (codec.each_element != nullptr && codec.empty(member)) return nullptr;  // an optional without value
  if (codec.each_string != nullptr) return single_string(*column.field, document);
  // Enumerations, numbers, booleans and times have no visitor of their own, but all have a JSON text.
  std::string written;
  json::Writer writer(written, json::Mode::store);
  codec.write(member, writer);
  const json::Value value = json::parse(written, column.field->name);
  if (value.is_bool()) return std::int64_t{value.get_bool()};
  if (value.is_int64()) return value.get_int64();
  if (!value.is_string()) return nullptr;
  if (codec.kind != Codec::Kind::time) return std::string(json::view(value.get_string()));
  // Not through the text, which has milliseconds only.
  if (codec.each_element == nullptr) return static_cast<const Time*>(member)->us;
  return (*static_cast<const std::optional<Time>*>(member))->us;
}

std::vector<SqlOperand> Documents::Kind::column_values(const void* document) const {
  std::vector<SqlOperand> values;
  for (const DocumentColumn& column : columns_) {
    values.push_back(value_of(column, document));
    if (column.folded.empty()) continue;
    const std::string* text = std::get_if<std::string>(&values.back());
    // Documents without the value do not compete for it.
    values.push_back(text == nullptr || text->empty() ? SqlOperand(nullptr) : SqlOperand(text::lower(*text)));
  }
  return values;
}

std::vector<std::string> Documents::Kind::column_names() const {
  std::vector<std::string> names;
  for (const DocumentColumn& column : columns_) {
    names.push_back(column.name);
    if (!column.folded.empty()) names.push_back(column.folded);
  }
  return names;
}

std::set<std::pair<std::string, std::string>> Documents::Kind::references_of(const void* document) const {
  std::set<std::pair<std::string, std::string>> found;
  if (reference_fields_.empty()) return found;
  Walk walk;
  walk.field = [&](const Field& field, void* object, const std::string& path) {
    if (!field.has(json::refers)) return;
    for (std::string& target : strings_in(field, object)) {
      if (!target.empty()) found.emplace(path, std::move(target));
    }
  };
  walk.object(type_, const_cast<void*>(document), {}, 0);  // the walk's other user writes; this one only reads
  return found;
}

std::string Documents::Kind::order_by(const Query& query) const {
  const std::string_view wanted = query.order.empty() ? std::string_view(sort_) : std::string_view(query.order);
  const std::string_view direction = query.descending ? " DESC" : "";
  const DocumentColumn* chosen = column(wanted);
  if (chosen == nullptr && !query.order.empty() && !text::equals_ignoring_case(wanted, "Id")) {
    throw Error(Fault::bug, text::format("{} of {} is not indexed, so it cannot sort", wanted, type_.name()));
  }
  if (chosen == nullptr) return text::format(" ORDER BY number{0}, id{0}", direction);
  const std::string key = !chosen->folded.empty() ? chosen->folded
                          : chosen->is_text       ? text::format("lower({})", chosen->name)
                                                  : chosen->name;
  return text::format(" ORDER BY {0}{1}, number{1}, id{1}", key, direction);
}

void each_secret(const json::Type& type, void* object, const SecretVisitor& visitor) {
  Walk walk;
  walk.leaf = [&](const Codec& codec, void* member) {
    if (codec.kind == Codec::Kind::raw) visitor.free_form(static_cast<json::Raw*>(member)->text);
    if (codec.kind == Codec::Kind::sensitive) visitor.sensitive(*static_cast<json::SensitiveValue*>(member));
    if (codec.kind != Codec::Kind::property) return;
    json::PropertyValue& property = *static_cast<json::PropertyValue*>(member);
    if (property.sensitive) visitor.sensitive(*property.sensitive);
  };
  walk.opened = [&](const json::Type& opened_type, void* opened) {
    json::Extra* extra = opened_type.extra_of(opened);
    if (extra == nullptr) return;
    for (auto& [key, json_text] : extra->members) visitor.free_form(json_text);
  };
  walk.object(type, object, {}, 0);
}

}  // namespace fairlead::store
