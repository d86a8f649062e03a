//! What the core promises: tables of cases rule by rule, the six laws for situations nobody thought of, and the
//! sentences as people read them.

mod arbitrary;
mod creation;
mod fold;
mod laws;
mod model;
mod progress;
mod sentences;
mod settings;
mod stages;
mod world;
