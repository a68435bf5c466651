// SPDX-License-Identifier: Apache-2.0
#include "store/documents.h"

#include "store/conformance/suite.h"
#include "store/outbox.h"

namespace fairlead::store::conformance {

enum class Mood { calm, lively };
const json::EnumNames& names_of(json::Tag<Mood>) {
  static const json::EnumNames names{"Mood", {"Calm", "Lively"}};
  return names;
}

struct Group {
  Id<Group> id;
  std::string space;
  std::string name;
};
const json::Type& type_of(json::Tag<Group>) {
  static const json::Type type = json::Type::of<Group>("Group")
                                     .field("Id", &Group::id)
                                     .field("SpaceId", &Group::space, json::indexed)
                                     .field("Name", &Group::name, json::required | json::unique_in_space);
  return type;
}

struct Part {
  std::string name;
  std::vector<Id<Group>> groups;
  json::SensitiveValue token;
};
const json::Type& type_of(json::Tag<Part>) {
  static const json::Type type = json::Type::of<Part>("Part")
                                     .field("Name", &Part::name)
                                     .field("Groups", &Part::groups, json::refers)
                                     .field("Token", &Part::token);
  return type;
}

struct Item {
  Id<Item> id;
  std::string space;
  std::string name;
  Id<Group> group;
  std::vector<std::string> related;
  std::vector<Part> parts;
  json::Properties properties;
  Mood mood = Mood::calm;
  bool disabled = false;
  std::int64_t version = -1;
  std::int64_t size = 0;
  Time created;
  std::optional<Time> finished;
  json::Extra extra;
};
json::Type item_type() {
  return json::Type::of<Item>("Item")
      .field("Id", &Item::id)
      .field("SpaceId", &Item::space, json::indexed)
      .field("Name", &Item::name, json::required | json::unique_in_space)
      .field("GroupId", &Item::group, json::indexed | json::refers)
      .field("Related", &Item::related, json::refers)
      .field("Parts", &Item::parts)
      .field("Properties", &Item::properties)
      .field("Mood", &Item::mood, json::indexed)
      .field("IsDisabled", &Item::disabled, json::indexed)
      .field("Version", &Item::version)
      .field("Size", &Item::size, json::indexed)
      .field("Created", &Item::created, json::indexed)
      .field("Finished", &Item::finished, json::indexed)
      .extra(&Item::extra);
}
const json::Type& type_of(json::Tag<Item>) {
  static const json::Type type = item_type();
  return type;
}

// The same documents as an earlier version of the program knew them: no index, no references.
struct OldItem {
  Id<Item> id;
  std::string space;
  std::string name;
  json::Extra extra;
};
const json::Type& type_of(json::Tag<OldItem>) {
  static const json::Type type = json::Type::of<OldItem>("OldItem")
                                     .field("Id", &OldItem::id)
                                     .field("SpaceId", &OldItem::space)
                                     .field("Name", &OldItem::name)
                                     .extra(&OldItem::extra);
  return type;
}

// A record of the past: it refers to groups, but does not keep them from being deleted.
struct Record {
  Id<Record> id;
  std::string number;
  Id<Item> item;
  Id<Group> group;
};
const json::Type& type_of(json::Tag<Record>) {
  static const json::Type type = json::Type::of<Record>("Record")
                                     .field("Id", &Record::id)
                                     .field("Number", &Record::number, json::unique_in_space)
                                     .field("ItemId", &Record::item, json::indexed)
                                     .field("GroupId", &Record::group, json::refers);
  return type;
}

namespace {

constexpr DocumentOptions kItems = {.table = "item", .id_prefix = "Items", .noun = "item"};

class DocumentsConformance : public StoreConformance {
 protected:
  void SetUp() override {
    StoreConformance::SetUp();
    prepare();
  }
  void TearDown() override {
    documents.reset();
    StoreConformance::TearDown();
  }
  void prepare() {
    documents = std::make_unique<Documents>(*store, sealer);
    documents->add<Group>({.table = "group", .id_prefix = "Groups", .noun = "group", .first_number = 101});
    documents->add<Item>(kItems);
    documents->add<Record>({.table = "record",
                            .id_prefix = "Records",
                            .noun = "record",
                            .space_scoped = false,
                            .sort = "Id",
                            .unique_within = "ItemId",
                            .publish = false,
                            .history = true});
    documents->prepare();
  }
  template <class T>
  T insert(T document) {
    return store->write([&](Tx& tx) {
      T copy = document;
      documents->insert(tx, copy);
      return copy;
    });
  }
  template <class T>
  std::int64_t update(T& document, std::optional<std::int64_t> expected = {}) {
    return store->write([&](Tx& tx) { return documents->update(tx, document, expected); });
  }
  template <class T>
  void remove(const Id<T>& id) {
    store->write([&](Tx& tx) { documents->remove(tx, id); });
  }
  static Item item(std::string name, std::string space = "Spaces-1") {
    Item made;
    made.space = std::move(space);
    made.name = std::move(name);
    return made;
  }
  Group group(const std::string& name) { return insert(Group{.space = "Spaces-1", .name = name}); }
  std::vector<std::string> names(const Query& query) {
    std::vector<std::string> found;
    for (const Item& each : store->read([&](const Tx& tx) { return documents->list<Item>(tx, query); }).items) {
      found.push_back(each.name);
    }
    return found;
  }
  Item get(const Id<Item>& id) {
    return store->read([&](const Tx& tx) { return documents->get(tx, id); });
  }
  using Names = std::vector<std::string>;

