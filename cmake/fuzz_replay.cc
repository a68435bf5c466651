// SPDX-License-Identifier: Apache-2.0
// Feeds the files of a corpus folder to a fuzz target, so that every input once found stays a test in every build.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", arguments[0]);
    return 2;
  }
  std::error_code error;
  std::filesystem::directory_iterator folder(arguments[1], error);
  if (error) {
    std::fprintf(stderr, "%s: %s; every fuzz target needs a corpus\n", arguments[1], error.message().c_str());
    return 1;
  }
  int files = 0;
  for (const auto& entry : folder) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    // Printed before the call: a crash must leave the name of its input behind.
    std::printf("%s (%zu bytes)\n", entry.path().filename().c_str(), bytes.size());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++files;
  }
  if (files == 0) {
    std::fprintf(stderr, "%s holds no file; every fuzz target needs a corpus\n", arguments[1]);
    return 1;
  }
  std::printf("replayed %d files\n", files);
  return 0;
}
