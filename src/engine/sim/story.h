// SPDX-License-Identifier: Apache-2.0
// Random definitions for simulations: a story is a program of points drawn from a seed. What it returns depends on the
// seed alone, as long as no executor forgets, nothing is cancelled and no deadline passes; and it checks for itself
// that every replay sees what the first one saw.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/sim/world.h"

namespace fairlead::engine::sim {

// A small generator whose numbers are the same everywhere (splitmix64, public domain algorithm by Sebastiano Vigna).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  // From 0 to below - 1.
  int below(int limit) { return static_cast<int>(next() % static_cast<std::uint64_t>(limit)); }
  bool one_in(int count) { return below(count) == 0; }

 private:
  std::uint64_t state_;
};

struct StoryInput {
  std::int64_t seed = 0;
  int length = 6;
  int depth = 2;
};
const json::Type& type_of(json::Tag<StoryInput>);

// The definitions "story" and what it starts. Stories use the executors "w1" and "w2"; every activity of which `fails`
// says so is answered with a failure.
std::vector<Definition> story_definitions();
ActivityResult story_result(const Activity& activity);
StartRun start_story(std::int64_t seed, int length = 6);

}  // namespace fairlead::engine::sim
