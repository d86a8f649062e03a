//! The typed client of Ashby's API: one `call()`, one method an endpoint, errors that know whether to try again, and a
//! pace that stays within the key's rate limit.
//!
//! It knows how Ashby speaks and nothing of why we ask: no rules, no storage. The other side of every call is in the
//! file named after what it is about, its wire types beside its methods.

mod complaint;
mod endpoint;
mod envelope;
mod error;
mod lenient;
mod observe;
mod pace;
mod rate_headers;
mod words;

pub use self::{
    endpoint::{ENDPOINTS, Endpoint},
    error::{AshbyError, Disposition, ErrorKind},
    observe::{CallObserver, CallOutcome, CallRecord},
    pace::{Budget, Pace},
};
