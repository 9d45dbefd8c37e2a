//! Links in virtual time against our own endpoint, and against a server that says what a script
//! tells it to.

mod losses;
mod rooms;
mod world;
