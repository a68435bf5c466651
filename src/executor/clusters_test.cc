// SPDX-License-Identifier: Apache-2.0
#include "executor/clusters.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "net/http_client.h"

namespace fairlead::executor {
namespace {

TEST(Clusters, ANamespaceIsRememberedForAMinute) {
  net::HttpClient http;
  ManualClock clock;
  kube::ClusterConfig config;
  config.server_url = "https://127.0.0.1:1";
  Cluster cluster(config, http, clock);
  EXPECT_FALSE(cluster.saw_namespace("shop"));
  cluster.note_namespace("shop");
  EXPECT_TRUE(cluster.saw_namespace("shop"));
  EXPECT_FALSE(cluster.saw_namespace("other"));
  clock.advance(kNamespaceSeenUs - 1);
  EXPECT_TRUE(cluster.saw_namespace("shop"));
  clock.advance(1);
  EXPECT_FALSE(cluster.saw_namespace("shop"));
  cluster.note_namespace("shop");
  cluster.forget_namespace("shop");
  EXPECT_FALSE(cluster.saw_namespace("shop"));
  // However many there are, only so many are kept; forgetting costs a read, nothing else.
  for (std::size_t i = 0; i <= kMaxNamespacesSeen; ++i) cluster.note_namespace(text::format("n{}", i));
  EXPECT_TRUE(cluster.saw_namespace(text::format("n{}", kMaxNamespacesSeen)));
  EXPECT_FALSE(cluster.saw_namespace("n0"));
}

}  // namespace
}  // namespace fairlead::executor
