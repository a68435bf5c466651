// SPDX-License-Identifier: Apache-2.0
#include "store/audit.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "json/diff.h"
#include "json/value.h"
#include "store/sql_text.h"

namespace fairlead::store {

namespace {

constexpr std::string_view kColumns =
    "number, created, category, message, user_id, username, identity, user_agent, remote_ip, space, documents, "
    "details, "
    "differences, hash";
constexpr std::size_t kMaxDifferences = 200;
constexpr std::size_t kMaxValueBytes = 4u << 10;  // of one side of one difference
constexpr std::string_view kSealedSuffix = ".Sealed";
constexpr std::string_view kSealedText = "\"sealed:";

std::string link_hash(std::string_view previous, const AuditEvent& event) {
  // Lengths in front of the parts: no two different events give the same bytes.
  std::string bytes;
  const auto part = [&](std::string_view text) { bytes += text::format("{}:{}", text.size(), text); };
  part(previous);
  part(text::format("{}", event.number));
  part(text::format("{}", event.created.us));
  for (const std::string* text :
       {&event.category, &event.message, &event.user, &event.username, &event.identity, &event.user_agent,
        &event.remote_ip, &event.space, &event.details.text, &event.differences.text}) {
    part(*text);
  }
  for (const std::string& document : event.documents) part(document);
  return sha256_hex(bytes);
}

AuditEvent audit_event_of(const Statement& row) {
  AuditEvent event;
  event.number = row.integer(0);
  event.created = row.time(1);
  event.category = row.text(2);
  event.message = row.text(3);
  event.user = row.text(4);
  event.username = row.text(5);
  event.identity = row.text(6);
  event.user_agent = row.text(7);
  event.remote_ip = row.text(8);
  event.space = row.text(9);
  if (!row.view(10).empty()) event.documents = text::split(row.view(10), '\n');
  event.details.text = row.text(11);
  event.differences.text = row.text(12);
  event.hash = row.text(13);
  return event;
}

struct Link {
  std::int64_t number = 0;
  std::string hash;
};

Link chain_end(const Tx& tx, std::string_view name) {
  Statement row = tx.query("SELECT number, hash FROM event_chain WHERE name=?", name);
  if (!row.next()) return {};
  return {row.integer(0), row.text(1)};
}

void set_chain_end(Tx& tx, std::string_view name, const Link& link) {
  tx.run(
      "INSERT INTO event_chain (name, number, hash) VALUES (?,?,?) "
      "ON CONFLICT (name) DO UPDATE SET number = excluded.number, hash = excluded.hash",
      name, link.number, link.hash);
}

void add_conditions(SqlText& sql, const AuditQuery& query) {
  if (query.space) sql.where("space = ?").operand(*query.space);
  if (!query.spaces.empty()) sql.where("space IN ").list(query.spaces);
  if (!query.users.empty()) sql.where("user_id IN ").list(query.users);
  if (!query.categories.empty()) sql.where("category IN ").list(query.categories);
  if (!query.documents_any.empty()) {
    sql.where("number IN (SELECT event FROM event_reference WHERE document IN ").list(query.documents_any).add(")");
  }
  for (const std::string& document : query.documents_all) {
    sql.where("number IN (SELECT event FROM event_reference WHERE document = ?)").operand(document);
  }
  for (const std::vector<std::string>& list : query.documents_each) {
    sql.where("number IN (SELECT event FROM event_reference WHERE document IN ").list(list).add(")");
  }
  if (!query.document_prefixes.empty()) {
    std::string condition = "number IN (SELECT event FROM event_reference WHERE ";
    for (std::size_t i = 0; i < query.document_prefixes.size(); ++i) {
      condition += i == 0 ? "(document >= ? AND document < ?)" : " OR (document >= ? AND document < ?)";
    }
    sql.where(condition + ")");
    for (const std::string& prefix : query.document_prefixes) sql.operand(prefix).operand(prefix + "\xF4\x8F\xBF\xBF");
  }
  if (!query.numbers.empty()) {
    std::vector<std::variant<std::string, std::int64_t>> numbers(query.numbers.begin(), query.numbers.end());
    sql.where("number IN ").list(numbers);
  }
  if (query.least_number > 0) sql.where("number >= ?").operand(query.least_number);
  if (query.most_number) sql.where("number <= ?").operand(*query.most_number);
  if (query.from) sql.where("created >= ?").operand(query.from->us);
  if (query.to) sql.where("created < ?").operand(query.to->us);
}

}  // namespace

std::int64_t append_audit(Tx& tx, const AuditEvent& given) {
  AuditEvent event = given;
  event.message = text::shorten(event.message, kMaxAuditMessageBytes);
  if (event.differences.text.size() > kMaxAuditDifferenceBytes) {
    event.differences.text =
        R"json([{"path":"","from":null,"to":"(the differences are too large to be recorded)"}])json";
  }
  for (const std::string& document : event.documents) {
    if (document.find('\n') != std::string::npos)
      throw Error(Fault::bug, "an audit event refers to a document with a broken id");
  }
  const Link head = chain_end(tx, "head");
  event.number = head.number + 1;
  event.created = tx.now();
  event.hash = link_hash(head.hash, event);
  tx.run(text::format("INSERT INTO event ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", kColumns), event.number,
         event.created, event.category, event.message, event.user, event.username, event.identity, event.user_agent,
         event.remote_ip, event.space, text::join(event.documents, "\n"), event.details.text, event.differences.text,
         event.hash);
  for (const std::string& document : event.documents) {
    tx.run("INSERT INTO event_reference (document, event) VALUES (?,?) ON CONFLICT DO NOTHING", document, event.number);
  }
  set_chain_end(tx, "head", {event.number, event.hash});
  return event.number;
}

AuditPage list_audit(const Tx& tx, const AuditQuery& query) {
  AuditPage page;
  SqlText count;
  count.add("SELECT count(*) FROM event");
  add_conditions(count, query);
  Statement counted = count.query(tx);
  counted.next();
  page.total = counted.integer(0);

  SqlText sql;
  sql.add(text::format("SELECT {} FROM event", kColumns));
  add_conditions(sql, query);
  if (query.before_number > 0) sql.where("number < ?").operand(query.before_number);
  sql.add(" ORDER BY number DESC LIMIT ? OFFSET ?").operand(std::int64_t{query.take}).operand(query.skip);
  for (Statement rows = sql.query(tx); rows.next();) page.items.push_back(audit_event_of(rows));
  return page;
}

std::optional<AuditEvent> find_audit(const Tx& tx, std::int64_t number) {
  Statement row = tx.query(text::format("SELECT {} FROM event WHERE number=?", kColumns), number);
  if (!row.next()) return std::nullopt;
  return audit_event_of(row);
}

std::optional<std::string> verify_audit(const Tx& tx) {
  Link previous = chain_end(tx, "tail");
  for (Statement rows = tx.query(text::format("SELECT {} FROM event ORDER BY number", kColumns)); rows.next();) {
    const AuditEvent event = audit_event_of(rows);
    if (event.number != previous.number + 1) {
      return text::format("the audit event {} is missing", previous.number + 1);
    }
    if (event.hash != link_hash(previous.hash, event))
      return text::format("the audit event {} was altered", event.number);
    previous = {event.number, event.hash};
  }
  const Link head = chain_end(tx, "head");
  if (head.number != previous.number) return text::format("the audit event {} is missing", previous.number + 1);
  if (head.hash != previous.hash) return text::format("the audit event {} was altered", head.number);
  return std::nullopt;
}

std::int64_t trim_audit(Tx& tx, Time before) {
  // Up to the first event that is kept, so that a clock that jumped back makes no hole.
  const std::int64_t first_kept =
      tx.integer("SELECT min(number) FROM event WHERE created >= ?", before).value_or(chain_end(tx, "head").number + 1);
  const std::optional<AuditEvent> last = find_audit(tx, first_kept - 1);
  if (!last) return 0;
  set_chain_end(tx, "tail", {last->number, last->hash});
  for (Statement rows = tx.query("SELECT number, documents FROM event WHERE number < ?", first_kept); rows.next();) {
    const std::int64_t number = rows.integer(0);
    for (const std::string& document : text::split(rows.view(1), '\n')) {
      tx.run("DELETE FROM event_reference WHERE document = ? AND event = ?", document, number);
    }
  }
  return tx.run("DELETE FROM event WHERE number < ?", first_kept);
}

json::Raw difference(const json::Type& type, const void* before, const void* after) {
  const auto compared = [&](json::Mode mode) {
    std::string old_text;
    std::string new_text;
    json::encode_into(type, before, mode, old_text);
    json::encode_into(type, after, mode, new_text);
    const json::Value old_value = json::parse(old_text, type.name());
    const json::Value new_value = json::parse(new_text, type.name());
    return json::diff(old_value, new_value, kMaxDifferences);
  };
  json::Raw result;
  const auto append = [&](std::string_view path, std::string_view from, std::string_view to) {
    result.text += result.text.empty() ? "[{\"path\":" : ",{\"path\":";
    json::append_string(result.text, path);
    result.text += text::format(",\"from\":{},\"to\":{}}}", from, to);
  };
  const auto side = [](const std::string& text) -> std::string {
    if (text.empty()) return "null";
    if (text.size() <= kMaxValueBytes) return text;
    std::string shortened;
    json::append_string(shortened, text::shorten(text, kMaxValueBytes));
    return shortened;
  };
  for (const json::Difference& found : compared(json::Mode::wire))
    append(found.path, side(found.before), side(found.after));
  // The wire form hides secrets. The stored form tells that one changed; only its path is taken.
  for (const json::Difference& found : compared(json::Mode::store)) {
    const bool sealed = found.before.starts_with(kSealedText) || found.after.starts_with(kSealedText);
    if (!sealed || !found.path.ends_with(kSealedSuffix)) continue;
    append(std::string_view(found.path).substr(0, found.path.size() - kSealedSuffix.size()), "\"(sensitive)\"",
           "\"(sensitive)\"");
  }
  if (!result.text.empty()) result.text += ']';
  return result;
}

}  // namespace fairlead::store
