// SPDX-License-Identifier: Apache-2.0
#include "engine/record.h"

#include "base/text.h"
#include "json/value.h"

namespace fairlead::engine {

const json::Type& type_of(json::Tag<Nothing>) {
  static const json::Type type = json::Type::of<Nothing>("Nothing");
  return type;
}

namespace {

struct StoredDetail {
  std::string where;
  std::string text;
};

struct StoredError {
  std::string fault;
  std::string message;
  std::vector<StoredDetail> details;
  std::string help;
  int retry_after_seconds = 0;
};

const json::Type& type_of(json::Tag<StoredDetail>) {
  static const json::Type type = json::Type::of<StoredDetail>("ErrorDetail")
                                     .field("Where", &StoredDetail::where)
                                     .field("Text", &StoredDetail::text);
  return type;
}

const json::Type& type_of(json::Tag<StoredError>) {
  static const json::Type type = json::Type::of<StoredError>("Error")
                                     .field("Fault", &StoredError::fault)
                                     .field("Message", &StoredError::message)
                                     .field("Details", &StoredError::details)
                                     .field("Help", &StoredError::help)
                                     .field("RetryAfterSeconds", &StoredError::retry_after_seconds);
  return type;
}

constexpr Fault kFaults[] = {Fault::invalid,   Fault::unauthenticated, Fault::forbidden,   Fault::not_found,
                             Fault::conflict,  Fault::too_many,        Fault::unavailable, Fault::timeout,
                             Fault::cancelled, Fault::unsupported,     Fault::bug};

}  // namespace

std::string encode_value(const json::Codec& codec, const void* value, json::Mode mode) {
  std::string out;
  json::Writer writer(out, mode);
  codec.write(value, writer);
  return out;
}

void decode_value(const json::Codec& codec, std::string_view encoded, json::Mode mode, std::string_view what,
                  void* value) {
  const json::Value parsed = json::parse(encoded, what);
  json::Reader reader(mode, "");
  codec.read(parsed, value, reader);
  if (reader.problems().empty()) return;
  Error error(mode == json::Mode::store ? Fault::bug : Fault::invalid, text::format("{} cannot be read", what));
  for (const auto& [path, problem] : reader.problems()) error.at(path, problem);
  throw error;
}

std::string encode_error(const Error& error) {
  StoredError stored;
  stored.fault = name_of(error.fault());
  stored.message = error.message();
  for (const ErrorDetail& detail : error.details()) stored.details.push_back({detail.where, detail.text});
  stored.help = error.help();
  stored.retry_after_seconds = error.retry_after_seconds();
  return json::encode(stored);
}

Error decode_error(std::string_view text) {
  const auto stored = json::decode<StoredError>(text);
  Fault fault = Fault::bug;
  for (const Fault candidate : kFaults) {
    if (name_of(candidate) == stored.fault) fault = candidate;
  }
  Error error(fault, stored.message);
  for (const StoredDetail& detail : stored.details) error.at(detail.where, detail.text);
  return std::move(error).with_help(stored.help).retry_after(stored.retry_after_seconds);
}

}  // namespace fairlead::engine
