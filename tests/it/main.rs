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
//! The tests that go through the doors of the program, in one binary: one link, one Postgres.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helping functions too"
)]

mod database;
mod embedded_postgres;
