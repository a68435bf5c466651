// SPDX-License-Identifier: Apache-2.0
#include "engine/sim/golden.h"

#include <algorithm>

#include "base/text.h"
#include "engine/rows.h"

namespace fairlead::engine::sim {

namespace {

struct GoldenEntry {
  std::string path, outcome;
  std::int64_t seq = 0, after_us = 0;
  std::string value;
};

struct GoldenWait {
  std::string path, kind;
  bool sent = false;
};

struct GoldenRun {
  std::string kind;
  std::int64_t version = 0, arrivals = 0, seen = 0;
  json::Raw input;
  std::vector<GoldenEntry> journal;
  std::vector<GoldenWait> waits;
};

const json::Type& type_of(json::Tag<GoldenEntry>) {
  using E = GoldenEntry;
  static const json::Type type = json::Type::of<E>("Entry")
                                     .field("Path", &E::path)
                                     .field("Outcome", &E::outcome)
                                     .field("Seq", &E::seq)
                                     .field("AfterUs", &E::after_us)
                                     .field("Value", &E::value);
  return type;
}

const json::Type& type_of(json::Tag<GoldenWait>) {
  using W = GoldenWait;
  static const json::Type type =
      json::Type::of<W>("Wait").field("Path", &W::path).field("Kind", &W::kind).field("Sent", &W::sent);
  return type;
}

const json::Type& type_of(json::Tag<GoldenRun>) {
  using R = GoldenRun;
  static const json::Type type = json::Type::of<R>("GoldenRun")
                                     .field("Kind", &R::kind)
                                     .field("Version", &R::version)
                                     .field("Arrivals", &R::arrivals)
                                     .field("Seen", &R::seen)
                                     .field("Input", &R::input)
                                     .field("Journal", &R::journal)
                                     .field("Waits", &R::waits);
  return type;
}

constexpr Time kStart{1'767'225'600 * kSecond};

}  // namespace

std::string write_golden(const store::Tx& tx, const RunId& id) {
  const LoadedRun run = rows::load(tx, id).value();
  GoldenRun golden{run.kind, run.version, run.arrivals, run.seen, {run.input}, {}, {}};
  for (const auto& [path, entry] : run.journal) {
    const std::string value = entry.digest.empty() ? entry.value : rows::load_blob(tx, id, entry.digest);
    golden.journal.push_back({path, std::string(name_of(entry.outcome)), entry.seq, entry.at - run.created, value});
  }
  for (const auto& [path, wait] : run.waits) golden.waits.push_back({path, wait.kind, wait.sent});
  const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
  std::sort(golden.journal.begin(), golden.journal.end(), by_path);
  std::sort(golden.waits.begin(), golden.waits.end(), by_path);
  return encode_record(golden);
}

WakeResult replay_golden(const Definition& definition, std::string_view text) {
  const auto golden = decode_record<GoldenRun>(text, "a golden journal");
  if (golden.kind != definition.kind || golden.version != definition.version) {
    throw Error(Fault::invalid, text::format("the golden journal is of {} version {}", golden.kind, golden.version));
  }
  LoadedRun run;
  run.id = RunId(std::string(32, '0'));
  run.kind = golden.kind;
  run.version = static_cast<int>(golden.version);
  run.arrivals = golden.arrivals;
  run.seen = golden.seen;
  run.entries = static_cast<std::int64_t>(golden.journal.size());
  run.created = kStart;
  run.input = golden.input.text;
  Time now = kStart;
  for (const GoldenEntry& entry : golden.journal) {
    const Time at = kStart + entry.after_us;
    now = std::max(now, at);
    run.journal[entry.path] = {entry_outcome_of(entry.outcome), entry.seq, at, entry.value, "", false};
  }
  for (const GoldenWait& wait : golden.waits) run.waits[wait.path] = {wait.kind, wait.sent, "", false};
  Wake wake(std::move(run), now, Budgets{30 * kSecond, kMinute}, [](const std::string&) { return std::string(); });
  return wake.replay(definition);
}

}  // namespace fairlead::engine::sim
