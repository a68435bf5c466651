// SPDX-License-Identifier: Apache-2.0
#include "features/common/step_type.h"

namespace fairlead::features {

const json::Type& type_of(json::Tag<StepOutput>) {
  static const json::Type type = json::Type::of<StepOutput>("StepOutput")
                                     .field("Name", &StepOutput::name)
                                     .field("Value", &StepOutput::value)
                                     .field("Sensitive", &StepOutput::sensitive);
  return type;
}

}  // namespace fairlead::features
