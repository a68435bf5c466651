// SPDX-License-Identifier: Apache-2.0
#include "link/registration.h"

namespace fairlead::link {

const json::Type& type_of(json::Tag<RegistrationRequest>) {
  static const json::Type type = json::Type::of<RegistrationRequest>("RegistrationRequest")
                                     .field("Kind", &RegistrationRequest::kind)
                                     .field("Name", &RegistrationRequest::name, json::required)
                                     .field("Space", &RegistrationRequest::space)
                                     .field("Environments", &RegistrationRequest::environments)
                                     .field("Roles", &RegistrationRequest::roles)
                                     .field("WorkerPools", &RegistrationRequest::worker_pools)
                                     .field("DefaultNamespace", &RegistrationRequest::default_namespace)
                                     .field("PublicKey", &RegistrationRequest::public_key, json::required)
                                     .field("Version", &RegistrationRequest::version)
                                     .field("Host", &RegistrationRequest::host);
  return type;
}

const json::Type& type_of(json::Tag<RegistrationAnswer>) {
  static const json::Type type = json::Type::of<RegistrationAnswer>("RegistrationAnswer")
                                     .field("Executor", &RegistrationAnswer::executor, json::required)
                                     .field("Space", &RegistrationAnswer::space)
                                     .field("ServerPublicKey", &RegistrationAnswer::server_public_key);
  return type;
}

}  // namespace fairlead::link
