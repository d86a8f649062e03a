//! Rule 14: what Dover says, into which fields of Ashby's, and whether.
//!
//! A [map](FieldMap) says where each [variable](Variable) goes; the [catalogue] knows the custom fields that there are;
//! [shape] brings a value into the form that a field takes; [decide](mod@decide) says whether it is written.

pub mod catalogue;
pub mod decide;
mod due;
mod map;
pub mod native;
pub mod shape;
#[cfg(test)]
mod tests;
pub mod variable;

pub use catalogue::{Catalogue, Field, Object};
pub use decide::{Before, Held, Question, Said, Verdict, Write, decide, is_due};
pub use due::{Wanted, due};
pub use map::{
    DISPLAYED, Entry, FILTERABLE, Faults, FieldMap, MANDATORY, MAP, Target, check, check_targets,
    kept, named, without_place,
};
pub use native::{Native, Portrait};
pub use variable::{About, Variable};
