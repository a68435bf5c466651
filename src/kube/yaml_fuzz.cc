// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "kube/validate.h"
#include "kube/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fairlead;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kube::YamlLimits limits;
  limits.nodes = 10'000;
  limits.expanded_bytes = 1 << 20;
  try {
    kube::check_documents(kube::parse_documents(text, "fuzz.yaml", limits));
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
