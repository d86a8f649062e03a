//! Webhooks that Ashby itself sends: whether one is genuine, and what it tells.
//!
//! Ashby promises neither an order nor that one comes only once, signs no time, and may leave one out. So whatever is told
//! here is a hint: it says where to look, or what was true at some moment.

mod payload;
mod signature;

pub use payload::{Fault, News, Webhook, read};
pub use signature::{SIGNATURE_HEADER, SignatureFault, verify};
