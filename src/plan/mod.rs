//! Decides. Pure: no I/O, no clock, no randomness.

pub mod identity;
pub mod says;
