//! Rooms that do not follow the protocol.
