//! Sockets, and nothing but sockets.

pub mod address;
pub mod files;
pub mod ports;
pub mod reach;
pub mod rtp;
pub mod tcp;
pub mod tls;
pub mod udp;
