// SPDX-License-Identifier: Apache-2.0
#include "kube/unchanged.h"

#include <gtest/gtest.h>

#include "kube/absorb.h"
#include "kube/constants.h"

namespace fairlead::kube {
namespace {

struct OwnershipCase {
  const char* what;
  const char* fields;
  const char* body;
  bool owned;
};

// The shapes of fieldsV1 as a live API server writes them.
const OwnershipCase kOwnershipCases[] = {
    {"map and leaf", R"({"f:data":{"f:a":{}}})", R"({"data":{"a":"1"}})", true},
    {"a key lost", R"({"f:data":{"f:a":{}}})", R"({"data":{"a":"1","b":"2"}})", false},
    {"a block lost", R"({"f:data":{"f:a":{}}})", R"({"data":{"a":"1"},"spec":{"x":1}})", false},
    {"atomic", R"({"f:spec":{"f:command":{}}})", R"({"spec":{"command":["a","b"]}})", true},
    {"keyed list with a default in the key",
     R"({"f:spec":{"f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}})",
     R"({"spec":{"ports":[{"containerPort":80}]}})", true},
    {"keyed list, another key",
     R"({"f:spec":{"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{"f:containerPort":{}}}}})",
     R"({"spec":{"ports":[{"containerPort":81}]}})", false},
    {"field of an element lost", R"({"f:c":{"k:{\"name\":\"w\"}":{".":{},"f:name":{}}}})",
     R"({"c":[{"name":"w","image":"x"}]})", false},
    {"set", R"({"f:f":{"v:\"a\"":{},"v:\"b\"":{}}})", R"({"f":["b","a"]})", true},
    {"set, a member lost", R"({"f:f":{"v:\"a\"":{}}})", R"({"f":["b","a"]})", false},
    {"empty map is a leaf", R"({"f:v":{"f:emptyDir":{}}})", R"({"v":{"emptyDir":{}}})", true},
    {"null is absent", R"({"f:v":{"f:a":{}}})", R"({"v":{"a":1,"b":null},"w":null})", true},
    {"stripped fields", R"({"f:v":{}})",
     R"({"apiVersion":"v1","kind":"A","metadata":{"name":"x","namespace":"y","creationTimestamp":null},"v":1,"status":{}})",
     true},
    {"labels", R"({"f:metadata":{"f:labels":{"f:a":{}}},"f:v":{}})",
     R"({"metadata":{"name":"x","labels":{"a":"1"}},"v":1})", true},
    {"label lost", R"({"f:metadata":{"f:labels":{"f:b":{}}},"f:v":{}})",
     R"({"metadata":{"name":"x","labels":{"a":"1"}},"v":1})", false},
    {"a real status is not counted", R"({"f:v":{}})", R"({"v":1,"status":{"phase":"x"}})", false},
};

TEST(Unchanged, OwnershipCoversTheBody) {
  for (const OwnershipCase& c : kOwnershipCases) {
    EXPECT_EQ(owns_all(json::parse(c.fields, "fields"), json::parse(c.body, "body")), c.owned) << c.what;
  }
}

Object body_with_hash(const Secret& key) {
  Object body(json::parse(
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n"},"data":{"x":"1"}})", "body"));
  body.set_annotation(kAppliedHashAnnotation, applied_hash(body, key));
  return body;
}

TEST(Unchanged, HashIsOfTheBodyWithoutItself) {
  const Secret key("k");
  Object body = body_with_hash(key);
  const std::string hash(body.annotation(kAppliedHashAnnotation));
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_EQ(applied_hash(body, key), hash);
  EXPECT_NE(applied_hash(body, Secret("other")), hash);
  body.set_label("a", "b");
  EXPECT_NE(applied_hash(body, key), hash);
  Object secret(json::parse(R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}})", "body"));
  EXPECT_EQ(applied_hash(secret, Secret()), "") << "without a key the hash of a Secret could be guessed";
}

