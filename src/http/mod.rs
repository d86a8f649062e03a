//! The doors: webhooks in, the admin's REST, and what monitoring reads.

pub mod gates;
pub mod ops;
pub mod problem;
pub mod receiver;
pub mod state;
pub mod webhook;
