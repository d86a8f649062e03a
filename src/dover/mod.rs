//! The door to Dover: whether a request is genuine ([`signature`]), and what it says ([`payload`]).
//!
//! Pure throughout: the moment is passed in and nothing is stored. Knows nothing of HTTP beyond headers and bytes, and
//! nothing of Ashby.

pub mod payload;
pub mod signature;
