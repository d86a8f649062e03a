//! What Dover says, out of the bytes it sent.

mod paths;
mod pointer;
mod vocabulary;

pub use paths::{Field, PathFault, PathFaults, PayloadPaths};
pub use vocabulary::{ActivityKind, Sentiment, stage, status};
