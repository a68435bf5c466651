// SPDX-License-Identifier: Apache-2.0
#include "engine/sim/story.h"

#include "base/bytes.h"
#include "base/text.h"
#include "store/outbox.h"

namespace fairlead::engine::sim {

std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

const json::Type& type_of(json::Tag<StoryInput>) {
  static const json::Type type = json::Type::of<StoryInput>("StoryInput")
                                     .field("Seed", &StoryInput::seed)
                                     .field("Length", &StoryInput::length)
                                     .field("Depth", &StoryInput::depth);
  return type;
}

namespace {

enum class Kind { once, apply, script, until, ask, sleep, locked, branches, child, note, large, cleanup };
constexpr int kKinds = 12;

struct DoCommand {
  std::string what;
};
const json::Type& type_of(json::Tag<DoCommand>) {
  static const json::Type type = json::Type::of<DoCommand>("Do").field("What", &DoCommand::what);
  return type;
}

// now() and uuid() must be what they were when the point was first passed.
void check_replay(Run& run, const std::string& name) {
  const std::string seen = std::to_string(run.now().us) + run.uuid(name);
  const std::string first = run.once(name, [&] { return seen; });
  if (first != seen) throw Error(Fault::bug, "a replay differs at " + run.path(name));
}

// In the commit of the wake, exactly once for each name and run: the unique index of start keys would refuse a second
// one.
void count_once(Run& run, const std::string& name) {
  const std::string key = run.id().value + "/" + run.path(name);
  run.in_commit([key](store::Tx& tx) {
    if (tx.integer("SELECT 1 FROM outbox WHERE topic = 'once' AND key = ?", key)) {
      throw Error(Fault::bug, "committed twice: " + key);
    }
    store::publish(tx, "once", key, "{}");
  });
}

Durable<std::string> locked_work(Run& run, const std::string& key) {
  co_await run.lock(key);
  const DoCommand command{"under " + key};
  const Settled<std::string> result =
      co_await Run::settle(run.execute<std::string>("w1", "work", command, repeatable()));
  run.unlock(key);  // also after a failure: another branch may wait for it
  if (result.error) throw *result.error;
  co_return *result.value;
}

Durable<std::string> program(Run& run, StoryInput input);

Durable<std::string> branch_program(Run& run, const StoryInput& input) { return program(run, input); }

Durable<std::string> branches(Run& run, StoryInput input, Random& random) {
  std::vector<StoryInput> items;
  for (int i = random.below(6); i >= 0; --i)
    items.push_back({static_cast<std::int64_t>(random.next() >> 2), 3, input.depth - 1});
  const int window = 1 + random.below(4);
  const std::vector<Settled<std::string>> results = co_await run.settle_all("branch", items, window, &branch_program);
  std::string joined;
  for (const Settled<std::string>& result : results)
    joined += result.ok() ? *result.value : "(" + result.error->message() + ")";
  count_once(run, "joined");
  co_return sha256_hex(joined).substr(0, 8);
}

Durable<std::string> simple_point(Run& run, Kind kind, Random& random) {
  const std::string executor = random.one_in(2) ? "w1" : "w2";
  const DoCommand command{std::to_string(random.below(1000))};
  switch (kind) {
    case Kind::apply: co_return co_await run.execute<std::string>(executor, "apply", command, repeatable());
    case Kind::script: co_return co_await run.execute<std::string>(executor, "script", command, not_repeatable());
    case Kind::until: {
      const auto verdict = co_await run.until<std::string>(executor, "until", command, 1000 * kHour);
      co_return verdict.value_or("late");
    }
    case Kind::ask: {
      const auto answer = co_await run.ask<std::string>("ask", "?", 0);
      co_return answer.value_or("none");
    }
    default: break;
  }
  co_await run.sleep("sleep", (1 + random.below(100)) * kSecond);
  co_return "z";
}

Durable<std::string> point(Run& run, Kind kind, const StoryInput& input, Random& random) {
  switch (kind) {
    case Kind::once: co_return run.once("once", [&] { return std::to_string(random.below(10)); });
    case Kind::large: co_return std::to_string(run.once("large", [] { return std::string(6000, 'l'); }).size());
    case Kind::note:
      run.log().info("a note");
      count_once(run, "note");
      co_return "n";
    case Kind::locked: co_return co_await locked_work(run, "lock-" + std::to_string(random.below(3)));
    case Kind::branches:
      if (input.depth == 0) co_return "-";
      co_return co_await branches(run, input, random);
    case Kind::child: {
      if (input.depth == 0) co_return "-";
      const StoryInput inner{static_cast<std::int64_t>(random.next() >> 2), 3, input.depth - 1};
      ChildRun child;
      child.kind = "story";
      child.input = {encode_record(inner)};
      co_return co_await run.child<std::string>("child", child);
    }
    case Kind::cleanup:
      run.on_cancel("tidy", [](Run& cleanup) -> Durable<> {
        const DoCommand command{"tidy"};
        co_await cleanup.execute("w2", "tidy", command, repeatable());
      });
      co_return "c";
    default: co_return co_await simple_point(run, kind, random);
  }
}

Durable<std::string> program(Run& run, StoryInput input) {
  Random random(static_cast<std::uint64_t>(input.seed));
  std::string result;
  for (int i = 0; i < input.length; ++i) {
    Run step = run.section("step:" + std::to_string(i), "Step " + std::to_string(i));
    check_replay(step, "check");
    const auto kind = static_cast<Kind>(random.below(kKinds));
    Random own(random.next());
    Durable<std::string> work = point(step, kind, input, own);
    const Settled<std::string> settled = co_await Run::settle(std::move(work));
    result += settled.ok() ? *settled.value : "(" + settled.error->message() + ")";
    result += '.';
    step.log().status(settled.ok() ? ElementStatus::success : ElementStatus::failed);
    count_once(step, "passed");
  }
  co_return result;
}

Durable<std::string> story(Run& run, const StoryInput& input) { return program(run, input); }

}  // namespace

std::vector<Definition> story_definitions() { return {definition<StoryInput>("story", 1, &story)}; }

// A failure for about one in eight, decided by the point's name.
ActivityResult story_result(const Activity& activity) {
  const std::string digest = sha256_hex(activity.path + activity.command.payload.text);
  if (digest[0] < '2') return ActivityResult::failed(invalid("failed " + digest.substr(1, 4)));
  return ActivityResult::success({"\"" + digest.substr(1, 4) + "\""});
}

StartRun start_story(std::int64_t seed, int length) {
  const StoryInput input{seed, length, 2};
  StartRun start;
  start.kind = "story";
  start.input = {encode_record(input)};
  start.key = "story-" + std::to_string(seed);
  return start;
}

}  // namespace fairlead::engine::sim
