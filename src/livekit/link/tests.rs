//! Links in virtual time against our own endpoint, and against a server that says what a script
//! tells it to.

mod endurance;
mod losses;
mod rooms;
mod script;
mod world;
