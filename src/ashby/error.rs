//! What can go wrong between us and Ashby, and what that means for trying again.
//!
//! The one question that matters after a failed call is whether it may have had an effect: Ashby knows no idempotency
//! key, so a create that is sent twice makes two people. [`AshbyError::disposition`] answers it.

use super::{endpoint::Endpoint, observe::CallOutcome};

/// A call that did not succeed, with all that a person or Ashby's support needs to follow it up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: {message}{}{}", tagged("code", code.as_deref()), tagged("request", request_id.as_deref()))]
pub struct AshbyError {
    /// The method called, such as `candidate.create`.
    pub endpoint: &'static str,
    /// What happened.
    pub kind: ErrorKind,
    /// A sentence about it: Ashby's own where it gave one.
    pub message: String,
    /// Ashby's id of the request, where an answer came.
    pub request_id: Option<String>,
    /// Ashby's code, such as `application_not_found`, where it gave one.
    pub code: Option<String>,
    pub(super) write: bool,
    pub(super) needed: bool,
}

fn tagged(name: &str, value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(" [{name} {value}]"))
}

/// The ways in which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Ashby understood the request and declined it.
    Refused,
    /// Too many requests; this one was not looked at.
    RateLimited,
    /// A fault on Ashby's side, at a moment unknown to us.
    ServerError,
    /// The request was sent and no answer came in time.
    Timeout,
    /// No connection: the request was never sent.
    Unreachable,
    /// The guard of writes did not let it through: it was never sent.
    Withheld,
    /// The connection broke after the request had been sent, or while it was.
    Dropped,
    /// An answer came that is not the JSON Ashby promises: cut short, a proxy's page, another shape.
    Unreadable,
    /// The API key is missing, wrong or switched off.
    KeyRefused,
    /// The key is good but lacks a right.
    PermissionMissing {
        /// The right the endpoint needs, such as `candidates:write`.
        permission: &'static str,
    },
}

/// What a failed call leaves to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing was changed; the same call may succeed later.
    Transient,
    /// A write whose effect is unknown: look before doing it again.
    InDoubt,
    /// It was never sent, and whoever asked has lost the right to.
    Withheld,
    /// Ashby will say the same again until something else changes.
    Permanent,
    /// The key is at fault; every further call is pointless until a person has seen to it.
    Key {
        /// The method that was refused.
        endpoint: &'static str,
        /// The right that is missing; `None` when the key itself was refused.
        permission: Option<&'static str>,
    },
}

