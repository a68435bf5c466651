// SPDX-License-Identifier: Apache-2.0
#include "store/sealing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"

namespace fairlead::store {

namespace {

Sealer sealer_of(char c) { return Sealer(Secret(std::string(32, c))); }

std::string message_of(auto f) {
  try {
    f();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST(Sealing, OpensWhatItSealed) {
  const Sealer sealer = sealer_of('a');
  for (const std::string& plain :
       {std::string(), std::string("hunter2"), std::string("\0\xff", 2), std::string(100'000, 'x')}) {
    EXPECT_EQ(sealer.unseal(sealer.seal(Secret(plain))).reveal(), plain);
    EXPECT_EQ(sealer.unseal_bytes(sealer.seal_bytes(plain)), plain);
  }
}

TEST(Sealing, TheSameValueIsSealedDifferentlyEachTime) {
  const Sealer sealer = sealer_of('a');
  const std::string one = sealer.seal(Secret("hunter2"));
  EXPECT_NE(one, sealer.seal(Secret("hunter2")));
  EXPECT_EQ(one.find("hunter2"), std::string::npos);
  EXPECT_TRUE(one.starts_with("sealed:1:" + sealer.key_id() + ":")) << one;
}

TEST(Sealing, EveryChangedByteIsNoticed) {
  const Sealer sealer = sealer_of('a');
  const std::string sealed = sealer.seal_bytes("hunter2");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_THROW(sealer.unseal_bytes(changed), Error) << i;
    EXPECT_THROW(sealer.unseal_bytes(sealed.substr(0, i)), Error) << i;
  }
}

TEST(Sealing, BrokenTextsAreErrors) {
  const Sealer sealer = sealer_of('a');
  for (const std::string text : {"", "hunter2", "sealed:1:", "sealed:1:00:", "sealed:1:zzzzzzzz:AAAA",
                                 "sealed:2:00000000:AAAA", "sealed:1:00000000:!!!"}) {
    EXPECT_THROW(sealer.unseal(text), Error) << text;
  }
}

TEST(Sealing, AnotherKeyIsNamed) {
  const std::string sealed = sealer_of('a').seal(Secret("x"));
  const std::string message = message_of([&] { sealer_of('b').unseal(sealed); });
  EXPECT_NE(message.find(sealer_of('a').key_id()), std::string::npos) << message;
  EXPECT_NE(message.find(sealer_of('b').key_id()), std::string::npos) << message;
}

TEST(Sealing, TheContextMustBeTheSame) {
  const Sealer sealer = sealer_of('a');
  const std::string sealed = sealer.seal(Secret("x"), "token");
  EXPECT_EQ(sealer.unseal(sealed, "token").reveal(), "x");
  EXPECT_THROW(sealer.unseal(sealed), Error);
}

TEST(Sealing, NamesDependOnContentAndKey) {
  EXPECT_EQ(sealer_of('a').name_of("x"), sealer_of('a').name_of("x"));
  EXPECT_NE(sealer_of('a').name_of("x"), sealer_of('a').name_of("y"));
  EXPECT_NE(sealer_of('a').name_of("x"), sealer_of('b').name_of("x"));
  EXPECT_NE(sealer_of('a').name_of("x"), sha256_hex("x"));
}

TEST(Sealing, AKeyHas32Bytes) { EXPECT_THROW(Sealer(Secret("short")), Error); }

class MasterKey : public testing::Test {
 protected:
  void TearDown() override { file::remove_tree(folder); }
  const std::string folder = file::make_temporary_folder("fairlead-key");
  const std::string path = folder + "/keys/master.key";
};

TEST_F(MasterKey, IsMadeOnceAndPrivate) {
  EXPECT_THROW(Sealer::from_file(path, false), Error);
  EXPECT_FALSE(file::exists(path));
  const std::string sealed = Sealer::from_file(path, true).seal(Secret("x"));
  EXPECT_EQ(Sealer::from_file(path, true).unseal(sealed).reveal(), "x");
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((folder + "/keys").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(MasterKey, MayBeHexadecimal) {
  const std::string hex_path = folder + "/hex.key";
  file::write_durably(hex_path, hex(std::string(32, 'a')) + "\n");
  EXPECT_EQ(Sealer::from_file(hex_path, false).key_id(), sealer_of('a').key_id());
}

TEST_F(MasterKey, BadFilesAreRefused) {
  const std::string bad = folder + "/bad.key";
  file::write_durably(bad, "too short");
  EXPECT_NE(message_of([&] { Sealer::from_file(bad, true); }).find(bad), std::string::npos);
  file::write_durably(bad, std::string(32, 'a'), 0644);
  ::chmod(bad.c_str(), 0644);
  EXPECT_NE(message_of([&] { Sealer::from_file(bad, true); }).find("other users may read"), std::string::npos);
}

}  // namespace

}  // namespace fairlead::store
