# SPDX-License-Identifier: Apache-2.0
"""The figures of bench/run: one module each (services, steps, waiting, idle, agent, http, build), what they stand on
(bed: programs and API; machine: what the kernel says of processes) and the table (report)."""
