//! Webhooks on order: subscribe, see what waits, deliver some of it. `mod` has the contract.

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Complaint, Done, parse};
use crate::simulator::{
    Simulator,
    webhooks::{Outgoing, Subscription},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Subscribe {
    webhook_types: Vec<String>,
    request_url: String,
    secret_token: Option<String>,
}

pub(super) async fn subscribe(State(simulator): State<Simulator>, body: Bytes) -> Done<StatusCode> {
    let asked: Subscribe = parse(&body)?;
    let subscriptions = &mut simulator.lock().webhooks.subscriptions;
    subscriptions.extend(
        asked
            .webhook_types
            .into_iter()
            .map(|webhook_type| Subscription {
                webhook_type,
                request_url: asked.request_url.clone(),
                secret_token: asked.secret_token.clone(),
            }),
    );
    Ok(StatusCode::CREATED)
}

pub(super) async fn unsubscribe(State(simulator): State<Simulator>) -> StatusCode {
    simulator.lock().webhooks.subscriptions.clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn outbox(State(simulator): State<Simulator>) -> Json<Vec<Outgoing>> {
    Json(simulator.lock().webhooks.outbox.clone())
}

pub(super) async fn ping(State(simulator): State<Simulator>) -> StatusCode {
    simulator
        .lock()
        .announce(&["ping"], &json!({ "webhookActionType": "ping" }));
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forged {
    action: String,
    data: Value,
}

/// Announces what has not happened: a webhook may be late, or a copy of one of long ago.
pub(super) async fn forge(State(simulator): State<Simulator>, body: Bytes) -> Done<StatusCode> {
    let Forged { action, data } = parse(&body)?;
    simulator.lock().announce(&[action.as_str()], &data);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deliver {
    /// Those, in that order, due or not; else all that are due, oldest first.
    numbers: Option<Vec<u64>>,
    /// How often each is sent.
    times: Option<u32>,
    /// Whether they stay in the outbox whatever is answered, to come once more later.
    #[serde(default)]
    keep: bool,
}

pub(super) async fn deliver(
    State(simulator): State<Simulator>,
    body: Bytes,
) -> Done<Json<Vec<Value>>> {
    let asked: Deliver = parse(&body)?;
    let http = simulator.0.http.get().cloned();
    let http =
        http.ok_or_else(|| Complaint::conflict("this simulator has nothing to send with"))?;
    let mut report = Vec::new();
    for one in chosen(&simulator, asked.numbers.as_deref())? {
        for _ in 0..asked.times.unwrap_or(1) {
            let status = send(&http, &one).await;
            let mut world = simulator.lock();
            let now = world.now;
            let again = asked.keep || world.webhooks.attempted(one.number, status, now);
            report.push(json!({ "number": one.number, "action": one.action, "status": status, "again": again }));
        }
    }
    Ok(Json(report))
}

fn chosen(simulator: &Simulator, numbers: Option<&[u64]>) -> Done<Vec<Outgoing>> {
    let world = simulator.lock();
    let outbox = &world.webhooks.outbox;
    let Some(numbers) = numbers else {
        return Ok(outbox
            .iter()
            .filter(|one| one.due <= world.now)
            .cloned()
            .collect());
    };
    let find = |number: &u64| {
        let found = outbox.iter().find(|one| one.number == *number);
        found
            .cloned()
            .ok_or_else(|| Complaint::missing("webhook in the outbox"))
    };
    numbers.iter().map(find).collect()
}

/// What was answered; `None` where nothing was.
async fn send(http: &reqwest::Client, one: &Outgoing) -> Option<u16> {
    let mut request = http
        .post(&one.to.request_url)
        .header("content-type", "application/json")
        .body(one.body.clone());
    if let Some(signature) = one.signature() {
        request = request.header("ashby-signature", signature);
    }
    let answer = request.send().await.ok()?;
    Some(answer.status().as_u16())
}
