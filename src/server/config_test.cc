// SPDX-License-Identifier: Apache-2.0
#include "server/config.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace fairlead::server {
namespace {

TEST(Config, FlagOverEnvironmentOverFileOverDefault) {
  const std::string folder = file::make_temporary_folder("config-test");
  file::write_durably(folder + "/c.yaml", "listen: 127.0.0.1:1\ntask-cap: 7\nlog-format: json\n");
  const Config config = load_config({{"config", folder + "/c.yaml"}, {"task-cap", "9"}},
                                    {{"FAIRLEAD_TASK_CAP", "8"}, {"FAIRLEAD_LISTEN", "127.0.0.1:2"}});
  EXPECT_EQ(config.task_cap, 9);
  EXPECT_EQ(config.listen, "127.0.0.1:2");
  EXPECT_EQ(config.log_format, "json");
  EXPECT_EQ(config.data_dir, "./fairlead-data");
  // What is printed can be given back.
  file::write_durably(folder + "/printed.yaml", print_config(config));
  EXPECT_EQ(print_config(load_config({{"config", folder + "/printed.yaml"}}, {})), print_config(config));
  file::remove_tree(folder);
}

TEST(Config, ErrorsNameTheSetting) {
  const std::map<std::string, std::pair<std::string, std::string>> wrong = {
      {"--listen must be", {"listen", "8080"}},
      {"--task-cap must be a number from 1", {"task-cap", "many"}},
      {"--keep-audit-days must be a number from 1 to 3650", {"keep-audit-days", "0"}},
      {"--log-level must be one of", {"log-level", "loud"}},
      {"--tls-cert and --tls-key go together", {"tls-cert", "x"}},
  };
  for (const auto& [expected, setting] : wrong) {
    try {
      load_config({setting}, {});
      ADD_FAILURE() << setting.first;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(expected), std::string::npos) << error.message();
    }
  }
  EXPECT_THROW(load_config({}, {{"FAIRLEAD_ADMIN_API_KEY", "secret"}}), Error);
  EXPECT_EQ(load_config({}, {{"FAIRLEAD_ADMIN_API_KEY", "API-A1"}}).admin_api_key.reveal(), "API-A1");
}

TEST(Config, ListenAddresses) {
  EXPECT_EQ(parse_listen("[::1]:80").address, "::1");
  EXPECT_EQ(parse_listen("0.0.0.0:0").port, 0);
  EXPECT_THROW(parse_listen(":80"), Error);
  EXPECT_THROW(parse_listen("a:99999"), Error);
}

}  // namespace
}  // namespace fairlead::server
