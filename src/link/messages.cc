// SPDX-License-Identifier: Apache-2.0
#include "link/messages.h"

#include "base/text.h"

namespace fairlead::link {

using json::omit_when_empty;
using json::required;
using json::Type;

const Type& type_of(json::Tag<ResumeChannel>) {
  static const Type type = Type::of<ResumeChannel>("ResumeChannel")
                               .field("Channel", &ResumeChannel::channel)
                               .field("First", &ResumeChannel::first)
                               .field("LastSeen", &ResumeChannel::last_seen);
  return type;
}

const Type& type_of(json::Tag<Resume>) {
  static const Type type = Type::of<Resume>("Resume")
                               .field("Stream", &Resume::stream, required)
                               .field("PeerStream", &Resume::peer_stream, omit_when_empty)
                               .field("Channels", &Resume::channels);
  return type;
}

const Type& type_of(json::Tag<Challenge>) {
  static const Type type = Type::of<Challenge>("Challenge")
                               .field("Nonce", &Challenge::nonce, required)
                               .field("ServerKey", &Challenge::server_key, required)
                               .field("ServerIncarnation", &Challenge::server_incarnation, required);
  return type;
}

const Type& type_of(json::Tag<Hello>) {
  static const Type type = Type::of<Hello>("Hello")
                               .field("Nonce", &Hello::nonce, required)
                               .field("Executor", &Hello::executor, required)
                               .field("Epoch", &Hello::epoch)
                               .field("Incarnation", &Hello::incarnation, required)
                               .field("Kind", &Hello::kind)
                               .field("Version", &Hello::version)
                               .field("Host", &Hello::host)
                               .field("PublicKey", &Hello::public_key, required)
                               .field("Resume", &Hello::resume)
                               .field("Running", &Hello::running, omit_when_empty)
                               .field("Proof", &Hello::proof, required);
  return type;
}

const Type& type_of(json::Tag<Welcome>) {
  static const Type type =
      Type::of<Welcome>("Welcome").field("Resume", &Welcome::resume).field("Proof", &Welcome::proof, required);
  return type;
}

const Type& type_of(json::Tag<ToExecutor>) {
  static const Type type = Type::of<ToExecutor>("ToExecutor")
                               .field("Command", &ToExecutor::command, omit_when_empty)
                               .field("Cancel", &ToExecutor::cancel, omit_when_empty);
  return type;
}

std::string proof_text(std::string_view label, const Challenge& challenge, const Hello& hello) {
  std::string out;
  // Lengths before the parts: no two different handshakes give the same text.
  const auto add = [&](std::string_view part) { out += text::format("{}:{};", part.size(), part); };
  add(label);
  add(challenge.nonce);
  add(challenge.server_key);
  add(challenge.server_incarnation);
  add(hello.nonce);
  add(hello.executor);
  add(text::format("{}", hello.epoch));
  add(hello.incarnation);
  add(hello.public_key);
  return out;
}

}  // namespace fairlead::link
