//! The simulator's own matters: the whole world, reset, calls, faults, switches, keys. `mod` has the contract.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Complaint, Done, find_source, parse};
use crate::simulator::{
    ApiKey, Simulator, api, deeds::Deed, faults::Fault, gate::KeyState, switches::Switches,
};

pub(super) async fn world(State(simulator): State<Simulator>) -> Json<Value> {
    Json(simulator.world())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    seed: Option<u64>,
}

pub(super) async fn reset(State(simulator): State<Simulator>, body: Bytes) -> Done<StatusCode> {
    let asked: Reset = parse(&body)?;
    simulator.reset(asked.seed);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    #[serde(default)]
    since: u64,
}

pub(super) async fn calls(
    State(simulator): State<Simulator>,
    Query(Since { since }): Query<Since>,
) -> Json<Value> {
    let log = &simulator.lock().calls;
    Json(json!({"calls": log.since(since), "next": log.next()}))
}

pub(super) async fn forget_calls(State(simulator): State<Simulator>) -> StatusCode {
    simulator.lock().calls.clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn faults(State(simulator): State<Simulator>) -> Json<Vec<Fault>> {
    Json(simulator.lock().faults.waiting().to_vec())
}

pub(super) async fn order_fault(
    State(simulator): State<Simulator>,
    body: Bytes,
) -> Done<(StatusCode, Json<Vec<Fault>>)> {
    let mut fault: Fault = parse(&body)?;
    if let Some(name) = &fault.endpoint {
        let endpoint = api::find(name).ok_or_else(|| Complaint::missing("endpoint"))?;
        fault.endpoint = Some(endpoint.name.to_owned());
    }
    let faults = &mut simulator.lock().faults;
    faults.order(fault);
    Ok((StatusCode::CREATED, Json(faults.waiting().to_vec())))
}

pub(super) async fn clear_faults(State(simulator): State<Simulator>) -> StatusCode {
    simulator.lock().faults.clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn deeds(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!(simulator.lock().deeds.all()))
}

pub(super) async fn order_deed(
    State(simulator): State<Simulator>,
    body: Bytes,
) -> Done<StatusCode> {
    let deed: Deed = parse(&body)?;
    api::find(&deed.endpoint).ok_or_else(|| Complaint::missing("endpoint"))?;
    simulator.lock().deeds.order(deed);
    Ok(StatusCode::CREATED)
}

pub(super) async fn switches(State(simulator): State<Simulator>) -> Json<Switches> {
    Json(simulator.lock().switches.clone())
}

pub(super) async fn set_switches(
    State(simulator): State<Simulator>,
    body: Bytes,
) -> Done<Json<Switches>> {
    let patch: Value = parse(&body)?;
    let switches = &mut simulator.lock().switches;
    *switches = switches.patched(&patch).map_err(Complaint::bad_request)?;
    Ok(Json(switches.clone()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewApiKey {
    key: String,
    scopes: Option<Vec<String>>,
    title: Option<String>,
    default_source: Option<String>,
}

pub(super) async fn create_api_key(
    State(simulator): State<Simulator>,
    body: Bytes,
) -> Done<(StatusCode, Json<Value>)> {
    let new: NewApiKey = parse(&body)?;
    let world = &mut *simulator.lock();
    if world.keys.iter().any(|held| held.key == new.key) {
        return Err(Complaint::conflict("this key is taken"));
    }
    let full = ApiKey::full(new.key);
    let key = ApiKey {
        scopes: new.scopes.unwrap_or(full.scopes),
        title: new.title.unwrap_or(full.title),
        key: full.key,
    };
    let mut state = KeyState::new(&key, world.now);
    let source = new.default_source.map(|named| find_source(world, &named));
    state.default_source = source.transpose()?;
    let answer = describe(&state);
    world.keys.push(state);
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EditApiKey {
    revoked: Option<bool>,
    scopes: Option<Vec<String>>,
    default_source: Option<String>,
    others_per_window: Option<u32>,
}

pub(super) async fn edit_api_key(
    State(simulator): State<Simulator>,
    Path(key): Path<String>,
    body: Bytes,
) -> Done<Json<Value>> {
    let asked: EditApiKey = parse(&body)?;
    let world = &mut *simulator.lock();
    let source = asked.default_source.map(|named| find_source(world, &named));
    let source = source.transpose()?;
    let held = world.keys.iter_mut().find(|held| held.key == key);
    let held = held.ok_or_else(|| Complaint::missing("API key"))?;
    held.revoked = asked.revoked.unwrap_or(held.revoked);
    held.default_source = source.or(held.default_source);
    held.others_per_window = asked.others_per_window.unwrap_or(held.others_per_window);
    if let Some(scopes) = asked.scopes {
        held.scopes = scopes;
    }
    Ok(Json(describe(held)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spend {
    calls: u32,
}

pub(super) async fn spend(
    State(simulator): State<Simulator>,
    Path(key): Path<String>,
    body: Bytes,
) -> Done<Json<Value>> {
    let Spend { calls } = parse(&body)?;
    let world = &mut *simulator.lock();
    let held = world.keys.iter_mut().find(|held| held.key == key);
    let held = held.ok_or_else(|| Complaint::missing("API key"))?;
    held.spend_elsewhere(calls, world.switches.rate_limit, world.now);
    Ok(Json(describe(held)))
}

fn describe(key: &KeyState) -> Value {
    json!({
        "key": key.key,
        "title": key.title,
        "scopes": key.scopes,
        "revoked": key.revoked,
        "defaultSource": key.default_source,
        "othersPerWindow": key.others_per_window,
    })
}
