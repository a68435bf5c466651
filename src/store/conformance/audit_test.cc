// SPDX-License-Identifier: Apache-2.0
#include "store/audit.h"

#include "store/conformance/suite.h"

namespace fairlead::store::conformance {

struct AuditSample {
  std::string id;
  std::string name;
  json::SensitiveValue password;
  json::Properties properties;
  std::string hash;
};

const json::Type& type_of(json::Tag<AuditSample>) {
  static const json::Type type = json::Type::of<AuditSample>("AuditSample")
                                     .field("Id", &AuditSample::id)
                                     .field("Name", &AuditSample::name)
                                     .field("Password", &AuditSample::password)
                                     .field("Properties", &AuditSample::properties)
                                     .field("Hash", &AuditSample::hash, json::stored_only);
  return type;
}

namespace {

class Audit : public StoreConformance {
 protected:
  std::int64_t append(const std::string& category, std::vector<std::string> documents = {},
                      const std::string& space = "Spaces-1") {
    return store->write([&](Tx& tx) {
      return append_audit(tx, {.category = category,
                               .message = category + " happened",
                               .user = "Users-1",
                               .username = "admin",
                               .space = space,
                               .documents = std::move(documents)});
    });
  }
  std::vector<std::int64_t> numbers(const AuditQuery& query) {
    std::vector<std::int64_t> found;
    for (const AuditEvent& event : store->read([&](const Tx& tx) { return list_audit(tx, query); }).items) {
      found.push_back(event.number);
    }
    return found;
  }
  std::optional<std::string> verify() {
    return store->read([](const Tx& tx) { return verify_audit(tx); });
  }
  using Numbers = std::vector<std::int64_t>;
};
FAIRLEAD_ON_ALL_DRIVERS(Audit);

TEST_P(Audit, NumbersHaveNoGapsWhereWritesFail) {
  EXPECT_EQ(append("Created"), 1);
  EXPECT_THROW(store->write([](Tx& tx) {
    append_audit(tx, {.category = "Modified"});
    throw invalid("no");
  }),
               Error);
  EXPECT_EQ(append("Deleted"), 2);
  EXPECT_EQ(verify(), std::nullopt);
}

TEST_P(Audit, EventsComeBackWhole) {
  const AuditEvent written = {.category = "Modified",
                              .message = "Project Web was changed",
                              .user = "Users-2",
                              .username = "eve",
                              .identity = "Session cookie",
                              .user_agent = "curl/8",
                              .remote_ip = "10.1.2.3",
                              .space = "Spaces-2",
                              .documents = {"Projects-1", "Environments-2"},
                              .details = {R"({"a":1})"},
                              .differences = {R"([{"path":"Name","from":"a","to":"b"}])"}};
  const std::int64_t number = store->write([&](Tx& tx) { return append_audit(tx, written); });
  const std::optional<AuditEvent> read = store->read([&](const Tx& tx) { return find_audit(tx, number); });
  ASSERT_TRUE(read);
  EXPECT_EQ(read->created, clock.now());
  EXPECT_EQ(read->category, written.category);
  EXPECT_EQ(read->message, written.message);
  EXPECT_EQ(read->user, written.user);
  EXPECT_EQ(read->username, written.username);
  EXPECT_EQ(read->identity, written.identity);
  EXPECT_EQ(read->user_agent, written.user_agent);
  EXPECT_EQ(read->remote_ip, written.remote_ip);
  EXPECT_EQ(read->space, written.space);
  EXPECT_EQ(read->documents, written.documents);
  EXPECT_EQ(read->details, written.details);
  EXPECT_EQ(read->differences, written.differences);
  EXPECT_EQ(read->hash.size(), 64u);
}

TEST_P(Audit, QueriesFilterAndPage) {
  append("Created", {"Projects-1"});
  append("Modified", {"Projects-1", "Environments-1"});
  clock.advance(kHour);
  append("Created", {"Environments-1"}, "Spaces-2");
  append("LoginSucceeded", {}, "");

  EXPECT_EQ(numbers({}), (Numbers{4, 3, 2, 1}));
  EXPECT_EQ(numbers({.space = "Spaces-1"}), (Numbers{2, 1}));
  EXPECT_EQ(numbers({.space = ""}), Numbers{4});
  EXPECT_EQ(numbers({.spaces = {"Spaces-2", ""}}), (Numbers{4, 3}));
  EXPECT_EQ(numbers({.categories = {"Created"}}), (Numbers{3, 1}));
  EXPECT_EQ(numbers({.documents_any = {"Projects-1", "Environments-1"}}), (Numbers{3, 2, 1}));
  EXPECT_EQ(numbers({.documents_all = {"Projects-1", "Environments-1"}}), Numbers{2});
  EXPECT_EQ(numbers({.documents_each = {{"Projects-1", "Projects-2"}, {"Environments-1"}}}), Numbers{2});
  EXPECT_EQ(numbers({.documents_each = {{"Projects-1"}, {}}}), Numbers{});
  EXPECT_EQ(numbers({.document_prefixes = {"Projects-", "Releases-"}}), (Numbers{2, 1}));
  EXPECT_EQ(numbers({.document_prefixes = {"Project-"}}), Numbers{});
  EXPECT_EQ(numbers({.numbers = {4, 1, 9}}), (Numbers{4, 1}));
  EXPECT_EQ(numbers({.least_number = 2, .most_number = 3}), (Numbers{3, 2}));
  EXPECT_EQ(numbers({.from = clock.now()}), (Numbers{4, 3}));
  EXPECT_EQ(numbers({.to = clock.now()}), (Numbers{2, 1}));
  EXPECT_EQ(numbers({.users = {"Users-9"}}), Numbers{});
  EXPECT_EQ(numbers({.skip = 1, .take = 2}), (Numbers{3, 2}));
  EXPECT_EQ(numbers({.before_number = 3}), (Numbers{2, 1}));
  EXPECT_EQ(store->read([](const Tx& tx) { return list_audit(tx, {.take = 1}); }).total, 4);
}

TEST_P(Audit, AlteredAndRemovedEventsAreFound) {
  for (int i = 0; i < 4; ++i) append("Created");
  ASSERT_EQ(verify(), std::nullopt);
  store->write([](Tx& tx) { tx.run("UPDATE event SET message='harmless' WHERE number=2"); });
  EXPECT_EQ(verify(), "the audit event 2 was altered");
  store->write([](Tx& tx) { tx.run("UPDATE event SET message='Created happened' WHERE number=2"); });
  ASSERT_EQ(verify(), std::nullopt);
  store->write([](Tx& tx) { tx.run("DELETE FROM event WHERE number=3"); });
  EXPECT_EQ(verify(), "the audit event 3 is missing");
  store->write([](Tx& tx) { tx.run("DELETE FROM event WHERE number=4"); });
  EXPECT_EQ(verify(), "the audit event 3 is missing");
}

TEST_P(Audit, RetentionKeepsTheChainVerifiable) {
  append("Old", {"Projects-1"});
  append("Old");
  clock.advance(kHour);
  const Time limit = clock.now();
  append("New");
  EXPECT_EQ(store->write([&](Tx& tx) { return trim_audit(tx, limit); }), 2);
  EXPECT_EQ(numbers({}), Numbers{3});
  EXPECT_EQ(numbers({.documents_any = {"Projects-1"}}), Numbers{});
  EXPECT_EQ(verify(), std::nullopt);
  clock.advance(kHour);
  EXPECT_EQ(store->write([&](Tx& tx) { return trim_audit(tx, clock.now()); }), 1);
  EXPECT_EQ(store->write([&](Tx& tx) { return trim_audit(tx, clock.now()); }), 0);
  EXPECT_EQ(append("Later"), 4);
  EXPECT_EQ(verify(), std::nullopt);
}

TEST_P(Audit, LongTextsAreShortened) {
  const std::int64_t number = store->write([](Tx& tx) {
    return append_audit(tx, {.category = "Modified",
                             .message = std::string(kMaxAuditMessageBytes * 2, 'm'),
                             .differences = {std::string(kMaxAuditDifferenceBytes + 1, ' ')}});
  });
  const auto event = store->read([&](const Tx& tx) { return find_audit(tx, number); });
  EXPECT_LE(event->message.size(), kMaxAuditMessageBytes + 3);
  EXPECT_NE(event->differences.text.find("too large"), std::string::npos);
}

TEST(AuditDifference, NamesWhatChangedAndHidesSecrets) {
  const Sealer sealer(Secret(std::string(32, 'k')));
  AuditSample before;
  before.id = "Samples-1";
  before.name = "old";
  before.password = {.has_value = true, .sealed = sealer.seal(Secret("one"))};
  before.hash = "h1";
  AuditSample after = before;
  EXPECT_EQ(difference(before, after).text, "");

  after.name = "new";
  after.password.sealed = sealer.seal(Secret("two"));
  after.hash = "h2";
  EXPECT_EQ(difference(before, after).text, R"([{"path":"Name","from":"old","to":"new"},)"
                                            R"json({"path":"Password","from":"(sensitive)","to":"(sensitive)"}])json");
}

TEST(AuditDifference, ASecretThatIsSetForTheFirstTimeStaysHidden) {
  const Sealer sealer(Secret(std::string(32, 'k')));
  const AuditSample before;
  AuditSample after;
  after.properties["Key"].sensitive = json::SensitiveValue{.has_value = true, .sealed = sealer.seal(Secret("hidden"))};
  const std::string text = difference(before, after).text;
  EXPECT_NE(text.find("Properties.Key"), std::string::npos) << text;
  EXPECT_EQ(text.find("sealed:"), std::string::npos) << text;
}

}  // namespace

}  // namespace fairlead::store::conformance
