// SPDX-License-Identifier: Apache-2.0
#include "server/janitor.h"

#include "base/error.h"
#include "base/log.h"
#include "store/outbox.h"

namespace fairlead::server {

namespace {

constexpr std::int64_t kIntervalUs = 10 * kMinute;
constexpr std::int64_t kOutboxKeptUs = 7 * 24 * kHour;  // for consumers that are rebuilt

}  // namespace

void Janitor::start() {
  thread_ = std::thread([this] {
    while (!stopping_.token().wait_for_us(kIntervalUs)) clean();
  });
}

void Janitor::stop() {
  stopping_.cancel("the server stops");
  if (thread_.joinable()) thread_.join();
}

void Janitor::clean() {
  try {
    store_.write([&](store::Tx& tx) { store::trim_outbox(tx, tx.now() + -kOutboxKeptUs); });
  } catch (...) {
    log::warning("old events could not be removed", {{"error", error_of(std::current_exception()).text()}});
  }
}

}  // namespace fairlead::server
