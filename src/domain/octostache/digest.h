// SPDX-License-Identifier: Apache-2.0
// Digests that templates may ask for. Private to this folder: MD5 (RFC 1321) and SHA-1 (RFC 3174) are here for
// compatibility with existing templates only and must protect nothing.
#pragma once

#include <string>
#include <string_view>

namespace fairlead::domain::octostache {

// Raw bytes.
std::string md5(std::string_view bytes);
std::string sha1(std::string_view bytes);
std::string sha384(std::string_view bytes);
std::string sha512(std::string_view bytes);

}  // namespace fairlead::domain::octostache
