//! Faults on order: what a network, a gateway or Ashby itself may do to a call.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::{ErrorShape, Refusal};

/// The longest that a `slow` answer takes, so that a misspelt delay cannot hold up a test run for good.
const LONGEST_DELAY_MS: u64 = 120_000;

/// A fault, as `POST /_sim/faults` takes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// The endpoint that it befalls, such as `candidate.create`; any without it.
    pub endpoint: Option<String>,
    /// The name of the person, or the title of the job, whom the call is about; anybody without it. A call that is
    /// tried again is about the same one, so that a fault can befall one call and no other beside it.
    pub about: Option<String>,
    pub kind: FaultKind,
    /// How many matching calls go through first.
    #[serde(default)]
    pub after: u32,
    /// How many calls it befalls.
    #[serde(default = "once")]
    pub times: u32,
    /// How long a `slow` answer takes, in milliseconds, at most two minutes.
    #[serde(default)]
    pub delay_ms: u64,
    /// What a 429 says in `Retry-After`; nothing without it.
    pub retry_after_s: Option<u32>,
    /// What a 429 says in `X-RateLimit-Scope`; nothing without it.
    pub scope: Option<String>,
    /// The code of a `refuse`.
    pub code: Option<String>,
    /// The shape of a `refuse`.
    pub shape: Option<ErrorShape>,
    /// Whether the call takes effect, where that is not as the kind has it.
    pub effect: Option<bool>,
}

fn once() -> u32 {
    1
}

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FaultKind {
    /// 429, no effect.
    RateLimited,
    /// 403, no effect: the key lacks the permission.
    Forbidden,
    /// 500, no effect.
    ErrorBefore,
    /// 500, yet it took effect.
    ErrorAfter,
    /// It took effect, and the connection drops in place of the body.
    LostAnswer,
    /// It takes effect at once and the answer comes late.
    Slow,
    /// It took effect, and half of the JSON arrives.
    Truncated,
    /// 502 with a gateway's page, no effect.
    Html,
    /// HTTP 200 with `success: false`, no effect.
    Refuse,
}

impl Fault {
    /// Whether the call takes effect all the same.
    pub(crate) fn lets_through(&self) -> bool {
        self.effect.unwrap_or(matches!(
            self.kind,
            FaultKind::ErrorAfter | FaultKind::LostAnswer | FaultKind::Slow | FaultKind::Truncated
        ))
    }

    /// The delay of a `slow` answer, in milliseconds.
    pub(crate) fn delay_ms(&self) -> u64 {
        self.delay_ms.min(LONGEST_DELAY_MS)
    }

    /// The status and the refusal that take the place of the true answer, for the kinds that have one.
    pub(crate) fn refusal(&self) -> Option<(StatusCode, Refusal)> {
        match self.kind {
            FaultKind::RateLimited => Some((
                StatusCode::TOO_MANY_REQUESTS,
                Refusal::new("rate_limit_exceeded", "The rate limit was exceeded"),
            )),
            FaultKind::Forbidden => Some((
                StatusCode::FORBIDDEN,
                Refusal::new("missing_endpoint_permission", "Refused on order"),
            )),
            FaultKind::ErrorBefore | FaultKind::ErrorAfter => Some((
                StatusCode::INTERNAL_SERVER_ERROR,
                Refusal::new("generic_internal_error", "Something went wrong"),
            )),
            FaultKind::Refuse => {
                let code = self.code.as_deref().unwrap_or("generic_internal_error");
                Some((StatusCode::OK, Refusal::new(code, "Refused on order")))
            }
            FaultKind::LostAnswer | FaultKind::Slow | FaultKind::Truncated | FaultKind::Html => {
                None
            }
        }
    }
}

/// The faults in waiting, in the order in which they were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Puts a fault in waiting, unless it is to befall no call at all.
    pub(crate) fn order(&mut self, fault: Fault) {
        if fault.times > 0 {
            self.0.push(fault);
        }
    }

    /// Calls all of them off.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is still in waiting.
    pub(crate) fn waiting(&self) -> &[Fault] {
        &self.0
    }

    /// The fault that befalls this call. One that lets it pass still counts it.
    pub(crate) fn strike(&mut self, endpoint: &str, about: Option<&str>) -> Option<Fault> {
        let matches = |fault: &Fault| {
            let is_meant = |wanted: &str| wanted == endpoint;
            fault.endpoint.as_deref().is_none_or(is_meant)
                && (fault.about.is_none() || fault.about.as_deref() == about)
        };
        let mut struck = None;
        for fault in self.0.iter_mut().filter(|fault| matches(fault)) {
            if fault.after > 0 {
                fault.after -= 1;
            } else {
                fault.times = fault.times.saturating_sub(1);
                struck = Some(fault.clone());
                break;
            }
        }
        self.0.retain(|fault| fault.times > 0);
        struck
    }
}
