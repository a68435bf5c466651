// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <map>
#include <memory>
#include <mutex>

#include "base/text.h"

namespace fairlead::metrics {

namespace {

struct Family {
  std::string help;
  std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
  std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms;
  std::function<double()> gauge;
};

struct Registry {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
};

Registry& registry() {
  static Registry instance;
  return instance;
}

std::string with_braces(std::string_view labels) {
  return labels.empty() ? std::string() : text::format("{{{}}}", labels);
}

void append_histogram(std::string& out, std::string_view name, std::string_view labels, const Histogram& histogram) {
  const std::string prefix = labels.empty() ? std::string() : std::string(labels) + ",";
  std::int64_t total = 0;
  for (std::size_t i = 0; i < kBucketsUs.size(); ++i) {
    total += histogram.buckets[i].load(std::memory_order_relaxed);
    out += text::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, prefix, static_cast<double>(kBucketsUs[i]) / 1e6, total);
  }
  total += histogram.buckets.back().load(std::memory_order_relaxed);
  out += text::format("{}_bucket{{{}le=\"+Inf\"}} {}\n", name, prefix, total);
  out += text::format("{}_sum{} {}\n", name, with_braces(labels), static_cast<double>(histogram.sum_us.load()) / 1e6);
  out += text::format("{}_count{} {}\n", name, with_braces(labels), total);
}

}  // namespace

void Histogram::observe_us(std::int64_t us) {
  std::size_t i = 0;
  while (i < kBucketsUs.size() && us > kBucketsUs[i]) ++i;
  buckets[i].fetch_add(1, std::memory_order_relaxed);
  sum_us.fetch_add(us, std::memory_order_relaxed);
}

Counter& counter(std::string_view name, std::string_view help, std::string_view labels) {
  const std::lock_guard lock(registry().mutex);
  Family& family = registry().families[std::string(name)];
  family.help = help;
  auto& slot = family.counters[std::string(labels)];
  if (!slot) slot = std::make_unique<Counter>();
  return *slot;
}

Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels) {
  const std::lock_guard lock(registry().mutex);
  Family& family = registry().families[std::string(name)];
  family.help = help;
  auto& slot = family.histograms[std::string(labels)];
  if (!slot) slot = std::make_unique<Histogram>();
  return *slot;
}

void gauge(std::string_view name, std::string_view help, std::function<double()> read) {
  const std::lock_guard lock(registry().mutex);
  Family& family = registry().families[std::string(name)];
  family.help = help;
  family.gauge = std::move(read);
}

std::string page() {
  const std::lock_guard lock(registry().mutex);
  std::string out;
  for (const auto& [name, family] : registry().families) {
    const std::string_view kind = family.gauge ? "gauge" : family.histograms.empty() ? "counter" : "histogram";
    out += text::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, kind);
    if (family.gauge) out += text::format("{} {}\n", name, family.gauge());
    for (const auto& [labels, value] : family.counters)
      out += text::format("{}{} {}\n", name, with_braces(labels), value->value());
    for (const auto& [labels, value] : family.histograms) append_histogram(out, name, labels, *value);
  }
  return out;
}

}  // namespace fairlead::metrics