impl AshbyError {
    /// An error of `endpoint` about which nothing else is known yet.
    pub(super) fn new(endpoint: Endpoint, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.name,
            kind,
            message: message.into(),
            request_id: None,
            code: None,
            write: endpoint.write,
            needed: endpoint.needed,
        }
    }

    /// What is left to do. A read never had an effect, so it is never [`Disposition::InDoubt`].
    pub fn disposition(&self) -> Disposition {
        match self.kind {
            ErrorKind::Refused => Disposition::Permanent,
            ErrorKind::Withheld => Disposition::Withheld,
            ErrorKind::RateLimited | ErrorKind::Unreachable => Disposition::Transient,
            ErrorKind::ServerError
            | ErrorKind::Timeout
            | ErrorKind::Dropped
            | ErrorKind::Unreadable => {
                if self.write {
                    Disposition::InDoubt
                } else {
                    Disposition::Transient
                }
            }
            ErrorKind::KeyRefused => Disposition::Key {
                endpoint: self.endpoint,
                permission: None,
            },
            ErrorKind::PermissionMissing { .. } if !self.needed => Disposition::Permanent,
            ErrorKind::PermissionMissing { permission } => Disposition::Key {
                endpoint: self.endpoint,
                permission: Some(permission),
            },
        }
    }

    /// The word under which the attempt is recorded.
    pub fn outcome(&self) -> CallOutcome {
        match self.kind {
            ErrorKind::Refused => CallOutcome::Refused,
            ErrorKind::RateLimited => CallOutcome::RateLimited,
            ErrorKind::ServerError => CallOutcome::ServerError,
            ErrorKind::Timeout => CallOutcome::Timeout,
            ErrorKind::Unreachable | ErrorKind::Dropped | ErrorKind::Withheld => {
                CallOutcome::Unreachable
            }
            ErrorKind::Unreadable => CallOutcome::Unreadable,
            ErrorKind::KeyRefused => CallOutcome::KeyRefused,
            ErrorKind::PermissionMissing { .. } => CallOutcome::PermissionMissing,
        }
    }

    /// Whether Ashby knows nothing under an id we sent: `candidate_not_found`, `interview_stage_not_found` and their kin.
    ///
    /// Ashby answers the same for things the key may not see, such as confidential jobs: gone and hidden look alike.
    pub fn is_not_found(&self) -> bool {
        self.code_is(|code| code.ends_with("_not_found"))
    }

    /// Whether a sync token no longer serves and the list has to be read from the start.
    pub fn is_token_refused(&self) -> bool {
        self.code_is(|code| {
            matches!(
                code,
                "sync_token_expired" | "sync_token_invalid" | "incremental_sync_too_large"
            )
        })
    }

    /// Whether a cursor no longer serves and this pass over the list has to begin again.
    pub fn is_cursor_refused(&self) -> bool {
        self.code_is(|code| {
            matches!(
                code,
                "next_cursor_expired" | "invalid_next_cursor" | "cursor_invalid"
            )
        })
    }

    fn code_is(&self, test: impl FnOnce(&str) -> bool) -> bool {
        self.kind == ErrorKind::Refused && self.code.as_deref().is_some_and(test)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::endpoint::{CANDIDATE_CREATE, CANDIDATE_INFO},
        *,
    };

    fn refused_with(code: &str) -> AshbyError {
        AshbyError {
            code: Some(code.to_owned()),
            ..AshbyError::new(CANDIDATE_INFO, ErrorKind::Refused, "no")
        }
    }

    #[test]
    fn only_a_write_can_be_in_doubt() {
        use Disposition::{InDoubt, Permanent, Transient};
        let table = [
            (ErrorKind::Refused, Permanent, Permanent),
            (ErrorKind::RateLimited, Transient, Transient),
            (ErrorKind::Unreachable, Transient, Transient),
            (ErrorKind::ServerError, Transient, InDoubt),
            (ErrorKind::Timeout, Transient, InDoubt),
            (ErrorKind::Dropped, Transient, InDoubt),
            (ErrorKind::Unreadable, Transient, InDoubt),
        ];
        for (kind, on_read, on_write) in table {
            let read = AshbyError::new(CANDIDATE_INFO, kind, "");
            let write = AshbyError::new(CANDIDATE_CREATE, kind, "");
            assert_eq!(read.disposition(), on_read, "read, {kind:?}");
            assert_eq!(write.disposition(), on_write, "write, {kind:?}");
        }
    }

    #[test]
    fn a_fault_of_the_key_names_the_endpoint_and_the_missing_right() {
        let permission = "candidates:write";
        let kind = ErrorKind::PermissionMissing { permission };
        assert_eq!(
            AshbyError::new(CANDIDATE_CREATE, kind, "").disposition(),
            Disposition::Key {
                endpoint: "candidate.create",
                permission: Some(permission)
            }
        );
        assert_eq!(
            AshbyError::new(CANDIDATE_CREATE, ErrorKind::KeyRefused, "").disposition(),
            Disposition::Key {
                endpoint: "candidate.create",
                permission: None
            }
        );
    }

    #[test]
    fn codes_say_what_no_longer_exists_or_serves() {
        for code in [
            "candidate_not_found",
            "application_not_found",
            "job_not_found",
            "interview_plan_not_found",
            "interview_stage_not_found",
            "archive_reason_not_found",
        ] {
            assert!(refused_with(code).is_not_found(), "{code}");
        }
        for code in [
            "sync_token_expired",
            "sync_token_invalid",
            "incremental_sync_too_large",
        ] {
            assert!(refused_with(code).is_token_refused(), "{code}");
        }
        for code in [
            "next_cursor_expired",
            "invalid_next_cursor",
            "cursor_invalid",
        ] {
            assert!(refused_with(code).is_cursor_refused(), "{code}");
        }
        let other = refused_with("invalid_input");
        assert!(!other.is_not_found() && !other.is_token_refused() && !other.is_cursor_refused());
    }

    #[test]
    fn it_reads_as_a_line_for_a_ticket() {
        let error = AshbyError {
            request_id: Some("01JSJ8".to_owned()),
            ..refused_with("candidate_not_found")
        };
        assert_eq!(
            error.to_string(),
            "candidate.info: no [code candidate_not_found] [request 01JSJ8]"
        );
    }
}
