// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and histograms of the process in the Prometheus text format (version 0.0.4). Handles live as long as
// the process; all calls are thread-safe and cheap enough for hot paths.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace fairlead::metrics {

class Counter {
 public:
  void add(std::int64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Upper bounds in microseconds: 100 us to 10 s in steps of about three.
inline constexpr std::array<std::int64_t, 11> kBucketsUs = {100,     300,     1'000,     3'000,     10'000,    30'000,
                                                            100'000, 300'000, 1'000'000, 3'000'000, 10'000'000};

class Histogram {
 public:
  void observe_us(std::int64_t us);
  std::array<std::atomic<std::int64_t>, kBucketsUs.size() + 1> buckets{};
  std::atomic<std::int64_t> sum_us{0};
};

// `labels` is the text between the braces ("method=\"GET\"") or empty. The same name and labels give the same handle.
Counter& counter(std::string_view name, std::string_view help, std::string_view labels = {});
Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels = {});
// A value that is read when the page is asked for. `read` must be thread-safe and must not block.
void gauge(std::string_view name, std::string_view help, std::function<double()> read);
// Everything in the exposition format.
std::string page();

}  // namespace fairlead::metrics
