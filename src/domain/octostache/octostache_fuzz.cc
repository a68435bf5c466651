// SPDX-License-Identifier: Apache-2.0
// Any text must parse and evaluate, as a template and as a value, or be refused with an Error; and what is literal must
// survive escaping.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "domain/octostache/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fairlead::domain::octostache;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  EvaluateOptions options;
  options.limits.steps = 20'000;
  options.limits.output_bytes = 1u << 20;
  VariableSet variables;
  variables.set("A", "text");
  variables.set("B", "#{A} #{Input}");
  variables.set("Json", R"({"a":[1,{"b":"#{A}"}],"c":null})");
  variables.set("Item[x].Value", "1");
  variables.set("Item[y].Value", "#{A}");
  variables.set_sensitive("Secret", "hidden");
  variables.set("Input", input);
  if (input.size() < VariableSet::kMaxNameBytes) variables.set(input, "named");
  for (const OnSyntaxError on_error : {OnSyntaxError::keep_whole, OnSyntaxError::keep_piece}) {
    try {
      const Template parsed = Template::parse(input, on_error, options.limits);
      const Evaluation result = parsed.evaluate(variables, options);
      for (const Missing& missing : result.missing) {
        if (missing.offset + missing.length > input.size() || missing.output_offset > result.text.size()) std::abort();
      }
      if (on_error == OnSyntaxError::keep_piece && result.syntax_error) std::abort();
      if (result.source_offset(result.text.size()) > input.size() && result.ok() && !parsed.has_tokens()) std::abort();
      parsed.argument_names();
    } catch (const fairlead::Error& error) {
      if (error.fault() != fairlead::Fault::invalid) std::abort();
    }
  }
  return 0;
}
