//! Tests through the door: everything here speaks to the program as its surroundings do.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed and says where"
)]

mod ashby_client;
mod scripted_server;
//! All integration tests in one binary: one link instead of many.

mod ashby_schema;
mod simulator;
