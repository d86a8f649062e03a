//! The list of people to be left alone: files of it, the rules by which it keeps itself, asking about somebody, and giving
//! it out again.

mod check;
mod export;
mod imports;
mod rules;

pub use check::*;
pub use export::*;
pub use imports::*;
pub use rules::*;
