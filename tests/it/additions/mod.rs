//! What is written to a record in Ashby beside its stage.

mod credit;
mod foreseen;
mod tag;
