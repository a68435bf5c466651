// SPDX-License-Identifier: Apache-2.0
// A Store that dies at a chosen write, for simulations: either the transaction is lost, or it is durable and nobody
// hears of it. After that every call fails until the world is opened again. Writes happen on the calling thread, so
// that a simulation has one order of events. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "store/store.h"

namespace fairlead::engine::sim {

class CrashingStore : public store::Store {
 public:
  enum class Crash { before_commit, after_commit };

  explicit CrashingStore(std::unique_ptr<store::Store> inner) : inner_(std::move(inner)) {}

  // The write with this number (from 1, counted since construction) crashes; 0: none.
  void crash_at(std::int64_t write, Crash crash) {
    crash_at_ = write;
    crash_ = crash;
  }
  // `f` happens once, just before the next write: somebody else was faster.
  void before_next_write(std::function<void()> f) { before_next_write_ = std::move(f); }
  std::int64_t writes() const { return writes_; }
  bool is_dead() const { return dead_; }
  void kill() { dead_ = true; }

  void write_async(std::function<void(store::Tx&)> f, std::function<void(std::exception_ptr)> done) override;
  void read_together(const std::function<void()>& f) override { inner_->read_together(f); }
  Subscription subscribe_outbox(std::function<void()> f) override { return inner_->subscribe_outbox(std::move(f)); }
  Clock& clock() override { return inner_->clock(); }
  void close() override { inner_->close(); }
  std::vector<std::string> check_integrity() override { return inner_->check_integrity(); }
  void backup_to(const std::string& path) override { inner_->backup_to(path); }
  std::string place() const override { return inner_->place(); }

 protected:
  void run_read(const std::function<void(const store::Tx&)>& f) override;
  void run_write(const std::function<void(store::Tx&)>& f) override;

 private:
  void refuse_when_dead() const;
  const std::unique_ptr<store::Store> inner_;
  std::int64_t writes_ = 0;
  std::int64_t crash_at_ = 0;
  Crash crash_ = Crash::before_commit;
  bool dead_ = false;
  std::function<void()> before_next_write_;
};

}  // namespace fairlead::engine::sim
