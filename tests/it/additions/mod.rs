//! What is written to a record in Ashby beside its stage.

mod credit;
mod tag;
