//! The doors: webhooks in, the admin's REST, and what monitoring reads.

pub mod problem;
pub mod state;
