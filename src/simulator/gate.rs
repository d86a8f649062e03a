//! Who may call: the key, its modules and its budget.
//!
//! A key is the user name of Basic authentication, with an empty password. None at all is 401, an unknown or revoked
//! one 403 (both in plain text: their form is not documented), a key without the module 403 as JSON.

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    ApiKey,
    switches::{RateLimit, ResetUnit},
};

/// A key and how much of its budget is spent.
#[derive(Clone, Debug)]
pub(crate) struct KeyState {
    pub key: String,
    pub scopes: Vec<String>,
    pub title: String,
    pub revoked: bool,
    pub created_at: DateTime<Utc>,
    /// The source that applications get which are made without one. A setting of the key in Ashby.
    pub default_source: Option<Uuid>,
    /// Calls that another tool of the employer's makes with it in each window, as soon as that opens.
    pub others_per_window: u32,
    window: Option<DateTime<Utc>>,
    spent: u32,
}

impl KeyState {
    /// A key that nobody has used.
    pub(crate) fn new(key: &ApiKey, now: DateTime<Utc>) -> Self {
        Self {
            key: key.key.clone(),
            scopes: key.scopes.clone(),
            title: key.title.clone(),
            revoked: false,
            created_at: now,
            default_source: None,
            others_per_window: 0,
            window: None,
            spent: 0,
        }
    }

    /// Whether the key has the module, such as `candidates:write`.
    pub(crate) fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Another tool of the employer's makes so many calls with it.
    pub(crate) fn spend_elsewhere(&mut self, calls: u32, limit: RateLimit, now: DateTime<Utc>) {
        self.open_window(limit, now);
        self.spent = self.spent.saturating_add(calls).min(limit.limit);
    }

    /// The start of the window that a call at `now` falls into.
    fn open_window(&mut self, limit: RateLimit, now: DateTime<Utc>) -> DateTime<Utc> {
        let length = TimeDelta::seconds(limit.window_seconds.into());
        match self.window {
            Some(start) if now < start + length => start,
            _ => {
                self.spent = self.others_per_window.min(limit.limit);
                *self.window.insert(now)
            }
        }
    }

    /// Counts a call. A call over the limit is refused and costs nothing.
    pub(crate) fn spend(&mut self, limit: RateLimit, now: DateTime<Utc>) -> Budget {
        let length = TimeDelta::seconds(limit.window_seconds.into());
        let start = self.open_window(limit, now);
        let exceeded = self.spent >= limit.limit;
        if !exceeded {
            self.spent += 1;
        }
        Budget {
            limit,
            remaining: limit.limit.saturating_sub(self.spent),
            resets_at: start + length,
            exceeded,
        }
    }
}

/// What is left of a key's budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub limit: RateLimit,
    pub remaining: u32,
    pub resets_at: DateTime<Utc>,
    pub exceeded: bool,
}

impl Budget {
    /// A budget of which nothing is spent, for the answers to calls without a key.
    pub(crate) fn full(limit: RateLimit, now: DateTime<Utc>) -> Self {
        Self {
            limit,
            remaining: limit.limit,
            resets_at: now + TimeDelta::seconds(limit.window_seconds.into()),
            exceeded: false,
        }
    }

    /// Whole seconds until the window closes.
    pub(crate) fn seconds_left(&self, now: DateTime<Utc>) -> i64 {
        let millis = (self.resets_at - now).num_milliseconds();
        millis.max(0).div_euclid(1_000) + i64::from(millis.rem_euclid(1_000) > 0)
    }

    /// What `x-ratelimit-reset` says where the clock is that much ahead of `now`.
    pub(crate) fn reset_header(&self, now: DateTime<Utc>, ahead: TimeDelta) -> i64 {
        match self.limit.reset {
            ResetUnit::Seconds => self.seconds_left(now),
            ResetUnit::Epoch => (now + ahead).timestamp() + self.seconds_left(now),
        }
    }
}

/// The place of the caller's key among `keys`, or what to answer without one.
pub(crate) fn authenticate(
    keys: &[KeyState],
    authorization: Option<&str>,
) -> Result<usize, (StatusCode, &'static str)> {
    let Some(key) = authorization.and_then(user_name) else {
        return Err((StatusCode::UNAUTHORIZED, "An API key is required"));
    };
    keys.iter()
        .position(|held| held.key == key && !held.revoked)
        .ok_or((StatusCode::FORBIDDEN, "The API key is wrong or deactivated"))
}

fn user_name(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, _) = decoded.split_once(':')?;
    (!user.is_empty()).then(|| user.to_owned())
}
