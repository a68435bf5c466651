// SPDX-License-Identifier: Apache-2.0
#include "kube/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace fairlead::kube {
namespace {

std::optional<Resource> lookup(std::string_view group, std::string_view version, std::string_view kind) {
  Resource resource;
  resource.group = group;
  resource.version = version;
  resource.kind = kind;
  resource.namespaced = kind != "ClusterRole" && kind != "Namespace" && kind != "CustomResourceDefinition";
  resource.patchable = kind != "TokenReview";
  if (kind == "Widget" || kind == "Deploment") return std::nullopt;
  return resource;
}

PrepareResult prepared(std::string_view yaml) { return prepare(parse_documents(yaml, "web.yaml"), lookup, "default"); }

std::string prepare_error_of(std::string_view yaml) {
  try {
    prepared(yaml);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid);
    return error.text();
  }
  return "no error";
}

TEST(Validate, EachProblemNamesItsPlaceAndRemedy) {
  struct Wrong {
    const char* yaml;
    const char* text;
  };
  const Wrong table[] = {
      {"kind: Pod\nmetadata: {name: a}\n", "apiVersion is missing"},
      {"apiVersion: v1\nmetadata: {name: a}\n", "kind is missing"},
      {"apiVersion: 1\nkind: Pod\nmetadata: {name: a}\n", "apiVersion is missing or no text"},
      {"apiVersion: a/b/c\nkind: Pod\nmetadata: {name: a}\n", "must be \"version\" or \"group/version\""},
      {"apiVersion: v1\nkind: Pod\n", "metadata is missing"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {labels: {}}\n", "metadata.name is missing"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n", "generateName"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: 12}\n", "put quotes around it"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: My_Pod}\n", "the name of Pod \"My_Pod\""},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a..b}\n", "must be at most 253"},
      {"apiVersion: v1\nkind: Service\nmetadata: {name: 1a}\n", "letter first"},
      {"apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n", "63 lower-case"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: A_B}\n", "no namespace name"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {x: 1}}\n",
       "metadata.labels.x must be text: put quotes around 1"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {x: yes}}\n", "put quotes around true"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, resourceVersion: '5'}\n", "set by the cluster"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, managedFields: []}\n", "set by the cluster"},
      {"apiVersion: apps/v1\nkind: Deploment\nmetadata: {name: a}\n", "knows no kind Deploment in apps/v1"},
      {"apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nmetadata: {name: a}\n", "cannot be applied"},
  };
  for (const Wrong& wrong : table) {
    const std::string text = prepare_error_of(wrong.yaml);
    EXPECT_THAT(text, testing::HasSubstr("web.yaml:1 (document 1)")) << wrong.yaml;
    EXPECT_THAT(text, testing::HasSubstr(wrong.text)) << wrong.yaml;
  }
}

TEST(Validate, ReportsEverythingAtOnce) {
  const std::string text =
      prepare_error_of("apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: B}\n");
  EXPECT_THAT(text, testing::HasSubstr("web.yaml:1 (document 1)"));
  EXPECT_THAT(text, testing::HasSubstr("web.yaml:4 (document 2)"));
  EXPECT_THAT(text, testing::HasSubstr("Nothing has been written"));
}

TEST(Validate, NamespacesAreSettled) {
  const PrepareResult result = prepared(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: "
      "other}\n---\n"
      "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: 'system:A', namespace: x}\n");
  ASSERT_EQ(result.objects.size(), 3u);
  EXPECT_EQ(result.objects[0].object.namespace_name(), "default");
  EXPECT_EQ(result.objects[1].object.namespace_name(), "other");
  EXPECT_EQ(result.objects[2].object.namespace_name(), "");
  ASSERT_EQ(result.notices.size(), 1u);
  EXPECT_THAT(result.notices[0], testing::HasSubstr("cluster-scoped"));
}

TEST(Validate, DuplicatesAreFoundAfterNamespacesAreSettled) {
  const std::string text = prepare_error_of(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: "
      "default}\n");
  EXPECT_THAT(text, testing::HasSubstr("web.yaml:5 (document 2)"));
  EXPECT_THAT(text, testing::HasSubstr("first at web.yaml:1 (document 1)"));
}

TEST(Validate, KindsOfDefinitionsAmongTheDocumentsAreKnown) {
  const PrepareResult result = prepared(
      "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n---\napiVersion: apiextensions.k8s.io/v1\n"
      "kind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec:\n  group: example.com\n  scope: "
      "Namespaced\n"
      "  names: {kind: Widget, plural: widgets}\n  versions: [{name: v1, served: true}, {name: v0, served: false}]\n");
  EXPECT_TRUE(result.objects[0].of_new_kind);
  EXPECT_EQ(result.objects[0].resource.path("n", "a"), "/apis/example.com/v1/namespaces/n/widgets/a");
}

}  // namespace
}  // namespace fairlead::kube
