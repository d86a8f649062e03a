//! From a request to what is answered, all in one go under the world's lock: key, budget, permission, faults, fields,
//! the deed itself, and the record of it.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, value::RawValue};

use super::{
    about,
    answer::{Answer, ErrorShape, Refusal},
    api::{self, Endpoint, Request},
    calls::Call,
    faults::{Fault, FaultKind},
    gate::{self, Budget},
    input::Input,
    switches::{RateLimit, UnknownKeys},
    wire,
    world::World,
};

/// The only version of the API that is served.
pub(crate) const VERSION: &str = "2026-01-01";

/// A request as it came in.
pub(crate) struct Incoming<'a> {
    /// The path without its slash.
    pub endpoint: &'a str,
    pub authorization: Option<&'a str>,
    pub content_type: Option<&'a str>,
    /// The version that the caller asked for.
    pub version: Option<&'a str>,
    pub body: &'a [u8],
}

/// What goes out.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub status: StatusCode,
    pub payload: Payload,
    pub request_id: String,
    /// What `Date` says.
    pub date: DateTime<Utc>,
    /// What `x-ratelimit-limit`, `-remaining` and `-reset` say; nothing where the limit is not told.
    pub limits: Option<[i64; 3]>,
    /// What `Retry-After` says, in seconds.
    pub retry_after: Option<i64>,
    /// What `X-RateLimit-Scope` says.
    pub scope: Option<String>,
    /// How long the answer is held back, in milliseconds.
    pub delay_ms: u64,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Payload {
    Json(Value),
    /// A sentence in plain text.
    Text(&'static str),
    /// A gateway's page.
    Html,
    /// JSON of which the second half is missing.
    Truncated(String),
    /// None: the connection drops.
    Lost,
}

/// Whose call it is, and how it ended.
struct Verdict {
    status: StatusCode,
    payload: Payload,
    key: Option<usize>,
    budget: Option<Budget>,
    /// What the record says was answered, where the payload does not show it.
    meant: Value,
    fault: Option<Fault>,
}

impl Verdict {
    fn of(status: StatusCode, payload: Payload) -> Self {
        Self {
            status,
            payload,
            key: None,
            budget: None,
            meant: Value::Null,
            fault: None,
        }
    }
}

impl World {
    /// Answers a call and records it.
    pub(crate) fn answer(&mut self, incoming: &Incoming<'_>) -> Outcome {
        let request_id = self.chance.request_id(self.now);
        let serial = self.serial;
        let endpoint = api::find(incoming.endpoint);
        let about = about::whom(self, incoming.body);
        self.webhooks.by_api = true;
        let verdict = self.judge(incoming, endpoint, about.as_deref(), &request_id);
        self.webhooks.by_api = false;
        let name = endpoint.map_or(incoming.endpoint, |endpoint| endpoint.name);
        let is_write = self.serial != serial;
        self.record(incoming, (name, about), &request_id, &verdict, is_write);
        self.outcome(verdict, request_id)
    }

    fn judge(
        &mut self,
        incoming: &Incoming<'_>,
        endpoint: Option<&Endpoint>,
        about: Option<&str>,
        request_id: &str,
    ) -> Verdict {
        let Some(endpoint) = endpoint else {
            return Verdict::of(StatusCode::NOT_FOUND, Payload::Text("Not Found"));
        };
        let key = match gate::authenticate(&self.keys, incoming.authorization) {
            Ok(key) => key,
            Err((status, sentence)) => return Verdict::of(status, Payload::Text(sentence)),
        };
        let budget = self.keys[key].spend(self.switches.rate_limit, self.now);
        let verdict = if budget.exceeded {
            self.refused(
                StatusCode::TOO_MANY_REQUESTS,
                &over_limit(budget),
                None,
                request_id,
            )
        } else if !self.keys[key].may(endpoint.scope) {
            let refusal = Refusal::new(
                "missing_endpoint_permission",
                format!("This key lacks the permission {}", endpoint.scope),
            );
            let shape = self.switches.error_shape.unwrap_or(ErrorShape::Objects);
            self.refused(StatusCode::FORBIDDEN, &refusal, Some(shape), request_id)
        } else {
            let fault = self.faults.strike(endpoint.name, about);
            self.carry_out(incoming, endpoint, key, fault, request_id)
        };
        Verdict {
            key: Some(key),
            budget: Some(budget),
            ..verdict
        }
    }

    /// Runs the endpoint, unless `fault` comes between.
    fn carry_out(
        &mut self,
        incoming: &Incoming<'_>,
        endpoint: &Endpoint,
        key: usize,
        fault: Option<Fault>,
        request_id: &str,
    ) -> Verdict {
        let runs = fault.as_ref().is_none_or(Fault::lets_through);
        let meant = if runs {
            match self.run(incoming, endpoint, key) {
                Ok(reply) => reply.envelope(),
                Err(refusal) => {
                    let shape = self.switches.error_shape.unwrap_or_default();
                    refusal.envelope(shape, request_id)
                }
            }
        } else {
            Value::Null
        };
        match fault {
            Some(fault) => self.spoilt(fault, meant, request_id),
            None => Verdict::of(StatusCode::OK, Payload::Json(meant)),
        }
    }

    fn run(&mut self, incoming: &Incoming<'_>, endpoint: &Endpoint, key: usize) -> Answer {
        if incoming.version.is_some_and(|version| version != VERSION) {
            return Err(Refusal::invalid("This API version is not supported"));
        }
        let is_json = |kind: &str| kind.starts_with("application/json");
        if !incoming.content_type.is_some_and(is_json) {
            return Err(Refusal::invalid(
                "The content type must be application/json",
            ));
        }
        let body: Value = serde_json::from_slice(incoming.body)
            .map_err(|_| Refusal::invalid("The body is not JSON"))?;
        let unknown_keys_refused = self.switches.unknown_keys == UnknownKeys::Reject;
        let input = Input::check(&body, endpoint.fields, unknown_keys_refused)?;
        (endpoint.run)(self, &Request { input, key })
    }

    /// The answer that a fault makes of the true one.
    fn spoilt(&self, fault: Fault, meant: Value, request_id: &str) -> Verdict {
        let mut verdict = if let Some((status, refusal)) = fault.refusal() {
            self.refused(status, &refusal, fault.shape, request_id)
        } else {
            match fault.kind {
                FaultKind::Html => Verdict::of(StatusCode::BAD_GATEWAY, Payload::Html),
                FaultKind::LostAnswer => Verdict::of(StatusCode::OK, Payload::Lost),
                FaultKind::Truncated => {
                    let mut text = meant.to_string();
                    text.truncate(text.floor_char_boundary(text.len() / 2));
                    Verdict::of(StatusCode::OK, Payload::Truncated(text))
                }
                _ => Verdict::of(StatusCode::OK, Payload::Json(meant.clone())),
            }
        };
        verdict.meant = meant;
        verdict.fault = Some(fault);
        verdict
    }

    fn refused(
        &self,
        status: StatusCode,
        refusal: &Refusal,
        shape: Option<ErrorShape>,
        request_id: &str,
    ) -> Verdict {
        let shape = shape.or(self.switches.error_shape).unwrap_or_default();
        let envelope = refusal.envelope(shape, request_id);
        Verdict::of(status, Payload::Json(envelope))
    }

    fn outcome(&self, verdict: Verdict, request_id: String) -> Outcome {
        let full = Budget::full(self.switches.rate_limit, self.now);
        let budget = verdict.budget.unwrap_or(full);
        let ordered = verdict.fault.as_ref();
        let ordered_wait = ordered.and_then(|fault| fault.retry_after_s).map(i64::from);
        let own_wait = (budget.exceeded && budget.limit.retry_after)
            .then(|| budget.seconds_left(self.now).max(1));
        Outcome {
            status: verdict.status,
            payload: verdict.payload,
            request_id,
            date: self.now + self.switches.clock_ahead(),
            limits: budget.limit.told.then(|| {
                [
                    budget.limit.limit.into(),
                    budget.remaining.into(),
                    budget.reset_header(self.now, self.switches.clock_ahead()),
                ]
            }),
            retry_after: ordered_wait.or(own_wait),
            scope: ordered.and_then(|fault| fault.scope.clone()),
            delay_ms: ordered.map_or(0, Fault::delay_ms),
        }
    }

    fn record(
        &mut self,
        incoming: &Incoming<'_>,
        (endpoint, about): (&str, Option<String>),
        request_id: &str,
        verdict: &Verdict,
        write: bool,
    ) {
        let response = match &verdict.payload {
            Payload::Json(body) => raw(body),
            Payload::Text(text) => raw(&Value::from(*text)),
            _ => raw(&verdict.meant),
        };
        let call = Call {
            index: 0,
            at: wire::instant(self.now),
            endpoint: endpoint.to_owned(),
            about,
            key: verdict.key.map(|key| self.keys[key].title.clone()),
            request: serde_json::from_slice(incoming.body).unwrap_or_else(|_| raw(&Value::Null)),
            status: verdict.status.as_u16(),
            response,
            request_id: request_id.to_owned(),
            write,
            fault: verdict.fault.as_ref().map(|fault| fault.kind),
        };
        self.calls.record(call);
    }
}

fn over_limit(budget: Budget) -> Refusal {
    let RateLimit {
        limit,
        window_seconds,
        ..
    } = budget.limit;
    Refusal::new(
        "rate_limit_exceeded",
        format!("This key has exceeded {limit} requests in {window_seconds} seconds"),
    )
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a JSON value always makes JSON")
}
