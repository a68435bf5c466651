// SPDX-License-Identifier: Apache-2.0
// What a supervisor does (executor/supervisor.h says what for). It is a fork of a process that may have threads, so
// everything in supervise() is system calls: no allocation, no lock, nothing that could be held by a thread that is not
// there.
#pragma once

#include <string>

#include "executor/supervisor.h"

namespace fairlead::executor {

// What it is given; valid descriptors of the calling process, in any order.
struct SupervisorEnds {
  int life = -1;    // read: "T" asks for the end, end of file means that the worker is gone
  int status = -1;  // write: how the process ended, an int
  int out = -1;
  int err = -1;
  int gate = -1;  // read; becomes kGateOfShell of the process; -1: none
};

// A plan in one piece of memory that can be sent to another process. As long as it is the child's to write to,
// supervise() makes pointers of the places in it.
std::string pack(const ProcessPlan& plan);

// A fork that serves: in a session of its own, deaf to what a terminal or a service manager sends to the group, without
// descriptors from `first_unused` on, its standard ones open to nowhere.
void stand_alone(int first_unused);

// Until the child has ended; nobody else may wait for it.
void wait_for_child(int pid);

// In a process of its own: starts the program, watches over it, and ends when nothing of it is left.
[[noreturn]] void supervise(char* packed, const SupervisorEnds& ends);

}  // namespace fairlead::executor
