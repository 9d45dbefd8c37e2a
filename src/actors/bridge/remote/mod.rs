//! Rooms on a LiveKit server.

pub(super) mod rooms;
