//! The control plane, under `/_sim`: how a test or a person plays everybody but the API's user. JSON in and out, no
//! key. Ids in bodies may be given where one is wanted in particular; they must be UUIDs. Wherever a stage, source or
//! archive reason is to be named, its id or its title will do. A call that cannot be carried out is answered with 400
//! (the request), 404 (no such object) or 409 (not in this state), as `{"error": "…"}`.
//!
//! | method and path under `/_sim` | body | answer |
//! |---|---|---|
//! | `GET /world` | | everything, in words: `{now, jobs, plans, sources, archiveReasons, tags, users, customFields, candidates, applications}` |
//! | `POST /reset` | `{seed?}` | 204; an empty organisation with the keys of the start |
//! | `GET /calls?since=n` | | `{calls: [{index, at, endpoint, about, key, request, status, response, requestId, write, fault}], next}`: the calls numbered `n` and up, and the number to ask from next time |
//! | `DELETE /calls` | | 204 |
//! | `GET /faults`, `POST /faults`, `DELETE /faults` | `{endpoint?, about?, kind, after?, times? (1), delay_ms?, retry_after_s?, scope?, code?, shape?, effect?}` | those in waiting |
//! | `GET /switches`, `POST /switches` | those to change | all of them |
//! | `GET /meanwhile`, `POST /meanwhile` | `{endpoint, when (before or after), skip? (0), method? (POST), path, body?}`: a call of this control plane, made right before or right after the next call of `endpoint` takes effect | all, with the `status` of those that were made |
//! | `POST /webhooks`, `DELETE /webhooks` | `{webhookTypes, requestUrl, secretToken?}` | 201; 204, nobody is told any more |
//! | `GET /webhooks/outbox`, `POST /webhooks/ping` | | what waits: `[{number, action, due, attempts, body}]`; 204 |
//! | `POST /webhooks/forge` | `{action, data}`: announces what has not happened | 204 |
//! | `POST /webhooks/deliver` | `{numbers? (those that are due), times? (1), keep?}` | what was answered: `[{number, action, status, again}]`. What failed is due again after (2^n - 1) x 10 s, ten times at most, save after 401, 403, 404, 405 and 410 |
//!
//! Making things; the answer is 201 and the object as `/world` shows it. `at` on these is the `createdAt`.
//!
//! | path | body |
//! |---|---|
//! | `POST /jobs` | `{title, id?, status? (Open), confidential?, stages?: [{title, type, order?, id?}], at?}`; without stages a usual plan. The answer has `plan: {id, title, stages: [{id, title, type, order, isArchived}]}` |
//! | `POST /sources` | `{title, sourceType? (Sourced), isArchived?, id?}` |
//! | `POST /archive-reasons` | `{text, reasonType? (Other), id?}` |
//! | `POST /candidates` | `{name, email?, emails?, linkedInUrl?, id?, at?}` |
//! | `POST /applications` | `{candidateId, jobId, stage? (first Lead), source?, archiveReason?, id?, at?}`; knows neither duplicates nor guards |
//! | `POST /users` | `{firstName, lastName, email, isEnabled?, id?}` |
//! | `POST /custom-fields` | `{title, objectType, fieldType? (String), options?: [{value, label?, isArchived?}], id?}` |
//! | `POST /api-keys` | `{key, scopes? (all), title?, defaultSource?}` |
//!
//! Other people's deeds; the answer is the object as `/world` shows it, or 204 where it is gone. All take `at?`, which
//! becomes the `updatedAt` exactly, even where it goes back in time; without it the change happens now.
//!
//! | path | body and effect |
//! |---|---|
//! | `POST /applications/{id}/move` | `{stage, archiveReason?}` |
//! | `POST /applications/{id}/archive` | `{archiveReason?}`: to the Archived stage |
//! | `POST /applications/{id}/unarchive` | `{stage?}`: to that stage, else where it stood before, else the first |
//! | `POST /applications/{id}/hire` | to the Hired stage, whatever the guard |
//! | `POST /applications/{id}/source` | `{source}`, null clears |
//! | `POST /applications/{id}/touch` | bumps `updatedAt` and nothing else |
//! | `POST /applications/{id}/transfer` | `{jobId, stage? (first Lead)}`: the same application, for another job |
//! | `POST /applications/{id}/obscure` | `{status}`: Ashby shows that word for it and no stage, as it might some day; null ends it |
//! | `DELETE /applications/{id}` | leaves no trace |
//! | `POST /candidates/{id}/rename` | `{name}` |
//! | `POST /candidates/{id}/untag` | `{tag}`, by its title |
//! | `POST /candidates/{id}/merge` | `{into}`: that one gains applications, addresses, links and tags; this id is gone. Answers the survivor |
//! | `DELETE /candidates/{id}` | with all applications |
//! | `PATCH /jobs/{id}` | `{title?, status?, confidential?}` |
//! | `POST /jobs/{id}/switch-plan` | `{stages, mapping?: {old: new}}`: a new plan; applications follow the mapping, else the title, else the type, else go to the first stage |
//! | `PATCH /stages/{id}` | `{title?, isArchived?}` |
//! | `DELETE /stages/{id}` | 409 while applications stand in it |
//! | `PATCH /sources/{id}` | `{title?, isArchived?, sourceType?}` |
//! | `PATCH /archive-reasons/{id}` | `{text?, isArchived?}` |
//! | `PATCH /custom-fields/{id}` | `{title?, isArchived?, options?}`; options take the place of all that were there |
//! | `PATCH /api-keys/{key}` | `{revoked?, scopes?, defaultSource?, othersPerWindow?}`; the last is what another tool spends of the key's budget in each window, as soon as that opens |
//! | `POST /api-keys/{key}/spend` | `{calls}`: another tool makes that many calls with the key, now |

