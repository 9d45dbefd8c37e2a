//! Links without a server, and what the driver does about them.
