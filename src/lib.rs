//! Carries every candidate's stage change from Dover to Ashby, and explains each thing it did or did not do.
//!
//! `plan` decides and knows nothing of the world; `sync` is the shell that gathers what a decision needs and carries
//! it out; everything else is an edge. `docs/architecture.md` draws it.

pub mod ashby;
pub mod clock;
pub mod commands;
pub mod config;
pub mod dover;
pub mod embedded_postgres;
pub mod http;
pub mod ids;
pub mod plan;
pub mod shutdown;
pub mod simulator;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod worker;

/// A delivery is some hundred small pieces of memory, made by one thread and freed by another, and a busy minute must not
/// leave its peak behind: `docs/performance.md` has what was measured.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
