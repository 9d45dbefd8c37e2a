//! The HTTP API as scripts and browsers meet it: a real server on loopback, a real desk, real books; no telephone.

mod doors;
mod pages;
mod sessions;
mod show;
mod sockets;
mod station;
mod webhooks;
