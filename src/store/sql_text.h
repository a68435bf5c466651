// SPDX-License-Identifier: Apache-2.0
// An SQL statement that is put together from conditions, with its operands. Only our own column names become text; what
// came from outside is always an operand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "store/store.h"

namespace fairlead::store {

using SqlOperand = std::variant<std::nullptr_t, std::string, std::int64_t>;

class SqlText {
 public:
  SqlText& add(std::string_view sql) {
    sql_ += sql;
    return *this;
  }
  SqlText& operand(SqlOperand value) {
    operands_.push_back(std::move(value));
    return *this;
  }
  // " WHERE condition" the first time, " AND condition" afterwards.
  SqlText& where(std::string_view condition) {
    sql_ += std::exchange(has_where_, true) ? " AND " : " WHERE ";
    sql_ += condition;
    return *this;
  }
  // "(?,?,?)" and the operands; "(NULL)", which nothing is in, when there are none.
  template <class Operands>
  SqlText& list(const Operands& values) {
    sql_ += '(';
    bool first = true;
    for (const auto& value : values) {
      sql_ += std::exchange(first, false) ? "?" : ",?";
      operands_.push_back(to_operand(value));
    }
    sql_ += first ? "NULL)" : ")";
    return *this;
  }
  Statement query(const Tx& tx) const {
    Statement statement = tx.query(sql_);
    for (const SqlOperand& operand : operands_) {
      std::visit([&](const auto& value) { statement.bind(Parameter(value)); }, operand);
    }
    return statement;
  }

 private:
  static SqlOperand to_operand(const std::string& value) { return value; }
  static SqlOperand to_operand(const std::variant<std::string, std::int64_t>& value) {
    return std::visit([](const auto& held) { return SqlOperand(held); }, value);
  }

  std::string sql_;
  std::vector<SqlOperand> operands_;
  bool has_where_ = false;
};

}  // namespace fairlead::store
