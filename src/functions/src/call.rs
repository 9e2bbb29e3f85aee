//! The ways into this room.
