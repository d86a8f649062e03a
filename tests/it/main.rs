//! Tests through the doors of the program: everything here speaks to it as its surroundings do. One binary: one link,
//! one Postgres.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helping functions too"
)]

mod additions;
mod api;
mod app;
mod architecture;
mod ashby_client;
mod ashby_schema;
mod ashby_webhooks;
mod attention;
mod command_line;
mod constant_cost;
mod database;
mod dice;
mod doctor;
mod embedded_postgres;
mod erasing;
mod exclusions;
mod fairness;
mod faults;
mod fields;
mod flushing;
mod hiring_team;
mod long_life;
mod master_key;
mod migrating;
mod notes;
mod openapi;
mod operator;
mod outside;
mod pacing;
mod patience;
mod processes;
mod receiving;
mod registering;
mod roles;
mod scenario;
mod scripted_server;
mod seeing;
mod settings;
mod simulator;
mod soak;
mod stretches;
mod wire;
