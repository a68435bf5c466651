// SPDX-License-Identifier: Apache-2.0
// The one place where an Error becomes an HTTP answer.
#pragma once

#include "base/error.h"
#include "net/http.h"

namespace fairlead::api {

// The error body of the Octopus API. Only 400 and 409 carry "Errors": a client that finds them in a 404 no longer sees
// a 404.
net::Response octopus_error(const Error& error);
// RFC 9457 (application/problem+json), for /ui/v1 and /agent/v1.
net::Response problem_details(const Error& error);

}  // namespace fairlead::api
