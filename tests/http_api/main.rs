//! The HTTP API as scripts and browsers meet it: a real server on loopback, a real desk, real books; no telephone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod calls_out;
mod doors;
mod drain;
mod ladders;
mod livekit;
mod pages;
mod rooms;
mod sessions;
mod show;
mod sockets;
mod sound;
mod station;
mod twilio_api;
mod webhooks;
