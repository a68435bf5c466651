// SPDX-License-Identifier: Apache-2.0
// Any text must be a range or be refused with an Error, and a range must answer for any version.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "domain/version_rule.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fairlead::domain;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const bool valid = !problem_of({input, ""});
  try {
    const VersionRange range = VersionRange::parse(input);
    if (!valid) std::abort();
    for (const char* version : {"0", "1.0", "1.0-beta.2", "2.0+sha", "18446744073709551615"})
      range.contains(*parse_version(version));
  } catch (const fairlead::Error& error) {
    if (valid || error.fault() != fairlead::Fault::invalid) std::abort();
  }
  return 0;
}
