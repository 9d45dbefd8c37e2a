//! Links in virtual time: against our own endpoint, and against a server that says what a script
//! tells it to.

mod chaos;
mod endurance;
mod losses;
mod refusals;
mod rooms;
mod script;
mod stage;
mod wires;
mod world;
