// SPDX-License-Identifier: Apache-2.0
// Payloads of the handshake and of data frames: type tables around link/commands.h. For hub and dialer only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/signing.h"
#include "json/type.h"
#include "link/commands.h"
#include "link/session.h"

namespace fairlead::link {

const json::Type& type_of(json::Tag<Resume>);
const json::Type& type_of(json::Tag<ResumeChannel>);

// Server to executor, first of all.
struct Challenge {
  std::string nonce;       // base64, 32 bytes
  std::string server_key;  // base64, Ed25519
  std::string server_incarnation;
};
const json::Type& type_of(json::Tag<Challenge>);

struct Hello {
  std::string nonce;  // base64, 32 bytes: an old Welcome proves nothing
  std::string executor;
  std::int64_t epoch = 0;
  std::string incarnation;
  std::string kind;
  std::string version;
  std::string host;
  std::string public_key;  // base64, Ed25519: secrets in commands are sealed for it
  Resume resume;
  std::vector<std::string> running;
  std::string proof;  // base64: see proof_text
};
const json::Type& type_of(json::Tag<Hello>);

struct Welcome {
  Resume resume;
  std::string proof;  // base64: by the server's key, or the shared secret
};
const json::Type& type_of(json::Tag<Welcome>);

// What both sides sign (or authenticate with HMAC-SHA-256 of the shared secret): everything that identifies the two,
// under a label that differs per direction so that neither proof can stand for the other.
std::string proof_text(std::string_view label, const Challenge& challenge, const Hello& hello);
inline constexpr std::string_view kHelloLabel = "fairlead.link.v1 hello";
inline constexpr std::string_view kWelcomeLabel = "fairlead.link.v1 welcome";

// Channel command.
struct ToExecutor {
  std::optional<Command> command;
  std::optional<Cancel> cancel;
};
const json::Type& type_of(json::Tag<ToExecutor>);

}  // namespace fairlead::link
