//! One call: the request and its headers, the answer, the record of it, and trying again.
//!
//! A call is repeated here only when that can do no harm: a read after anything passing, a write only when it surely had
//! no effect. Everything else goes back to the caller, who knows how to look first.

use std::{error::Error as _, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{
    RequestBuilder, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap},
};
use secrecy::ExposeSecret;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    AshbyClient, Leave, TOTAL_TIMEOUT,
    endpoint::Endpoint,
    envelope::{self, Answer},
    error::{AshbyError, Disposition, ErrorKind},
    observe::{CallOutcome, CallRecord},
    pace::Admission,
    punctual::{self, Unsent},
    rate_headers::{self, RateHeaders},
};
use crate::ids::random_fraction;

/// How often one call is sent at most. With the waits between, about four seconds of trouble are ridden out unseen;
/// longer trouble is for the next flush.
const ATTEMPTS: u32 = 4;

/// The wait before the second attempt; it doubles from one to the next, and jitter takes up to half of it away.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The version of Ashby's API that this client is written for. Unpinned, a key follows the newest one.
const API_VERSION: &str = "2026-01-01";

impl AshbyClient {
    /// Asks `endpoint` and reads its results, trying again where that is harmless.
    pub(super) async fn call<Q, R>(
        &self,
        endpoint: Endpoint,
        question: &Q,
    ) -> Result<Answer<R>, AshbyError>
    where
        Q: Serialize,
        R: DeserializeOwned,
    {
        let body = serde_json::to_vec(question).map_err(|error| {
            let message = format!("the request cannot be written as JSON: {error}");
            AshbyError::new(endpoint, ErrorKind::Unreachable, message)
        })?;
        let mut attempt = 1;
        loop {
            let error = match self.attempt(endpoint, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if attempt == ATTEMPTS || error.disposition() != Disposition::Transient {
                return Err(error);
            }
            // After a 429 the pace holds back every caller of the key, this one included.
            if error.kind != ErrorKind::RateLimited {
                let wait = self.core.clock.sleep(backoff(attempt));
                self.unless_stopped(endpoint, wait).await?;
            }
            attempt += 1;
        }
    }

    /// Sends one request, once it is its turn, and tells the observers how it went.
    async fn attempt<R: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        body: Vec<u8>,
    ) -> Result<Answer<R>, AshbyError> {
        let admission = self.core.pace.admit(self.reserved_share);
        let mut admission = self.unless_stopped(endpoint, admission).await?;
        let leave = self.leave(endpoint).await?;
        admission.sent();
        let at = self.core.clock.now();
        let (trace, result) = match self.exchange(endpoint, body, leave).await {
            Ok(reply) => self.digest(endpoint, &admission, &reply),
            Err(error) => (Trace::default(), Err(error)),
        };
        drop(admission);
        let outcome = result
            .as_ref()
            .map_or_else(AshbyError::outcome, |_| CallOutcome::Ok);
        self.report(endpoint, outcome, trace, at);
        result
    }

    /// Waits, unless there is no more waiting.
    async fn unless_stopped<T>(
        &self,
        endpoint: Endpoint,
        wait: impl Future<Output = T>,
    ) -> Result<T, AshbyError> {
        let waited = self.stopped.run_until_cancelled(wait).await;
        waited.ok_or_else(|| withheld(endpoint))
    }

    /// Leave to write, where the endpoint writes and somebody guards it.
    async fn leave(&self, endpoint: Endpoint) -> Result<Option<Leave>, AshbyError> {
        let Some(guard) = self.guard.as_ref().filter(|_| endpoint.write) else {
            return Ok(None);
        };
        let leave = guard.may_write().await;
        leave.map(Some).ok_or_else(|| withheld(endpoint))
    }

