//! What Dover says, out of the bytes it sent.

mod vocabulary;

pub use vocabulary::{ActivityKind, Sentiment, stage, status};
