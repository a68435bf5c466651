// SPDX-License-Identifier: Apache-2.0
#include "executor/script.h"

#include "base/text.h"

namespace fairlead::executor {
namespace {

// Names and service messages are Octopus's interface for scripts.
constexpr std::string_view kFunctions = R"bash(
__fairlead_encode() { printf '%s' "$1" | base64 -w0; }
get_octopusvariable() {
  local - low=0 high=$__fairlead_count middle name
  set +x
  while ((low < high)); do
    middle=$(((low + high) / 2))
    name=${__fairlead_variables[2 * middle]}
    if [ "$name" = "$1" ]; then
      printf '%s' "${__fairlead_variables[2 * middle + 1]}"
      return
    elif [ "$name" \< "$1" ]; then
      low=$((middle + 1))
    else
      high=$middle
    fi
  done
}
set_octopusvariable() {
  local sensitive=''
  if [ "$3" = '-sensitive' ]; then sensitive=" sensitive='$(__fairlead_encode True)'"; fi
  printf '%s\n' "##octopus[setVariable name='$(__fairlead_encode "$1")' value='$(__fairlead_encode "$2")'${sensitive}]"
}
new_octopusartifact() {
  printf '%s\n' "##octopus[createArtifact path='$(__fairlead_encode "$(readlink -f -- "$1")")' name='$(__fairlead_encode "${2:-$(basename -- "$1")}")' length='$(__fairlead_encode "$(stat -c %s -- "$1" 2>/dev/null || echo 0)")']"
}
update_progress() {
  printf '%s\n' "##octopus[progress percentage='$(__fairlead_encode "$1")' message='$(__fairlead_encode "$2")']"
}
report_kubernetes_manifest() {
  printf '%s\n' "##octopus[k8s-manifest-applied manifest='$(__fairlead_encode "$1")' ns='$(__fairlead_encode "$2")']"
}
report_kubernetes_manifest_file() { report_kubernetes_manifest "$(cat -- "$1")" "$2"; }
mask_octopusvalue() { printf '%s\n' "##octopus[mask value='$(__fairlead_encode "$1")']"; }
__fairlead_write() { printf '%s\n' "##octopus[stdout-$1]" "$2" '##octopus[stdout-default]'; }
write_verbose() { __fairlead_write verbose "$1"; }
write_highlight() { __fairlead_write highlight "$1"; }
write_wait() { __fairlead_write wait "$1"; }
write_warning() { __fairlead_write warning "$1"; }
write_error() { __fairlead_write error "$1"; }
fail_step() {
  if [ -n "$1" ]; then printf '%s\n' "##octopus[resultMessage message='$(__fairlead_encode "$1")']"; fi
  exit 255
}
)bash";

}  // namespace

std::string bash_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\0') continue;
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  out += "'";
  return out;
}

std::string bootstrap_text(const WorkFolder& folder) {
  std::string out(kFunctions);
  // The wait leaves no trace that a script could see: no descriptor, no variable, no seconds.
  out += text::format("TMOUT= read -r -N 1 -u {0} || exit 1\nexec {0}<&-\nunset REPLY\nSECONDS=0\n", kGateOfShell);
  out += text::format("mapfile -d '' -t __fairlead_variables <{} || exit 1\n", bash_quoted(folder.own("variables")));
  out += R"bash(__fairlead_count=${__fairlead_variables[-1]}
if [ -n "${__fairlead_variables[-2]}" ]; then export KUBECONFIG=${__fairlead_variables[-2]}; fi
set -- "${__fairlead_variables[@]:2*__fairlead_count:${#__fairlead_variables[@]}-2*__fairlead_count-2}"
source ./Script.sh "$@"
)bash";
  return out;
}

std::string variables_text(const link::RunScript& script, const std::string& kubeconfig,
                           const std::function<Secret(const link::Confidential&)>& open) {
  std::string out;
  const auto add = [&](std::string_view text) {
    for (const char c : text) {
      if (c != '\0') out += c;
    }
    out += '\0';
  };
  std::size_t count = 0;
  for (const auto& [name, value] : script.variables) {
    if (name.empty() || name.find('\0') != std::string::npos) continue;
    add(name);
    add(open(value).reveal());
    ++count;
  }
  for (const link::Confidential& argument : script.arguments) add(open(argument).reveal());
  add(kubeconfig);
  add(text::format("{}", count));
  return out;
}

}  // namespace fairlead::executor
