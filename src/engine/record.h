// SPDX-License-Identifier: Apache-2.0
// How values get into a journal and out of it: by the codecs of json/type.h, so that everything a type table can
// describe (and strings, numbers, booleans, times, vectors, maps, optionals, json::Raw) can be recorded. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "json/type.h"

namespace fairlead::engine {

// What a step or a definition without a result records.
struct Nothing {};
const json::Type& type_of(json::Tag<Nothing>);

std::string encode_value(const json::Codec& codec, const void* value, json::Mode mode);
// `what` names the text in the error ("the result of \"apply\"").
void decode_value(const json::Codec& codec, std::string_view text, json::Mode mode, std::string_view what, void* value);

// An Error as JSON text {"Fault","Message","Details":[{"Where","Text"}],"Help","RetryAfterSeconds"} and back.
std::string encode_error(const Error& error);
Error decode_error(std::string_view text);

template <class T>
std::string encode_record(const T& value, json::Mode mode = json::Mode::store) {
  return encode_value(json::codec_for<T>(), &value, mode);
}
template <class T>
T decode_record(std::string_view text, std::string_view what, json::Mode mode = json::Mode::store) {
  T value{};
  decode_value(json::codec_for<T>(), text, mode, what, &value);
  return value;
}

// `void` in the place of a type means Nothing.
template <class T>
using RecordOf = std::conditional_t<std::is_void_v<T>, Nothing, T>;

}  // namespace fairlead::engine
