//! What is known of a call afterwards: a record for each HTTP attempt, handed to whoever counts, bills or audits them.
//! A record never holds a body, so it may be kept and shown.

use std::fmt;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Is told of every HTTP attempt, right after it.
pub trait CallObserver: Send + Sync {
    /// Takes note of `call`. Runs on the calling task: it must be quick and must not block.
    fn called(&self, call: &CallRecord);
}

/// Is asked right before every attempt at a write, once the rate limit has let it through: whoever waited for its turn
/// may have lost the right to write meanwhile.
pub trait WriteGuard: Send + Sync {
    /// Leave for one attempt that is about to be made; `None`: it must not be.
    fn may_write(&self) -> BoxFuture<'_, Option<Leave>>;
}

/// Leave for one attempt at a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// It must be on its way by then, by the clock: a process may stand still between the question and the sending.
    pub send_by: DateTime<Utc>,
    /// It is given up then, answered or not.
    pub end_by: DateTime<Utc>,
}

/// One HTTP attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// The method, such as `candidate.create`.
    pub endpoint: &'static str,
    /// Whether it could change something in Ashby.
    pub write: bool,
    /// How it ended.
    pub outcome: CallOutcome,
    /// Ashby's own id of the request, where an answer came; their support asks for it.
    pub request_id: Option<String>,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// How long it took, waiting for the rate limit left out.
    pub duration_ms: u64,
    /// When it was answered by Ashby's clock, in whole seconds; not kept.
    #[serde(skip)]
    pub answered_at: Option<DateTime<Utc>>,
}

/// How an attempt ended, in words that metrics and stored rows rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallOutcome {
    /// Ashby did as asked.
    Ok,
    /// Ashby understood and said no.
    Refused,
    /// HTTP 429.
    RateLimited,
    /// HTTP 5xx, or Ashby's own word for a fault on its side.
    ServerError,
    /// No answer in time.
    Timeout,
    /// No connection, or it broke.
    Unreachable,
    /// An answer that is not Ashby's JSON.
    Unreadable,
    /// The key is unknown or switched off.
    KeyRefused,
    /// The key lacks a right.
    PermissionMissing,
}

impl CallOutcome {
    /// The stable word for it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::RateLimited => "rate-limited",
            Self::ServerError => "server-error",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Unreadable => "unreadable",
            Self::KeyRefused => "key-refused",
            Self::PermissionMissing => "permission-missing",
        }
    }

    /// Whether it was Ashby that answered, be it with a no. A fault on its side, a proxy's page and silence are none.
    pub const fn is_answer(self) -> bool {
        match self {
            Self::Ok
            | Self::Refused
            | Self::RateLimited
            | Self::KeyRefused
            | Self::PermissionMissing => true,
            Self::ServerError | Self::Timeout | Self::Unreachable | Self::Unreadable => false,
        }
    }
}

impl fmt::Display for CallOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_and_the_stored_word_are_the_same() {
        for outcome in [
            CallOutcome::Ok,
            CallOutcome::Refused,
            CallOutcome::RateLimited,
            CallOutcome::ServerError,
            CallOutcome::Timeout,
            CallOutcome::Unreachable,
            CallOutcome::Unreadable,
            CallOutcome::KeyRefused,
            CallOutcome::PermissionMissing,
        ] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.label());
        }
    }
}
