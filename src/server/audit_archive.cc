// SPDX-License-Identifier: Apache-2.0
#include "server/audit_archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "json/type.h"

namespace fairlead::server {

namespace {

struct Oldest {
  std::vector<store::AuditEvent> events;  // by number, without a gap
  Time limit;                             // trim_audit(limit) removes exactly these
};

// trim_audit removes what comes before the first event that is not older than its limit. So the limit is the time of
// the event that is to stay first, and only what is older than that is taken: after a jump of the clock that may be
// less than a batch.
Oldest oldest(const store::Tx& tx, Time before) {
  store::AuditQuery query;
  query.to = before;
  query.take = 1;
  const std::int64_t total = store::list_audit(tx, query).total;
  query.take = kAuditBatch;
  query.skip = std::max<std::int64_t>(0, total - kAuditBatch);
  Oldest found;
  found.events = store::list_audit(tx, query).items;
  std::reverse(found.events.begin(), found.events.end());
  const auto gap = std::adjacent_find(found.events.begin(), found.events.end(),
                                      [](const auto& a, const auto& b) { return b.number != a.number + 1; });
  if (gap != found.events.end()) found.events.erase(gap + 1, found.events.end());
  if (found.events.empty()) return found;
  const auto next = store::find_audit(tx, found.events.back().number + 1);
  found.limit = next ? next->created : found.events.back().created;
  if (!next) found.events.pop_back();
  const auto kept = std::find_if(found.events.begin(), found.events.end(),
                                 [&](const auto& event) { return event.created >= found.limit; });
  found.events.erase(kept, found.events.end());
  return found;
}

void append_durably(const std::string& path, std::string_view text) {
  const auto fail = [&](std::string_view doing) {
    return Error(Fault::unavailable,
                 text::format("cannot {} the audit archive {}: {}", doing, path, std::strerror(errno)));
  };
  const file::Descriptor out(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!out.valid()) throw fail("open");
  const off_t before = ::lseek(out.get(), 0, SEEK_END);
  while (!text.empty()) {
    const ssize_t count = ::write(out.get(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const Error error = fail("write");
      static_cast<void>(::ftruncate(out.get(), before));  // no half line, on a full disk
      throw error;
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(out.get()) != 0) throw fail("write");
}

}  // namespace

std::string audit_line(const store::AuditEvent& event) {
  std::string line = text::format("{{\"Number\":{},\"Occurred\":\"{}\"", event.number, iso8601(event.created));
  const auto add = [&](std::string_view name, std::string_view value) {
    line += text::format(",\"{}\":", name);
    json::append_string(line, value);
  };
  const auto add_raw = [&](std::string_view name, const json::Raw& value) {
    line += text::format(",\"{}\":{}", name, value.text.empty() ? "null" : value.text);
  };
  add("Category", event.category);
  add("Message", event.message);
  add("UserId", event.user);
  add("Username", event.username);
  add("IdentityEstablishedWith", event.identity);
  add("UserAgent", event.user_agent);
  add("IpAddress", event.remote_ip);
  add("SpaceId", event.space);
  line += ",\"RelatedDocumentIds\":[";
  for (std::size_t i = 0; i < event.documents.size(); ++i) {
    if (i > 0) line += ',';
    json::append_string(line, event.documents[i]);
  }
  line += ']';
  add_raw("Details", event.details);
  add_raw("Differences", event.differences);
  add("Hash", event.hash);
  line += '}';
  // Details are JSON of others and may be spread over lines; in JSON a line end is only ever white space.
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\r', ' ');
  return line;
}

std::int64_t archive_oldest_audit(store::Store& store, const std::string& folder, Time before) {
  const Oldest found = store.read([&](const store::Tx& tx) { return oldest(tx, before); });
  if (found.events.empty()) return 0;
  std::map<std::string, std::string> days;
  for (const store::AuditEvent& event : found.events) {
    (days[iso8601(event.created).substr(0, 10)] += audit_line(event)) += '\n';
  }
  file::make_folder(folder);
  for (const auto& [day, lines] : days) append_durably(text::format("{}/{}.jsonl", folder, day), lines);
  file::sync_folder(folder);
  return store.write([&](store::Tx& tx) { return store::trim_audit(tx, found.limit); });
}

}  // namespace fairlead::server
