// SPDX-License-Identifier: Apache-2.0
// List and watch of one resource for ever: bookmarks, resume from the last resourceVersion, 410, back-off with jitter,
// half-open connections noticed. Protocol:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kube/client.h"
#include "kube/loop.h"

namespace fairlead::kube {

struct WatchSpec {
  Resource resource;
  std::string namespace_name;  // "": all
  std::string label_selector;
  bool metadata_only = false;
  int page_size = 500;
};

// All calls come on the loop's thread.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // A full list begins: everything not given by changed() until list_ended() is gone.
  virtual void list_began() = 0;
  virtual void changed(Object&& object) = 0;
  virtual void removed(Object&& object) = 0;  // its last state
  virtual void list_ended() = 0;
  // The view may be old from now on (after every attempt that failed), or is current again.
  virtual void stale(const Error& error) = 0;
  virtual void current() = 0;
};

class Watch {
 public:
  // The sink must outlive the watch. Starts at once; construct and destroy on the loop's thread.
  Watch(KubeClient& client, Loop& loop, WatchSpec spec, WatchSink& sink);
  ~Watch();
  const WatchSpec& spec() const;
  // 403 or 404: tried again only every five minutes.
  bool refused() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace fairlead::kube
