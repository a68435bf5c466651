// SPDX-License-Identifier: Apache-2.0
// What a client does with an answer that sends it elsewhere (RFC 9110 section 15.4). Pure functions.
#pragma once

#include <string_view>

#include "net/http_client.h"

namespace fairlead::net {

inline constexpr int kMaxRedirects = 5;

// 301, 302, 303, 307 or 308 with a Location.
bool is_redirect(int status, const Headers& headers);

// The request to send after `request` was answered so. 303, and 301 or 302 to a POST, become a GET without a body.
// To another origin (scheme, host or port) go only headers that cannot carry credentials, no client certificate, no
// skip_verify and no body. Throws Error(unavailable) where the Location must not be followed: from https to http, not
// http at all, a body that would go to another origin, or out of a Unix socket.
ClientRequest redirected(const ClientRequest& request, int status, std::string_view location);

}  // namespace fairlead::net
