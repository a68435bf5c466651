# SPDX-License-Identifier: Apache-2.0
# Sourced by bash scripts: `phase NAME COMMAND...` says what begins, runs it and remembers how long it took;
# `phase_summary` prints the table. Inside COMMAND `set -e` has no effect where it is a shell function: chain with &&.

export LC_ALL=C.UTF-8
phase_lines=()
phase_times_=$(mktemp)
trap 'rm -f "$phase_times_"' EXIT

# Result: the command's own. Wall-clock and CPU seconds (user + system, children included) go to the table.
phase() {
  local name=$1 started=$EPOCHREALTIME before after result=0
  shift
  printf '==> %s\n' "$name"
  times >"$phase_times_"
  before=$(cpu_seconds_)
  "$@" || result=$?
  times >"$phase_times_"
  after=$(cpu_seconds_)
  phase_lines+=("$(printf '%-34s %8.1f s %9.1f CPU-s   %s' "$name" "$(calculate_ "$EPOCHREALTIME - $started")" \
    "$(calculate_ "$after - $before")" "$([ $result = 0 ] && echo ok || echo "failed ($result)")")")
  return $result
}

phase_note() {
  phase_lines+=("$(printf '%-34s %s' "$1" "$2")")
}

phase_summary() {
  printf '\nPhases:\n'
  printf '  %s\n' "${phase_lines[@]}"
}

calculate_() { awk "BEGIN { printf \"%.2f\", $* }"; }

# CPU seconds of all finished children of this shell. `times` goes to a file because a pipe or $() would be a
# subshell with counters of its own.
cpu_seconds_() {
  awk 'END { split($0, part, /[ms ]+/); print part[1] * 60 + part[2] + part[3] * 60 + part[4] }' "$phase_times_"
}
