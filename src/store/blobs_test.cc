// SPDX-License-Identifier: Apache-2.0
#include "store/blobs.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "store/sqlite/sqlite_store.h"

namespace fairlead::store {

namespace {

class BlobFolder : public testing::Test {
 protected:
  void TearDown() override { file::remove_tree(folder); }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  const std::string folder = file::make_temporary_folder("fairlead-blobs");
  const Blobs blobs{folder};
  const std::string absent = std::string(64, '0');
};

TEST_F(BlobFolder, ContentIsFoundByItsDigest) {
  const std::string digest = blobs.put("hello");
  EXPECT_EQ(digest, sha256_hex("hello"));
  EXPECT_EQ(blobs.put("hello"), digest);
  EXPECT_EQ(blobs.get(digest), "hello");
  EXPECT_EQ(blobs.size(digest), 5);
  EXPECT_TRUE(blobs.contains(digest));
  EXPECT_EQ(blobs.path_of(digest), folder + "/sha256/" + digest.substr(0, 2) + "/" + digest.substr(2));
  EXPECT_EQ(files(), 1u);
  blobs.remove(digest);
  blobs.remove(digest);
  EXPECT_FALSE(blobs.contains(digest));
}

TEST_F(BlobFolder, WhatIsAbsentIsNotFound) {
  EXPECT_FALSE(blobs.contains(absent));
  EXPECT_EQ(blobs.size(absent), std::nullopt);
  EXPECT_THROW(blobs.get(absent), Error);
}

TEST_F(BlobFolder, DigestsCannotLeaveTheFolder) {
  for (const std::string& bad :
       {std::string("../../etc/passwd"), std::string(), std::string(64, 'G'), std::string(64, 'A'),
        std::string(63, '0'), std::string(62, '0') + "/.", std::string(65, '0')}) {
    EXPECT_THROW(blobs.path_of(bad), Error) << bad;
    EXPECT_THROW(blobs.get(bad), Error) << bad;
    EXPECT_THROW(blobs.contains_sealed(bad), Error) << bad;
  }
}

TEST_F(BlobFolder, DamageIsNoticed) {
  const std::string digest = blobs.put("hello");
  file::write_durably(blobs.path_of(digest), "hullo");
  EXPECT_THROW(blobs.get(digest), Error);
}

TEST_F(BlobFolder, LargeContentArrivesInPieces) {
  BlobWriter writer = blobs.writer(1000);
  writer.write("hel");
  writer.write("");
  writer.write("lo");
  EXPECT_EQ(writer.written(), 5);
  EXPECT_EQ(writer.finish(), sha256_hex("hello"));
  EXPECT_EQ(blobs.get(sha256_hex("hello")), "hello");
  EXPECT_EQ(files(), 1u);
}

TEST_F(BlobFolder, AnUnfinishedOrTooLargeBlobLeavesNothing) {
  {
    BlobWriter writer = blobs.writer(4);
    writer.write("1234");
    EXPECT_THROW(writer.write("5"), Error);
    BlobWriter moved = std::move(writer);
    moved.write("");
    EXPECT_EQ(files(), 1u);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(BlobFolder, SealedContentIsUnreadableWithoutTheKey) {
  const Sealer sealer(Secret(std::string(32, 'a')));
  const std::string name = blobs.put_sealed(sealer, "password: hunter2");
  EXPECT_EQ(blobs.put_sealed(sealer, "password: hunter2"), name);
  EXPECT_NE(name, sha256_hex("password: hunter2"));
  EXPECT_EQ(blobs.get_sealed(sealer, name), "password: hunter2");
  EXPECT_TRUE(blobs.contains_sealed(name));
  const std::string raw = file::read(folder + "/sealed/" + name.substr(0, 2) + "/" + name.substr(2));
  EXPECT_EQ(raw.find("hunter2"), std::string::npos);
  EXPECT_THROW(blobs.get_sealed(Sealer(Secret(std::string(32, 'b'))), name), Error);
  blobs.remove_sealed(name);
  EXPECT_THROW(blobs.get_sealed(sealer, name), Error);
}

TEST_F(BlobFolder, ASealedBlobCannotTakeAnothersName) {
  const Sealer sealer(Secret(std::string(32, 'a')));
  const auto path = [&](const std::string& name) {
    return folder + "/sealed/" + name.substr(0, 2) + "/" + name.substr(2);
  };
  const std::string one = blobs.put_sealed(sealer, "one");
  const std::string two = blobs.put_sealed(sealer, "two");
  file::write_durably(path(two), file::read(path(one)));
  EXPECT_THROW(blobs.get_sealed(sealer, two), Error);
}

TEST_F(BlobFolder, TheDatabaseKeepsTheFirstRecord) {
  ManualClock clock;
  const std::unique_ptr<Store> store = open_sqlite({.path = folder + "/test.db"}, clock);
  const Time first = clock.now();
  store->write([&](Tx& tx) { record_blob(tx, absent, 5); });
  clock.advance(kHour);
  store->write([&](Tx& tx) { record_blob(tx, absent, 5); });
  EXPECT_EQ(store->read([](const Tx& tx) { return tx.integer("SELECT created FROM blob_meta"); }), first.us);
}

}  // namespace

}  // namespace fairlead::store
