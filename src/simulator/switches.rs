//! What nobody outside Ashby knows for certain, and what a test wants to vary: each is a switch.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::ErrorShape;

/// All switches, as `POST /_sim/switches` takes and answers them. A call gives only those that it changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Switches {
    /// Keys that an endpoint does not declare: `reject` (default) or `accept`.
    pub unknown_keys: UnknownKeys,
    /// A second application of a candidate to a job.
    pub duplicates: Duplicates,
    /// The shape of refusals; null (default) is what the document says, with objects where a permission is missing.
    pub error_shape: Option<ErrorShape>,
    /// The budget of each key.
    pub rate_limit: RateLimit,
    /// What a move to a stage of type Hired comes to.
    pub hired_guard: HiredGuard,
    /// Whether applications can be made for jobs that are not open.
    pub closed_jobs: ClosedJobs,
    /// How long a sync token is good for. Fourteen days is the better of two reports.
    pub sync_token_lifetime_seconds: u32,
    /// How long a cursor is good for.
    pub cursor_lifetime_seconds: u32,
    /// How many pages an incremental pass may have. Ashby has such a cap; its number is unknown.
    pub max_incremental_pages: u32,
    /// How old an object must be before lists and search show it, and an application before its candidate names it.
    pub list_lag_seconds: u32,
    /// How far Ashby's clock is ahead of the one that the simulator was given, as `Date` and resets tell it. Below
    /// zero: behind.
    pub clock_ahead_seconds: i32,
    /// What `candidate.search` compares an e-mail address with.
    pub search_match: SearchMatch,
    /// How a note's content is answered. The document neither promises it nor says in which form it comes.
    pub note_content: NoteContent,
    /// Whether what an API key does is announced by webhooks too. Nothing says that it is not.
    pub webhook_echo: bool,
    /// Whether webhooks carry a `webhookActionId`: the prose says so, the schemas do not.
    pub webhook_action_ids: bool,
}

impl Default for Switches {
    fn default() -> Self {
        const FOURTEEN_DAYS: u32 = 14 * 24 * 60 * 60;
        Self {
            unknown_keys: UnknownKeys::default(),
            duplicates: Duplicates::default(),
            error_shape: None,
            rate_limit: RateLimit::default(),
            hired_guard: HiredGuard::default(),
            closed_jobs: ClosedJobs::default(),
            sync_token_lifetime_seconds: FOURTEEN_DAYS,
            cursor_lifetime_seconds: FOURTEEN_DAYS,
            max_incremental_pages: 500,
            list_lag_seconds: 0,
            clock_ahead_seconds: 0,
            search_match: SearchMatch::default(),
            note_content: NoteContent::default(),
            webhook_echo: true,
            webhook_action_ids: true,
        }
    }
}

/// `reject` or `accept`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnknownKeys {
    #[default]
    Reject,
    Accept,
}

/// What a second application to the same job comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Duplicates {
    /// A new one where all others are archived, else a refusal.
    #[default]
    NewIfArchived,
    /// Always a refusal.
    Error,
    /// The one that is there.
    ReturnExisting,
}

/// The budget of a key: so many calls in a window that opens with the first call after the last one closed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RateLimit {
    pub limit: u32,
    pub window_seconds: u32,
    /// Whether a 429 says `Retry-After`. Unknown of the real one; off by default.
    pub retry_after: bool,
    /// What `x-ratelimit-reset` counts. Its digits were blacked out in all recordings.
    pub reset: ResetUnit,
    /// Whether answers tell of it at all. Only recordings do; no document of Ashby's does.
    pub told: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            limit: 1_000,
            window_seconds: 60,
            retry_after: false,
            reset: ResetUnit::default(),
            told: true,
        }
    }
}

/// What `x-ratelimit-reset` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ResetUnit {
    /// Seconds from now.
    #[default]
    Seconds,
    /// Seconds since 1970.
    Epoch,
}

/// What keeps an application from being moved to Hired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HiredGuard {
    /// An offer approval that would be passed over.
    #[default]
    InvalidInput,
    /// An opening that somebody else filled.
    OpeningInUse,
    /// Nothing: the move succeeds.
    Off,
}

/// Whether a job that is not open takes applications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClosedJobs {
    #[default]
    Refuse,
    Accept,
}

/// What `candidate.search` compares an e-mail address with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SearchMatch {
    /// Any address of the candidate, without regard to case.
    #[default]
    AnyAddress,
    /// The primary address, without regard to case.
    PrimaryAddress,
    /// Any address, letter by letter.
    ExactCase,
}

/// How a note's content is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NoteContent {
    /// As HTML.
    #[default]
    Html,
    /// As plain text.
    Text,
    /// Not at all.
    LeftOut,
}

impl Switches {
    /// How far Ashby's clock is ahead.
    pub(crate) fn clock_ahead(&self) -> TimeDelta {
        TimeDelta::seconds(self.clock_ahead_seconds.into())
    }

    /// How far lists lag.
    pub(crate) fn list_lag(&self) -> TimeDelta {
        TimeDelta::seconds(self.list_lag_seconds.into())
    }

    /// These switches with those of `patch` set. The error is a sentence for the person who wrote the patch.
    pub(crate) fn patched(&self, patch: &Value) -> Result<Self, String> {
        let mut switches = serde_json::to_value(self).map_err(|error| error.to_string())?;
        let changes = patch.as_object().ok_or("expected an object of switches")?;
        for (name, value) in changes {
            match (switches.get_mut(name), value) {
                (Some(Value::Object(inner)), Value::Object(changes)) => {
                    inner.extend(changes.clone());
                }
                (Some(switch), value) => *switch = value.clone(),
                (None, _) => return Err(format!("there is no switch called {name}")),
            }
        }
        serde_json::from_value(switches).map_err(|error| error.to_string())
    }
}