Object live_of(const Object& body, std::string_view extra_entries = "") {
  Object live(body.value());
  json::Value entries = json::parse(
      std::string(
          R"([{"manager":"fairlead/i/P","operation":"Apply","apiVersion":"v1","fieldsV1":{"f:metadata":{"f:annotations":{"f:fairlead.dev/applied-hash":{}}},"f:data":{"f:x":{}}}})") +
          std::string(extra_entries) + "]",
      "entries");
  live.value().get_object()["metadata"].get_object()["managedFields"] = std::move(entries);
  return live;
}

TEST(Unchanged, OnlyOurLastApplyInForceCounts) {
  const Object body = body_with_hash(Secret("k"));
  const std::string hash(body.annotation(kAppliedHashAnnotation));
  const auto still = [&](const Object& live, std::string_view manager = "fairlead/i/P") {
    return still_applied(body, hash, live_metadata(live, manager));
  };
  EXPECT_TRUE(still(live_of(body)));
  EXPECT_TRUE(still(live_of(body, R"(,{"manager":"kubectl-edit","operation":"Update","fieldsV1":{}})")));
  EXPECT_FALSE(still(live_of(body), "fairlead/i/Q")) << "another project applied it";
  EXPECT_FALSE(still(live_of(body, R"(,{"manager":"kubectl-client-side-apply","operation":"Update","fieldsV1":{}})")));

  Object edited = live_of(body);
  edited.value().at_pointer("/metadata/managedFields/0/fieldsV1/f:data") = json::Object();
  EXPECT_TRUE(still(edited)) << "{} owns the whole map";
  edited.value().at_pointer("/metadata/managedFields/0/fieldsV1/f:data").get_object()["f:other"] = json::Object();
  EXPECT_FALSE(still(edited)) << "somebody else changed data.x";

  Object other_version = live_of(body);
  other_version.value().at_pointer("/metadata/managedFields/0/apiVersion") = "v2";
  EXPECT_FALSE(still(other_version));
  Object rehashed = live_of(body);
  rehashed.set_annotation(kAppliedHashAnnotation, "0");
  EXPECT_FALSE(still(rehashed));
  Object going = live_of(body);
  going.value().at_pointer("/metadata").get_object()["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_FALSE(still(going));
  Object reset = live_of(body);
  reset.value().at_pointer("/metadata/managedFields") = json::Array();
  EXPECT_FALSE(still(reset));
}

TEST(Absorb, MovesFieldsOfFormerManagersIntoOurEntry) {
  const Object live(json::parse(R"({"metadata":{"resourceVersion":"5","managedFields":[
      {"manager":"kubectl-client-side-apply","operation":"Update","fieldsV1":{"f:spec":{"f:a":{},"f:b":{"f:x":{}}}}},
      {"manager":"fairlead/i/P","operation":"Apply","fieldsV1":{"f:spec":{"f:b":{"f:y":{}}}}},
      {"manager":"kubectl-client-side-apply","operation":"Update","subresource":"scale","fieldsV1":{"f:r":{}}},
      {"manager":"kubectl","operation":"Update","fieldsV1":{"f:spec":{"f:c":{}}}}]}})",
                                "live"));
  const auto patch = absorb_patch(live, "fairlead/i/P");
  ASSERT_TRUE(patch);
  EXPECT_EQ(
      json::canonical_text(patch->at(0).at("value")),
      R"([{"fieldsV1":{"f:spec":{"f:a":{},"f:b":{"f:x":{},"f:y":{}}}},"manager":"fairlead/i/P","operation":"Apply"},)"
      R"({"fieldsV1":{"f:r":{}},"manager":"kubectl-client-side-apply","operation":"Update","subresource":"scale"},)"
      R"({"fieldsV1":{"f:spec":{"f:c":{}}},"manager":"kubectl","operation":"Update"}])");
  EXPECT_EQ(patch->at(1).at("value"), "5");
  EXPECT_FALSE(absorb_patch(live, "fairlead/i/Q")) << "no entry of ours yet";
}

}  // namespace
}  // namespace fairlead::kube
