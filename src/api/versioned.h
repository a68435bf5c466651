// SPDX-License-Identifier: Apache-2.0
// Replacing a document that is edited under an integer Version (a process, a variable set): the body carries the
// version that its sender has read, and is refused when somebody else was faster.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/audit_trail.h"
#include "api/endpoint.h"
#include "api/server.h"
#include "base/error.h"
#include "base/text.h"

namespace fairlead::api {

struct Versioned {
  std::string_view noun;   // "process": of the conflict's text
  std::string_view title;  // "Deployment process of": of the audit event, before the name of the owner
};

// `document` is the body, and afterwards what was written. `owner`: the id of the member's owner, whose name the audit
// event says. `complete` fills in and checks, before the write. Throws Error(not_found), Error(conflict), and as
// `complete` does.
template <class T>
void replace_versioned(const Server& server, const Context& context, store::Tx& tx, const Versioned& what,
                       const std::string& id, T& document, std::string T::* owner,
                       const std::function<void(T& document, const T& stored)>& complete) {
  const std::optional<T> stored = server.documents.find<T>(tx, id);
  if (!stored || stored->space_id != context.space_id())
    throw not_found(text::format("The resource '{}' was not found.", id));
  if (document.version != stored->version) {
    throw Error(Fault::conflict,
                text::format("The {} was changed by someone else: you sent version {}, but it is at version {}.",
                             what.noun, document.version, stored->version))
        .with_help("Get it again, repeat your change on it and send it with its new Version.");
  }
  json::keep_from_stored(type_of(json::Tag<T>{}), &*stored, &document);
  complete(document, *stored);
  server.documents.update(tx, document, document.version);
  const std::string name = server.documents.name_of(tx, document.*owner).value_or(document.*owner);
  audit_modified(tx, context, what.title, document.*owner, name, store::difference(*stored, document));
}

}  // namespace fairlead::api
