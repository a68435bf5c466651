// SPDX-License-Identifier: Apache-2.0
#include "json/type.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "json/diff.h"
#include "json/value.h"

namespace fairlead::json {
namespace {

enum class Color { red, green };
const EnumNames& names_of(Tag<Color>) {
  static const EnumNames names{"Color", {"Red", "Green"}};
  return names;
}

struct Part {
  std::string id, name;
  Properties properties;
};
const Type& type_of(Tag<Part>) {
  static const Type type =
      Type::of<Part>("Part").field("Id", &Part::id).field("Name", &Part::name).field("Properties", &Part::properties);
  return type;
}

struct Thing {
  Id<Thing> id;
  std::string name, note, nothing;
  int count = 7;
  bool on = false;
  std::optional<int> maybe;
  Color color = Color::red;
  Time created;
  std::vector<std::string> tags;
  std::map<std::string, std::vector<std::string>> by_name;
  std::vector<Part> parts;
  SensitiveValue password;
  std::string hash;
  Extra extra;
};
const Type& type_of(Tag<Thing>) {
  static const Type type = Type::of<Thing>("Thing")
                               .field("Id", &Thing::id, read_only)
                               .field("Name", &Thing::name, required)
                               .field("Note", &Thing::note, null_when_empty)
                               .field("Nothing", &Thing::nothing, omit_when_empty)
                               .field("Count", &Thing::count)
                               .field("On", &Thing::on)
                               .field("Maybe", &Thing::maybe)
                               .field("Color", &Thing::color)
                               .field("Created", &Thing::created, null_when_empty)
                               .field("Tags", &Thing::tags)
                               .field("ByName", &Thing::by_name)
                               .field("Parts", &Thing::parts)
                               .field("Password", &Thing::password)
                               .field("Hash", &Thing::hash, stored_only)
                               .extra(&Thing::extra);
  return type;
}

std::string detail_text(const std::string& body) {
  try {
    decode<Thing>(body);
  } catch (const Error& error) {
    std::string out;
    for (const ErrorDetail& detail : error.details()) out += detail.where + " " + detail.text + ";";
    return out.empty() ? error.message() : out;
  }
  return "no error";
}

TEST(Type, DecodesNamesInAnyCaseAndKeepsUnknownMembers) {
  const Thing thing =
      decode<Thing>(R"({"name":"a","COUNT":3,"color":"GREEN","tags":["x"],"byName":{"k":["v"]},"New":{"a":[1]},)"
                    R"("links":{"Self":"/x"},"Id":"Things-9","Hash":"forged"})");
  EXPECT_EQ(thing.name, "a");
  EXPECT_EQ(thing.count, 3);
  EXPECT_EQ(thing.color, Color::green);
  EXPECT_EQ(thing.by_name.at("k"), std::vector<std::string>{"v"});
  EXPECT_TRUE(thing.id.empty()) << "read-only input is ignored";
  EXPECT_TRUE(thing.hash.empty()) << "stored-only input is ignored";
  ASSERT_EQ(thing.extra.members.size(), 1u);
  EXPECT_EQ(thing.extra.members[0], (std::pair<std::string, std::string>("New", R"({"a":[1]})")));
}

TEST(Type, WritesNullAbsentAndEmptyByFlag) {
  Thing thing;
  thing.name = "quote\" \n \xF0\x9F\x98\x80";
  EXPECT_EQ(
      encode(thing),
      "{\"Id\":\"\",\"Name\":\"quote\\\" \\n \xF0\x9F\x98\x80\",\"Note\":null,\"Count\":7,\"On\":false,\"Maybe\":null,"
      "\"Color\":\"Red\",\"Created\":null,\"Tags\":[],\"ByName\":{},\"Parts\":[],"
      "\"Password\":{\"HasValue\":false,\"NewValue\":null,\"Hint\":null}}");
}

TEST(Type, ErrorsNamePathAndExpectation) {
  EXPECT_EQ(
      detail_text(R"({"Count":"three","Tags":["a",5],"Color":"blue","Parts":[{"Name":[]}],"Created":"yesterday"})"),
      "Count must be a whole number, but is a string;Tags[1] must be a string, but is a number;"
      "Color must be one of Red, Green, but is \"blue\";Parts[0].Name must be a string, but is an array;"
      "Created must be a time such as 2026-01-02T03:04:05Z, but is \"yesterday\";");
  EXPECT_EQ(detail_text("{\n \"a\": tru }"), "the Thing is not valid JSON at line 2, column 7: syntax error");
  EXPECT_EQ(detail_text("[]"), " must be an object, but is an array;");
  EXPECT_EQ(detail_text(std::string(100, '[')), "the Thing is nested deeper than 64 levels");
  EXPECT_EQ(detail_text(R"({"Count":99999999999})"), "Count must be between -2147483648 and 2147483647;");
}

TEST(Type, RequiredFieldsAreCollected) {
  const Thing thing;
  try {
    check_required(type_of(Tag<Thing>{}), &thing);
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.details().size(), 1u);
    EXPECT_EQ(error.details()[0].where, "Name");
  }
}

TEST(Type, SecretsNeverReachTheWireAndAreNotStoredUnsealed) {
  Thing thing = decode<Thing>(R"({"Name":"a","Password":{"HasValue":true,"NewValue":"hunter2"}})");
  EXPECT_EQ(thing.password.new_value->reveal(), "hunter2");
  EXPECT_EQ(encode(thing).find("hunter2"), std::string::npos);
  EXPECT_THROW(encode(thing, Mode::store), Error);
  thing.password.new_value.reset();
  thing.password.sealed = "sealed-text";
  EXPECT_EQ(encode(thing).find("sealed-text"), std::string::npos);
  EXPECT_EQ(decode<Thing>(encode(thing, Mode::store), Mode::store).password.sealed, "sealed-text");
}

TEST(Type, UpdatesKeepSecretsByNameAndReadOnlyFields) {
  Thing stored;
  stored.id = Id<Thing>("Things-1");
  stored.hash = "h";
  stored.password = {true, std::nullopt, "sealed-password", ""};
  Part part{"p1", "one", {}};
  part.properties["Secret"].sensitive = SensitiveValue{true, std::nullopt, "sealed-property", ""};
  stored.parts = {Part{"p0", "zero", {}}, part};
  Thing incoming = decode<Thing>(
      R"({"Id":"Things-7","Name":"b","Password":{"HasValue":true},"Parts":[{"Id":"p1","Properties":{"Secret":{"HasValue":true}}}]})");
  keep_from_stored(type_of(Tag<Thing>{}), &stored, &incoming);
  EXPECT_EQ(incoming.id.str(), "Things-1");
  EXPECT_EQ(incoming.hash, "h");
  EXPECT_EQ(incoming.password.sealed, "sealed-password");
  EXPECT_EQ(incoming.parts.at(0).properties.at("Secret").sensitive->sealed, "sealed-property");
}

TEST(Type, PropertiesRoundTripByteForByte) {
  const std::string properties =
      R"({"A":"  spaced \r\n","B":{"HasValue":true,"NewValue":null,"Hint":null},"a":"True"})";
  const Thing thing = decode<Thing>(R"({"Name":"x","Parts":[{"Id":"1","Name":"n","Properties":)" + properties + "}]}");
  EXPECT_NE(encode(thing).find(properties), std::string::npos);
}

TEST(Type, InvalidUtf8IsRepaired) {
  std::string out;
  append_string(out, "a\xFFz\xE2\x82");
  EXPECT_EQ(out, "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
}

TEST(Diff, MatchesListElementsById) {
  const auto found = diff(parse(R"({"a":1,"l":[{"Id":"1","n":"x"},{"Id":"2","n":"y"}]})", "a"),
                          parse(R"({"l":[{"Id":"2","n":"z"}],"b":true})", "b"));
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].path, "a");
  EXPECT_EQ(found[1].path, "l[0]");
  EXPECT_EQ(found[2].path, "l[1].n");
  EXPECT_EQ(found[2].after, "\"z\"");
  EXPECT_EQ(found[3].path, "b");
}

TEST(Value, CanonicalTextIgnoresOrder) {
  EXPECT_EQ(canonical_text(parse(R"({"b":[1,{"d":1,"c":2}],"a":null})", "x")), R"({"a":null,"b":[1,{"c":2,"d":1}]})");
}

}  // namespace
}  // namespace fairlead::json
