// SPDX-License-Identifier: Apache-2.0
// Bytes and their encodings; hashes and random numbers come from libsodium. All functions are thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead {

std::string hex(std::string_view bytes);
std::optional<std::string> parse_hex(std::string_view text);
std::string base64(std::string_view bytes);                      // RFC 4648, padded
std::optional<std::string> parse_base64(std::string_view text);  // standard alphabet, white space ignored
std::string base64url(std::string_view bytes);                   // RFC 4648 section 5, no padding

std::string sha256(std::string_view bytes);                             // 32 raw bytes
std::string sha256_hex(std::string_view bytes);                         // 64 characters: the name of a blob
std::string hmac_sha256(std::string_view key, std::string_view bytes);  // 32 raw bytes; any key length
bool equal_in_constant_time(std::string_view a, std::string_view b);

std::string random_bytes(std::size_t count);
std::string random_id();  // 128 bits as 32 hexadecimal characters
// As random_id, but its first 12 characters are the milliseconds since 1970, as in RFC 9562 version 7: ids that were
// made together lie together in an index.
std::string timed_id(std::int64_t unix_ms);
std::string random_uuid();  // RFC 9562 version 4
// `count` characters out of A-Z and 2-7: what follows "API-" in a key.
std::string random_base32(std::size_t count);

}  // namespace fairlead
