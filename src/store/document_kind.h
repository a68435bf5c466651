// SPDX-License-Identifier: Apache-2.0
// What the store derives from one type table: columns, references, places of the special fields. Internal to documents.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/type.h"
#include "store/documents.h"
#include "store/sql_text.h"

namespace fairlead::store {

// A field with a column. Unique text fields have a second column with the folded text, which comparisons and the index
// use.
struct DocumentColumn {
  const json::Field* field;
  std::string name;    // f_projectid
  std::string folded;  // k_name; empty where not unique
  bool is_text;
  bool is_indexed;  // by itself
};

class Documents::Kind {
 public:
  static constexpr std::size_t kRememberedDocuments = 256;
  using Make = std::shared_ptr<void> (*)();
  Kind(const json::Type& type, const DocumentOptions& options, Make make);

  const json::Type& type() const { return type_; }
  const std::string& table() const { return table_; }    // doc_project
  const std::string& name() const { return name_; }      // project: owner_kind of references
  const std::string& prefix() const { return prefix_; }  // Projects
  const std::string& noun() const { return noun_; }
  bool history() const { return history_; }
  bool publishes() const { return publishes_; }
  std::int64_t first_number() const { return first_number_; }
  const std::vector<DocumentColumn>& columns() const { return columns_; }
  const DocumentColumn* column(std::string_view wire_name) const;
  const DocumentColumn* unique_within() const { return unique_within_.empty() ? nullptr : column(unique_within_); }
  const std::vector<std::string>& reference_fields() const { return reference_fields_; }
  // Columns of the indexes over several fields.
  const std::vector<std::vector<std::string>>& indexes() const { return indexes_; }
  const json::Field* version_field() const { return version_field_; }
  std::shared_ptr<void> make() const { return make_(); }
  Decoded& decoded() const { return decoded_; }

  std::string id_of(const void* document) const;
  void set_id(void* document, std::string_view id) const;
  std::string space_of(const void* document) const;
  void set_version(void* document, std::int64_t version) const;
  // N of "Projects-N"; 0 for ids of another form.
  std::int64_t number_of(std::string_view id) const;
  // The values of all columns, in the order of columns(), a folded one after its plain one.
  std::vector<SqlOperand> column_values(const void* document) const;
  std::vector<std::string> column_names() const;
  SqlOperand value_of(const DocumentColumn& column, const void* document) const;
  // (field path, target) of every reference; empty ids left out.
  std::set<std::pair<std::string, std::string>> references_of(const void* document) const;
  std::string order_by(const Query& query) const;

 private:
  const json::Type& type_;
  const std::string name_;
  const std::string table_;
  const std::string prefix_;
  const std::string noun_;
  const std::string sort_;
  const std::string unique_within_;
  const std::int64_t first_number_;
  const bool history_;
  const bool publishes_;
  const Make make_;
  mutable Decoded decoded_{kRememberedDocuments};
  const json::Field* id_field_ = nullptr;
  const json::Field* space_field_ = nullptr;
  const json::Field* version_field_ = nullptr;
  std::vector<DocumentColumn> columns_;
  std::vector<std::string> reference_fields_;
  std::vector<std::vector<std::string>> indexes_;
};

// What may hold a secret inside an object, however deep: sensitive values, and JSON text that was kept without being
// understood.
struct SecretVisitor {
  std::function<void(json::SensitiveValue& value)> sensitive;
  std::function<void(std::string& json_text)> free_form;
};
void each_secret(const json::Type& type, void* object, const SecretVisitor& visitor);

}  // namespace fairlead::store
