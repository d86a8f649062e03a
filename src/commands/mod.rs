//! One file a command: each wires what it needs and runs it.

pub mod bootstrap;
pub mod database;
pub mod demo;
pub mod doctor;
pub mod environment;
pub mod flush;
pub mod openapi;
pub mod rotate;
pub mod send;
pub mod serve;
pub mod simulator;
pub mod work;