mod actors;
mod catalogue;
mod creation;
mod fittings;
pub(super) mod portrait;
mod settings;
mod webhooks;

use axum::{
    Json, Router,
    body::Bytes,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use super::{
    Simulator,
    world::{Stage, World},
};

/// Every path of the control plane.
#[rustfmt::skip]
pub(super) fn router() -> Router<Simulator> {
    let routes = Router::new()
        .route("/world", get(settings::world))
        .route("/reset", post(settings::reset))
        .route("/calls", get(settings::calls).delete(settings::forget_calls))
        .route("/faults", get(settings::faults).post(settings::order_fault).delete(settings::clear_faults))
        .route("/switches", get(settings::switches).post(settings::set_switches))
        .route("/meanwhile", get(settings::deeds).post(settings::order_deed))
        .route("/webhooks", post(webhooks::subscribe).delete(webhooks::unsubscribe))
        .route("/webhooks/outbox", get(webhooks::outbox))
        .route("/webhooks/ping", post(webhooks::ping))
        .route("/webhooks/forge", post(webhooks::forge))
        .route("/webhooks/deliver", post(webhooks::deliver))
        .route("/api-keys", post(settings::create_api_key))
        .route("/api-keys/{key}", patch(settings::edit_api_key))
        .route("/api-keys/{key}/spend", post(settings::spend))
        .route("/jobs", post(creation::job))
        .route("/jobs/{id}", patch(catalogue::edit_job))
        .route("/jobs/{id}/switch-plan", post(catalogue::switch_plan))
        .route("/stages/{id}", patch(catalogue::edit_stage).delete(catalogue::delete_stage))
        .route("/sources", post(fittings::source))
        .route("/sources/{id}", patch(catalogue::edit_source))
        .route("/archive-reasons", post(fittings::archive_reason))
        .route("/archive-reasons/{id}", patch(catalogue::edit_archive_reason))
        .route("/users", post(fittings::user))
        .route("/custom-fields", post(fittings::custom_field))
        .route("/custom-fields/{id}", patch(catalogue::edit_custom_field))
        .route("/candidates", post(creation::candidate))
        .route("/candidates/{id}", delete(actors::delete_candidate))
        .route("/candidates/{id}/rename", post(actors::rename))
        .route("/candidates/{id}/untag", post(actors::untag))
        .route("/candidates/{id}/merge", post(actors::merge))
        .route("/applications", post(creation::application))
        .route("/applications/{id}", delete(actors::delete_application))
        .route("/applications/{id}/move", post(actors::relocate))
        .route("/applications/{id}/archive", post(actors::archive))
        .route("/applications/{id}/unarchive", post(actors::unarchive))
        .route("/applications/{id}/hire", post(actors::hire))
        .route("/applications/{id}/source", post(actors::set_source))
        .route("/applications/{id}/touch", post(actors::touch))
        .route("/applications/{id}/transfer", post(actors::transfer))
        .route("/applications/{id}/obscure", post(actors::obscure))
        .fallback(async || Complaint::missing("path"));
    Router::new().nest("/_sim", routes)
}

/// Why a call to the control plane was not carried out.
#[derive(Debug)]
struct Complaint(StatusCode, String);

impl Complaint {
    fn missing(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("no such {what}"))
    }

    fn bad_request(sentence: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, sentence.into())
    }

    fn conflict(sentence: impl Into<String>) -> Self {
        Self(StatusCode::CONFLICT, sentence.into())
    }
}

impl IntoResponse for Complaint {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// What a handler answers with.
type Done<T> = Result<T, Complaint>;

/// The body, whatever content type it claims; an empty one counts as `{}`.
fn parse<T: DeserializeOwned>(body: &Bytes) -> Done<T> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text).map_err(|error| Complaint::bad_request(error.to_string()))
}

/// The stage of the job's plan with this id or this title.
fn find_stage(world: &World, job: Uuid, named: &str) -> Done<Stage> {
    let id = named.parse::<Uuid>().ok();
    let mut stages = world.stages_of_job(job);
    stages
        .find(|stage| id.map_or(stage.title == named, |id| stage.id == id))
        .cloned()
        .ok_or_else(|| Complaint::missing("stage in the plan of this job"))
}

/// The source with this id or this title, the first of several.
fn find_source(world: &World, named: &str) -> Done<Uuid> {
    let id = named.parse::<Uuid>().ok();
    let mut rows = world.sources.iter();
    rows.find(|row| id.map_or(row.item.title == named, |id| row.id == id))
        .map(|row| row.id)
        .ok_or_else(|| Complaint::missing("source"))
}

/// The archive reason with this id or this text.
fn find_archive_reason(world: &World, named: &str) -> Done<Uuid> {
    let id = named.parse::<Uuid>().ok();
    let mut rows = world.archive_reasons.iter();
    rows.find(|row| id.map_or(row.item.text == named, |id| row.id == id))
        .map(|row| row.id)
        .ok_or_else(|| Complaint::missing("archive reason"))
}
