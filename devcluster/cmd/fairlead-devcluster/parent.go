// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// watchParent calls gone when the parent process ends. A pidfd, not PR_SET_PDEATHSIG: that one follows the parent's
// *thread*, and fires when a short-lived thread has started us. Needs Linux 5.3.
func watchParent(gone func()) error {
	parent := os.Getppid()
	descriptor, err := unix.PidfdOpen(parent, 0)
	if err != nil {
		return fmt.Errorf("cannot watch process %d: %w", parent, err)
	}
	if os.Getppid() != parent { // it ended in between, and its number may be another process's by now
		return errors.New("the parent process is gone already")
	}
	go func() {
		defer gone()
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, -1)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	return nil
}