  std::unique_ptr<Documents> documents;
};
FAIRLEAD_ON_ALL_DRIVERS(DocumentsConformance);

TEST_P(DocumentsConformance, InsertGivesIdsAndVersions) {
  const Item first = insert(item("a"));
  EXPECT_EQ(first.id.value, "Items-1");
  EXPECT_EQ(first.version, 0);
  EXPECT_EQ(insert(item("b")).id.value, "Items-2");
  EXPECT_EQ(group("g").id.value, "Groups-101");
  const Item read = get(first.id);
  EXPECT_EQ(read.name, "a");
  EXPECT_EQ(read.version, 0);
}

TEST_P(DocumentsConformance, AGivenIdIsKeptAndNotGivenAgain) {
  Item preset = item("preset");
  preset.id = Id<Item>("items-builtin");
  EXPECT_EQ(insert(preset).id.value, "items-builtin");
  Item numbered = item("numbered");
  numbered.id = Id<Item>("Items-7");
  insert(numbered);
  EXPECT_EQ(insert(item("next")).id.value, "Items-8");
  numbered.name = "again";
  EXPECT_EQ(error_from([&] { insert(numbered); }).fault(), Fault::conflict);
}

TEST_P(DocumentsConformance, AMissingDocumentHasTheTextOfTheApi) {
  EXPECT_EQ(store->read([&](const Tx& tx) { return documents->find<Item>(tx, "Items-99").has_value(); }), false);
  const Error error = error_from([&] { get(Id<Item>("Items-99")); });
  EXPECT_EQ(error.fault(), Fault::not_found);
  EXPECT_EQ(error.message(), "The resource 'Items-99' was not found.");
  EXPECT_EQ(error_from([&] { remove(Id<Item>("Items-99")); }).fault(), Fault::not_found);
  Item absent = item("x");
  absent.id = Id<Item>("Items-99");
  EXPECT_EQ(error_from([&] { update(absent); }).fault(), Fault::not_found);
}

TEST_P(DocumentsConformance, UpdatesCountAndRefuseStaleVersions) {
  Item one = insert(item("a"));
  one.name = "b";
  EXPECT_EQ(update(one), 1);
  EXPECT_EQ(one.version, 1);
  EXPECT_EQ(update(one, 1), 2);
  const Error error = error_from([&] { update(one, 1); });
  EXPECT_EQ(error.fault(), Fault::conflict);
  EXPECT_EQ(error.message(), "The item 'Items-1' was changed by somebody else: its version is 2, not 1.");
  EXPECT_EQ(get(one.id).name, "b");
  EXPECT_EQ(store->read([&](const Tx& tx) { return documents->version<Item>(tx, "Items-1"); }), 2);
}

TEST_P(DocumentsConformance, NamesAreUniqueInTheirSpaceWithoutCase) {
  insert(item("Web"));
  insert(item("Web", "Spaces-2"));
  const Error error = error_from([&] { insert(item("wEB")); });
  EXPECT_EQ(error.fault(), Fault::invalid);
  EXPECT_EQ(error.message(), "An item with this name already exists. Please choose a different name.");
  EXPECT_EQ(error_from([&] {
              group("g");
              group("G");
            }).message(),
            "A group with this name already exists. Please choose a different name.");

  Item other = insert(item("other"));
  other.name = "WEB";
  EXPECT_EQ(error_from([&] { update(other); }).fault(), Fault::invalid);
  Item same = get(Id<Item>("Items-1"));
  same.name = "WEB";
  EXPECT_EQ(update(same), 1);
}

TEST_P(DocumentsConformance, TheIndexItselfHoldsUniqueness) {
  insert(item("Web"));
  EXPECT_EQ(
      error_from([&] {
        store->write([](Tx& tx) {
          tx.run(
              "INSERT INTO doc_item (id, number, space, version, json, k_name) VALUES ('x',0,'Spaces-1',0,'{}','web')");
        });
      }).fault(),
      Fault::conflict);
}

TEST_P(DocumentsConformance, UniquenessMayBeWithinAnotherField) {
  insert(Record{.number = "1.0", .item = Id<Item>("Items-1")});
  insert(Record{.number = "1.0", .item = Id<Item>("Items-2")});
  EXPECT_EQ(error_from([&] { insert(Record{.number = "1.0", .item = Id<Item>("Items-1")}); }).message(),
            "A record with this number already exists. Please choose a different number.");
  insert(Record{.item = Id<Item>("Items-1")});
  insert(Record{.item = Id<Item>("Items-1")});  // without a value nothing competes
}

TEST_P(DocumentsConformance, EveryKindOfIndexedFieldCanBeACondition) {
  const Group g = group("g");
  for (const char* name : {"alpha", "Beta", "gamma"}) {
    Item one = item(name);
    one.size = std::string(name).size();
    one.disabled = one.name == "Beta";
    one.mood = one.disabled ? Mood::lively : Mood::calm;
    one.created = clock.now() + one.size + (one.disabled ? 7 : 0);
    if (one.disabled) one.finished = one.created;
    if (one.disabled) one.group = g.id;
    if (one.disabled) one.related = {"Tags-1", "Tags-2"};
    if (one.disabled) one.parts = {{.name = "p", .groups = {g.id}}};
    insert(one);
  }
  insert(item("elsewhere", "Spaces-2"));
  const auto here = [] { return std::move(Query().in_space("Spaces-1")); };

  EXPECT_EQ(names(here()), (Names{"alpha", "Beta", "gamma"}));
  EXPECT_EQ(names(here().where("Name", "BETA")), Names{"Beta"});
  EXPECT_EQ(names(here().where("Name", "bet")), Names{});
  EXPECT_EQ(names(here().containing("Name", "M")), Names{"gamma"});
  EXPECT_EQ(names(here().containing("Name", "%")), Names{});
  EXPECT_EQ(names(here().where("IsDisabled", true)), Names{"Beta"});
  EXPECT_EQ(names(here().where("Mood", "Lively")), Names{"Beta"});
  EXPECT_EQ(names(here().where("Size", std::int64_t{5})), (Names{"alpha", "gamma"}));
  EXPECT_EQ(names(here().from("Size", 5)), (Names{"alpha", "gamma"}));
  EXPECT_EQ(names(here().below("Size", 5)), Names{"Beta"});
  EXPECT_EQ(names(here().from("Created", clock.now().us + 11)), Names{"Beta"});
  EXPECT_EQ(names(here().from("Finished", 0)), Names{"Beta"});
  EXPECT_EQ(names(here().where("GroupId", g.id.value)), Names{"Beta"});
  EXPECT_EQ(names(here().where_none("GroupId", {g.id.value})), (Names{"alpha", "gamma"}));
  EXPECT_EQ(names(here().where("Related", "Tags-2")), Names{"Beta"});
  EXPECT_EQ(names(here().where_none("Related", {"Tags-2"})), (Names{"alpha", "gamma"}));
  EXPECT_EQ(names(here().where("Parts.Groups", g.id.value)), Names{"Beta"});
  EXPECT_EQ(names(here().where_any("Name", {"alpha", "GAMMA"})), (Names{"alpha", "gamma"}));
  EXPECT_EQ(names(here().where_any("Name", {})), Names{});
  EXPECT_EQ(names(here().where_none("Name", {})).size(), 3u);
  EXPECT_EQ(names(Query{.ids = {{"Items-3", "Items-1"}}}), (Names{"alpha", "gamma"}));
  EXPECT_EQ(names(Query{.ids = {Names{}}}), Names{});
  EXPECT_EQ(names(here().by("Size", true)), (Names{"gamma", "alpha", "Beta"}));
  EXPECT_EQ(names(here().by("Id", true)), (Names{"gamma", "Beta", "alpha"}));
}

TEST_P(DocumentsConformance, AFieldWithoutIndexIsNoCondition) {
  EXPECT_EQ(error_from([&] { names(Query().where("Parts", "x")); }).fault(), Fault::bug);
  EXPECT_EQ(error_from([&] { names(Query().by("Parts")); }).fault(), Fault::bug);
  EXPECT_EQ(error_from([&] { names(Query().where_any("Name", Names(Query::kMaxOperands + 1, "x"))); }).fault(),
            Fault::invalid);
}

TEST_P(DocumentsConformance, PagesKnowTheTotal) {
  for (int i = 0; i < 12; ++i) insert(item("item" + std::to_string(i)));
  const Page<Item> page =
      store->read([&](const Tx& tx) { return documents->list<Item>(tx, Query().by("Id").page(5, 3)); });
  EXPECT_EQ(page.total, 12);
  ASSERT_EQ(page.items.size(), 3u);
  EXPECT_EQ(page.items[0].name, "item5");
  store->read([&](const Tx& tx) {
    EXPECT_EQ(documents->all<Item>(tx).size(), 12u);
    EXPECT_EQ(documents->count<Item>(tx), 12);
    EXPECT_EQ(documents->first<Item>(tx, Query().where("Name", "ITEM3"))->name, "item3");
    EXPECT_FALSE(documents->first<Item>(tx, Query().where("Name", "none")));
  });
}

TEST_P(DocumentsConformance, CountsByAField) {
  Item one = item("a");
  one.group = Id<Group>("Groups-1");
  insert(one);
  one = item("b");
  one.group = Id<Group>("Groups-1");
  insert(one);
  insert(item("c"));
  store->read([&](const Tx& tx) {
    const std::map<std::string, std::int64_t> found =
        documents->count_by<Item>(tx, Query().in_space("Spaces-1"), "GroupId");
    EXPECT_EQ(found, (std::map<std::string, std::int64_t>{{"", 1}, {"Groups-1", 2}}));
    EXPECT_TRUE(documents->count_by<Item>(tx, Query().in_space("Spaces-1").where("Name", "none"), "GroupId").empty());
  });
  const auto by_number = [&] { store->read([&](const Tx& tx) { documents->count_by<Item>(tx, {}, "Size"); }); };
  EXPECT_EQ(error_from(by_number).fault(), Fault::bug);
}

TEST_P(DocumentsConformance, AnUpdateIsFoundByWhatChanged) {
  Item one = item("a");
  one.group = Id<Group>("Groups-1");
  one.size = 7;
  one = insert(one);
  one.group = Id<Group>("Groups-2");
  store->write([&](Tx& tx) { documents->update(tx, one); });
  EXPECT_EQ(names(Query().in_space("Spaces-1").where("GroupId", "Groups-1")), Names{});
  EXPECT_EQ(names(Query().in_space("Spaces-1").where("GroupId", "Groups-2").where("Size", std::int64_t{7})),
            Names{"a"});
  one.group = Id<Group>();
  one.size = 0;
  store->write([&](Tx& tx) { documents->update(tx, one); });
  EXPECT_EQ(names(Query().in_space("Spaces-1").where("GroupId", "Groups-2")), Names{});
  EXPECT_EQ(names(Query().in_space("Spaces-1").where("Size", std::int64_t{0})), Names{"a"});
}

TEST_P(DocumentsConformance, SecretsAreSealedWhereverTheyAre) {
  Item one = item("a");
  one.properties["Plain"] = "visible";
  one.properties["Key"].sensitive = json::SensitiveValue{.has_value = true, .new_value = Secret("hunter2")};
  one.parts = {{.name = "p", .groups = {}, .token = {.has_value = true, .new_value = Secret("hunter3")}}};
  one = insert(one);
  EXPECT_FALSE(one.parts[0].token.new_value);
  const std::string stored = *store->read([](const Tx& tx) { return tx.text("SELECT json FROM doc_item"); });
  EXPECT_EQ(stored.find("hunter"), std::string::npos) << stored;
  const Item read = get(one.id);
  EXPECT_EQ(read.properties.at("Plain").text, "visible");
  EXPECT_EQ(sealer.unseal(read.properties.at("Key").sensitive->sealed).reveal(), "hunter2");
  EXPECT_EQ(sealer.unseal(read.parts[0].token.sealed).reveal(), "hunter3");
}

TEST_P(DocumentsConformance, ASecretThatWasNeverGivenIsNotSaidToExist) {
  Item one = item("a");
  one.properties["Key"].sensitive = json::SensitiveValue{.has_value = true};
  one = insert(one);
  EXPECT_FALSE(get(one.id).properties.at("Key").sensitive->has_value);
}

TEST_P(DocumentsConformance, ASecretInAnUnknownMemberIsNotKept) {
  Item one = item("a");
  one.extra.members = {{"Future", R"({"List":[{"Token":{"HasValue":true,"NewValue":"hunter2","Hint":"h"}}],"a":1})"}};
  one = insert(one);
  EXPECT_EQ(get(one.id).extra.members.front().second,
            R"({"List":[{"Token":{"HasValue":false,"NewValue":null,"Hint":"h"}}],"a":1})");
}

TEST_P(DocumentsConformance, ReferencesProtectAndNameTheirOwners) {
  const Group g = group("shared");
  for (int i = 1; i <= 12; ++i) {
    Item owner = item("owner" + std::to_string(i));
    owner.group = g.id;
    owner.parts = {{.name = "p", .groups = {g.id}}};
    insert(owner);
  }
  const Error error = error_from([&] { remove(g.id); });
  EXPECT_EQ(error.fault(), Fault::invalid);
  EXPECT_TRUE(error.message().starts_with("This group cannot be deleted: it is used by item 'owner1' (Items-1), "))
      << error.message();
  EXPECT_TRUE(error.message().ends_with(" and 2 more.")) << error.message();

  const auto used = store->read([&](const Tx& tx) { return documents->usages(tx, g.id.value); });
  ASSERT_EQ(used.size(), 24u);
  EXPECT_EQ(used[0].owner_kind, "item");
  EXPECT_EQ(used[0].owner, "Items-1");
  EXPECT_EQ(used[0].owner_name, "owner1");
  EXPECT_EQ(used[0].field, "GroupId");
  EXPECT_EQ(used[1].field, "Parts.Groups");

  for (Item& owner : store->read([&](const Tx& tx) { return documents->all<Item>(tx); })) {
    if (owner.name == "owner1") {
      remove(owner.id);
    } else {
      owner.group = {};
      owner.parts.clear();
      update(owner);
    }
  }
  remove(g.id);
}

TEST_P(DocumentsConformance, HistoryDoesNotProtect) {
  const Group g = group("short-lived");
  insert(Record{.number = "1", .group = g.id});
  EXPECT_EQ(store->read([&](const Tx& tx) { return documents->usages(tx, g.id.value); }).size(), 1u);
  remove(g.id);
}

TEST_P(DocumentsConformance, NamesForTexts) {
  const Group g = group("Shared things");
  store->read([&](const Tx& tx) {
    EXPECT_EQ(documents->name_of(tx, g.id.value), "Shared things");
    EXPECT_EQ(documents->name_of(tx, "Groups-999"), std::nullopt);
    EXPECT_EQ(documents->name_of(tx, "nothing"), std::nullopt);
  });
}

TEST_P(DocumentsConformance, ChangesAreAnnouncedInTheOutbox) {
  Item one = insert(item("a"));
  update(one);
  remove(one.id);
  insert(Record{.number = "1"});  // was added with publish = false
  std::vector<std::string> payloads;
  for (const OutboxEvent& event : store->read([](const Tx& tx) { return outbox_after(tx, 0, 10); })) {
    EXPECT_EQ(event.topic, kDocumentTopic);
    EXPECT_EQ(event.key, "Items-1");
    payloads.push_back(event.payload);
  }
  EXPECT_EQ(payloads, (Names{R"({"Kind":"item","Id":"Items-1","SpaceId":"Spaces-1","Version":0,"Change":"Created"})",
                             R"({"Kind":"item","Id":"Items-1","SpaceId":"Spaces-1","Version":1,"Change":"Modified"})",
                             R"({"Kind":"item","Id":"Items-1","SpaceId":"Spaces-1","Version":1,"Change":"Deleted"})"}));
}

TEST_P(DocumentsConformance, UnknownMembersSurvive) {
  Item one = item("a");
  one.extra.members = {{"FromTheFuture", "[1,2]"}};
  one = insert(one);
  EXPECT_EQ(get(one.id).extra, one.extra);
}

TEST_P(DocumentsConformance, AFailedWriteLeavesNothing) {
  EXPECT_THROW(store->write([&](Tx& tx) {
    Item one = item("a");
    one.related = {"Tags-1"};
    documents->insert(tx, one);
    throw invalid("no");
  }),
               Error);
  store->read([&](const Tx& tx) {
    EXPECT_EQ(documents->count<Item>(tx), 0);
    EXPECT_TRUE(documents->usages(tx, "Tags-1").empty());
  });
}

TEST_P(DocumentsConformance, ATooLargeDocumentIsRefused) {
  EXPECT_EQ(error_from([&] { insert(item(std::string(Documents::kMaxDocumentBytes + 1, 'x'))); }).fault(),
            Fault::invalid);
}

TEST_P(DocumentsConformance, PreparingAgainChangesNothing) {
  insert(item("a"));
  documents.reset();
  reopen();
  prepare();
  EXPECT_EQ(names({}), Names{"a"});
}

class DocumentsGrow : public DocumentsConformance {
 protected:
  void SetUp() override { StoreConformance::SetUp(); }
  void write_old(const std::vector<std::string>& old_names) {
    Documents old(*store, sealer);
    old.add<OldItem>(kItems);
    old.prepare();
    for (const std::string& name : old_names) {
      store->write([&](Tx& tx) {
        OldItem one{.space = "Spaces-1", .name = name};
        one.extra.members = {{"Related", R"(["Tags-1"])"}, {"Size", "3"}};
        old.insert(tx, one);
      });
    }
  }
};
FAIRLEAD_ON_ALL_DRIVERS(DocumentsGrow);

TEST_P(DocumentsGrow, NewColumnsAndReferencesAreFilled) {
  Names old_names;
  for (int i = 100; i < 350; ++i) old_names.push_back("item" + std::to_string(i));
  write_old(old_names);
  reopen();
  prepare();
  EXPECT_EQ(names(Query().where("Size", std::int64_t{3}).unlimited()), old_names);
  EXPECT_EQ(names(Query().where("Related", "Tags-1").unlimited()), old_names);
  EXPECT_EQ(names(Query().where("Name", "ITEM200")), Names{"item200"});
  EXPECT_THROW(insert(item("Item100")), Error);
}

TEST_P(DocumentsGrow, DuplicatesOfAFieldThatBecameUniqueAreNamed) {
  write_old({"same", "Same"});
  const Error error = error_from([&] { prepare(); });
  EXPECT_NE(error.message().find("Item have the same Name"), std::string::npos) << error.message();
}

TEST(DocumentTypes, MistakesOfATypeTableAreFoundAtStartUp) {
  ManualClock clock;
  const std::string folder = file::make_temporary_folder("fairlead-store");
  const std::unique_ptr<Store> store = drivers().front().open(folder, clock);
  const Sealer sealer(Secret(std::string(32, 'k')));
  Documents documents(*store, sealer);
  EXPECT_EQ(error_from([&] { documents.add<Part>({.table = "part", .id_prefix = "Parts", .noun = "part"}); }).fault(),
            Fault::bug);
  EXPECT_EQ(error_from([&] { documents.add<Record>({.table = "r", .id_prefix = "R", .noun = "r"}); }).fault(),
            Fault::bug);
  EXPECT_EQ(
      error_from([&] { documents.add<Item>({.table = "i", .id_prefix = "I", .noun = "i", .sort = "Parts"}); }).fault(),
      Fault::bug);
  documents.add<Group>({.table = "group", .id_prefix = "Groups", .noun = "group"});
  EXPECT_EQ(error_from([&] { documents.add<Item>({.table = "group", .id_prefix = "Items", .noun = "item"}); }).fault(),
            Fault::bug);
  EXPECT_EQ(error_from([&] { store->read([&](const Tx& tx) { return documents.count<Item>(tx); }); }).fault(),
            Fault::bug);
  file::remove_tree(folder);
}

}  // namespace

}  // namespace fairlead::store::conformance
