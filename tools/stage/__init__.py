# SPDX-License-Identifier: Apache-2.0
"""What the demo and the end-to-end tests stand on: programs of this tree as child processes that never outlive their
parent (processes), a client of the API (octopus), and a look into a cluster through kubectl (cluster)."""
