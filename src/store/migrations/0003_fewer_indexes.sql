-- SPDX-License-Identifier: Apache-2.0
-- Retention looks up the references of the events it removes by their documents; until then this index was only written.
DROP INDEX event_reference_event;
