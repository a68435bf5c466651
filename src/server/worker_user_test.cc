// SPDX-License-Identifier: Apache-2.0
#include "server/worker_user.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "server/worker_log.h"

namespace fairlead::server {
namespace {

const WorkerUser kNobody{"nobody", 65'534, 65'534};

uid_t owner_of(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_uid;
}

std::string message_of(const std::string& user, const std::vector<std::string>& folders) {
  try {
    choose_worker_user(user, true, folders);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::invalid);
    return error.text();
  }
  return "no error";
}

class WorkerUserTest : public ::testing::Test {
 protected:
  ~WorkerUserTest() override { file::remove_tree(folder_); }
  std::string folder_ = file::make_temporary_folder("worker-user");
};

TEST_F(WorkerUserTest, RefusesUsersThatAreNotThere) {
  EXPECT_NE(message_of("nobody-has-this-name", {}).find("there is no user \"nobody-has-this-name\""),
            std::string::npos);
  if (::geteuid() == 0) GTEST_SKIP() << "root may change to every user";
  EXPECT_NE(message_of("root", {}).find("needs a server that runs as root"), std::string::npos);
}

TEST_F(WorkerUserTest, NamesTheFolderThatIsClosed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can look as another user";
  file::make_folder(folder_ + "/data", 0711);
  file::make_folder(folder_ + "/data/worker", 0711);
  ASSERT_EQ(::chmod(folder_.c_str(), 0711), 0);
  EXPECT_EQ(first_closed_folder(folder_ + "/data/worker", kNobody), std::nullopt);
  EXPECT_EQ(message_of("nobody", {folder_ + "/data/worker"}), "no error");
  ASSERT_EQ(::chmod((folder_ + "/data").c_str(), 0700), 0);
  EXPECT_EQ(first_closed_folder(folder_ + "/data/worker", kNobody), folder_ + "/data");
  ASSERT_EQ(::chmod(folder_.c_str(), 0700), 0);
  EXPECT_EQ(first_closed_folder(folder_ + "/data/worker", kNobody), folder_);
  const std::string message = message_of("nobody", {folder_ + "/data/worker"});
  EXPECT_NE(message.find("\"nobody\" may not enter " + folder_ + ","), std::string::npos) << message;
  EXPECT_NE(message.find("chmod o+x " + folder_), std::string::npos) << message;
}

TEST_F(WorkerUserTest, GivesAllButWhatMightBeSomebodyElses) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string worker = folder_ + "/worker";
  const std::string precious = folder_ + "/precious";
  file::write_durably(precious, "x");
  file::make_folder(worker + "/spool/deep");
  file::write_durably(worker + "/key", "k");
  file::write_durably(worker + "/spool/deep/journal", "j");
  ASSERT_EQ(::symlink(precious.c_str(), (worker + "/link").c_str()), 0);
  ASSERT_EQ(::symlink(folder_.c_str(), (worker + "/up").c_str()), 0);
  ASSERT_EQ(::link(precious.c_str(), (worker + "/hard").c_str()), 0);
  give_folder(worker, kNobody);
  for (const char* path : {"", "/key", "/spool", "/spool/deep", "/spool/deep/journal"}) {
    EXPECT_EQ(owner_of(worker + path), kNobody.uid) << path;
  }
  EXPECT_EQ(owner_of(precious), 0U);
  EXPECT_EQ(owner_of(folder_), 0U);
  give_file(folder_ + "/none", kNobody.uid, kNobody.gid);
}

TEST_F(WorkerUserTest, KnowsTheUserOfAProcess) {
  EXPECT_EQ(user_of_process(::getpid()), std::optional(::getuid()));
  EXPECT_EQ(user_of_process(-1), std::nullopt);
}

TEST_F(WorkerUserTest, TheLogIsBoundedWhileItIsWritten) {
  const std::string path = folder_ + "/worker.log";
  const file::Descriptor writer = open_worker_log(path);
  const auto write = [&](const std::string& text) {
    ASSERT_EQ(::write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  };
  write("first\nsecond\n\n");
  EXPECT_EQ(last_line_of(path), "second");
  bound_worker_log(path, 14);
  EXPECT_FALSE(file::exists(path + ".1"));
  write("third\n");
  bound_worker_log(path, 14);
  EXPECT_EQ(file::read(path), "");
  EXPECT_EQ(file::read(path + ".1"), "second\n\nthird\n");
  write("fourth");
  EXPECT_EQ(file::read(path), "fourth");
  EXPECT_EQ(last_line_of(path), "fourth");
  EXPECT_EQ(last_line_of(folder_ + "/none"), "");
}

}  // namespace
}  // namespace fairlead::server
