//! Names of things: one type for each kind of id, so that a stage can never be passed where an application is meant.
//!
//! Also the one place where randomness enters the program: fresh ids, tokens and jitter come from here.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as it stands in requests and rows.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )+};
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id; ids made later sort later.
            pub fn fresh() -> Self {
                Self(fresh_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

text_ids! {
    /// A candidate as Dover names it.
    DoverCandidateId,
    /// A job as Dover names it.
    DoverJobId,
    /// A job in Ashby.
    AshbyJobId,
    /// A person in Ashby. A merge can end it; the application id survives.
    CandidateId,
    /// A candidate's consideration for one job in Ashby.
    ApplicationId,
    /// An interview plan in Ashby.
    InterviewPlanId,
    /// A stage of an interview plan.
    StageId,
    /// A source, such as *Dover*.
    SourceId,
    /// An archive reason, such as *Withdrew in Dover*.
    ArchiveReasonId,
    /// A custom field, whatever it is of.
    FieldId,
    /// A note on a person in Ashby.
    NoteId,
    /// A tag of candidates in Ashby.
    TagId,
    /// A user of the employer's Ashby.
    UserId,
}

uuid_ids! {
    /// One employer's link.
    ConnectionId,
    /// A registered job.
    JobId,
    /// One Dover candidate on one Dover job.
    ProspectId,
    /// One webhook as received.
    DeliveryId,
    /// One batch run of one connection.
    FlushId,
    /// One recorded decision.
    DecisionId,
    /// Proof of holding a lease.
    LeaseToken,
    /// A process that flushes what is due.
    WorkerId,
    /// A person who was erased.
    ErasureId,
    /// A file of people to be left alone.
    ExclusionImportId,
    /// A token of the REST API.
    TokenId,
}

/// A new time-ordered UUID (version 7).
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where ids are made"
)]
pub fn fresh_uuid() -> Uuid {
    Uuid::now_v7()
}

/// `N` bytes of cryptographic randomness, for keys, secrets and tokens.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where randomness enters"
)]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    rand::random()
}

/// A fraction in `0.0..1.0`, for jitter.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where randomness enters"
)]
pub fn random_fraction() -> f64 {
    rand::random()
}
