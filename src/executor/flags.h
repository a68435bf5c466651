// SPDX-License-Identifier: Apache-2.0
// Options of the verbs agent and worker: "--name value", "--name=value", switches, and FAIRLEAD_NAME in the environment
// where the command line has none. Kept apart from the command line of the server's program, which the agent's does not
// carry.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::executor {

struct Flag {
  std::string_view name;   // "data-dir"
  std::string_view value;  // "FOLDER"; empty: a switch
  std::string_view help;
};

class Flags {
 public:
  // Throws Error(invalid) naming an unknown option or one without its value.
  Flags(std::string_view verb, std::vector<Flag> known, const std::vector<std::string>& arguments);
  bool help_wanted() const { return has("help"); }
  std::string help_text() const;
  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  std::string get(std::string_view name, std::string_view otherwise = {}) const;
  // Throws Error(invalid) where it is missing or empty.
  std::string required(std::string_view name) const;

 private:
  const std::string verb_;
  const std::vector<Flag> known_;
  std::map<std::string, std::string> values_;
};

}  // namespace fairlead::executor
