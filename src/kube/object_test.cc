// SPDX-License-Identifier: Apache-2.0
#include "kube/object.h"

#include <gtest/gtest.h>

#include "kube/fields.h"
#include "kube/order.h"

namespace fairlead::kube {
namespace {

TEST(Object, ReadsItsMetadataAndIgnoresWrongTypes) {
  const Object object(
      json::parse(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop",
      "uid":"u1","generation":3,"resourceVersion":"7","labels":{"a":"b"},"annotations":{"c":5},
      "ownerReferences":[{"uid":"x"},{"uid":"y","controller":true}]}})",
                  "object"));
  EXPECT_EQ(object.key().text(), "Deployment shop/web");
  EXPECT_EQ(object.key().group, "apps");
  EXPECT_EQ(object.key().api_version(), "apps/v1");
  EXPECT_EQ(object.generation(), 3);
  EXPECT_EQ(object.label("a"), "b");
  EXPECT_EQ(object.annotation("c"), "");
  EXPECT_EQ(object.controller_uid(), "y");
  EXPECT_EQ(Object(json::Value("text")).name(), "");
}

TEST(Object, SettersMakeWhatIsMissing) {
  Object object(json::parse(R"({"kind":"A","metadata":{"name":"x","labels":null}})", "object"));
  object.set_label("a", "1");
  object.set_annotation("b", "2");
  object.set_namespace("n");
  EXPECT_EQ(json::canonical_text(object.value()),
            R"({"kind":"A","metadata":{"annotations":{"b":"2"},"labels":{"a":"1"},"name":"x","namespace":"n"}})");
  object.set_namespace("");
  EXPECT_EQ(object.namespace_name(), "");
}

TEST(Object, KeysAreTheSameInEveryVersion) {
  ObjectKey a{"apps", "v1", "Deployment", "n", "x"};
  ObjectKey b{"apps", "v1beta1", "Deployment", "n", "x"};
  EXPECT_EQ(a, b);
  EXPECT_EQ(ObjectKeyHash()(a), ObjectKeyHash()(b));
  b.namespace_name = "m";
  EXPECT_FALSE(a == b);
}

TEST(Fields, IntegersMustBeIntegers) {
  const json::Value value = json::parse(R"({"a":{"b":1,"c":1.0,"d":"1"}})", "value");
  EXPECT_EQ(find_int(value, {"a", "b"}), 1);
  EXPECT_EQ(find_int(value, {"a", "c"}), std::nullopt);
  EXPECT_EQ(find_int(value, {"a", "d"}), std::nullopt);
  EXPECT_EQ(int_at(value, {"a", "b", "c"}, 9), 9);
}

TEST(Order, StagesAndKinds) {
  const auto key = [](std::string group, std::string kind) {
    return ObjectKey{std::move(group), "v1", std::move(kind), "", "x"};
  };
  const std::vector<ObjectKey> keys = {
      key("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
      key("example.com", "Widget"),
      key("apps", "Deployment"),
      key("", "Service"),
      key("", "ConfigMap"),
      key("apiextensions.k8s.io", "CustomResourceDefinition"),
      key("", "Namespace"),
      key("serving.knative.dev", "Service"),
      key("", "ServiceAccount"),
  };
  const auto stages = order(keys);
  const std::vector<std::vector<std::size_t>> expected = {{6}, {5}, {8, 4, 3}, {2, 1, 7}, {0}};
  EXPECT_EQ(stages, expected);
}

}  // namespace
}  // namespace fairlead::kube