    /// Sends the request and takes in the whole answer.
    async fn exchange(
        &self,
        endpoint: Endpoint,
        body: Vec<u8>,
        leave: Option<Leave>,
    ) -> Result<Reply, AshbyError> {
        let (request, unsent) = self.request(endpoint, body, leave);
        let broken = |error| {
            if unsent.was_too_late() {
                withheld(endpoint)
            } else {
                transport_error(endpoint, error)
            }
        };
        let response = request.send().await.map_err(broken)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match response.bytes().await {
            Ok(body) => body.to_vec(),
            // The status of a failure says enough without its body.
            Err(_) if !status.is_success() => Vec::new(),
            Err(error) => return Err(broken(error)),
        };
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    /// The request, within its leave, and what tells if it was too late to be sent.
    fn request(
        &self,
        endpoint: Endpoint,
        body: Vec<u8>,
        leave: Option<Leave>,
    ) -> (RequestBuilder, Unsent) {
        let mut url = self.core.base_url.clone();
        url.set_path(&format!(
            "{}/{}",
            url.path().trim_end_matches('/'),
            endpoint.name
        ));
        let request = self
            .core
            .http
            .post(url)
            .basic_auth(self.core.api_key.expose_secret(), Some(""))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header("Ashby-Version", API_VERSION);
        let Some(leave) = leave else {
            return (request.body(body), Unsent::default());
        };
        let left = leave.end_by - self.core.clock.now();
        let left = left.to_std().unwrap_or_default();
        let (body, unsent) = punctual::body(body, leave.send_by, Arc::clone(&self.core.clock));
        // A request's own limit takes the place of the client's, so it is named only where it is the shorter one.
        let request = if left < TOTAL_TIMEOUT {
            request.timeout(left)
        } else {
            request
        };
        (request.body(body), unsent)
    }

    /// Learns what the answer tells of the rate limit, then reads it.
    fn digest<R: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        admission: &Admission<'_>,
        reply: &Reply,
    ) -> (Trace, Result<Answer<R>, AshbyError>) {
        let limits = RateHeaders::read(&reply.headers, self.core.clock.now());
        let mut result = envelope::read(endpoint, reply.status, &reply.body);
        let refused = matches!(&result, Err(error) if error.kind == ErrorKind::RateLimited);
        admission.answered(&limits, refused);
        let request_id = reply.headers.get("x-ashby-request-id");
        let mut request_id = request_id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
        if let Err(error) = &mut result {
            request_id = request_id.or_else(|| error.request_id.take());
            error.request_id.clone_from(&request_id);
            if let (true, Some(scope)) = (refused, limits.foreign_scope) {
                error.message = format!("rate limit of {scope}: {}", error.message);
            }
        }
        let trace = Trace {
            request_id,
            answered_at: rate_headers::date(&reply.headers),
        };
        (trace, result)
    }

    fn report(&self, endpoint: Endpoint, outcome: CallOutcome, trace: Trace, at: DateTime<Utc>) {
        let took = self.core.clock.now() - at;
        let record = CallRecord {
            endpoint: endpoint.name,
            write: endpoint.write,
            outcome,
            request_id: trace.request_id,
            at,
            duration_ms: u64::try_from(took.num_milliseconds()).unwrap_or(0),
            answered_at: trace.answered_at,
        };
        tracing::debug!(
            ashby.endpoint = record.endpoint,
            ashby.outcome = outcome.label(),
            ashby.request_id = record.request_id.as_deref(),
            duration_ms = record.duration_ms,
            "called Ashby's {}: {outcome}",
            record.endpoint,
        );
        for observer in self.observers.iter() {
            observer.called(&record);
        }
    }
}

/// What an answer tells beside its results.
#[derive(Default)]
struct Trace {
    request_id: Option<String>,
    answered_at: Option<DateTime<Utc>>,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// The right to write was lost, or its time was over, before anything was sent.
fn withheld(endpoint: Endpoint) -> AshbyError {
    let message = "the right to write was lost before it was sent";
    AshbyError::new(endpoint, ErrorKind::Withheld, message)
}

/// What a broken connection means. Only a failure to connect proves that the request never left.
fn transport_error(endpoint: Endpoint, error: reqwest::Error) -> AshbyError {
    let kind = if error.is_connect() || error.is_builder() {
        ErrorKind::Unreachable
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Dropped
    };
    let error = error.without_url();
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        message = format!("{message}: {deeper}");
        cause = deeper.source();
    }
    AshbyError::new(endpoint, kind, message)
}

/// The wait after the given attempt. Jitter keeps callers that failed together from coming back together.
fn backoff(attempt: u32) -> Duration {
    let full = FIRST_BACKOFF * 2_u32.pow(attempt - 1);
    full.mul_f64(0.5 + random_fraction() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_jitter_takes_at_most_half() {
        for (attempt, full) in [(1, 1000), (2, 2000), (3, 4000)] {
            let wait = backoff(attempt).as_millis();
            assert!((full / 2..=full).contains(&wait), "{attempt}: {wait}");
        }
    }
}
