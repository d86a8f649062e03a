//! Prospects: where is my candidate, and why. What was received shows at once: before anything is shown, waiting
//! deliveries are folded.

mod notes;
mod shape;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub use notes::NoteBody;
pub use shape::*;

use super::{connections::ConnectionPath, flushes::may_ask};
use crate::{
    dover::payload::Fault,
    http::{
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::{At, Within, uuid},
        problem::{ApiError, Code},
    },
    ids::{ApplicationId, CandidateId, ConnectionId, ProspectId},
    plan::fields::Variable,
    store::{
        self,
        prospect::{FieldFilter, Filter, Prospect, State as Standing},
    },
    sync::{Sync, fields as field_map, fold::fold_a_page, resolve},
};

/// Ids in filters may be as long as anybody likes; longer ones than these are nobody's.
const MAX_FILTER: usize = 1_000;

/// How many fields a list may be filtered by.
const MAX_FIELDS: usize = 5;

/// What the name of a filter by a field begins with.
const BY_FIELD: &str = "field.";

/// Decisions that an explanation goes back.
const EXPLAINED: i64 = 200;

/// The words of the states.
pub const STATES: [(&str, Standing); 4] = [
    (Standing::Pending.word(), Standing::Pending),
    (Standing::Synced.word(), Standing::Synced),
    (Standing::Skipped.word(), Standing::Skipped),
    (Standing::Parked.word(), Standing::Parked),
];

/// Which prospects to list.
#[derive(Debug)]
pub struct Listing {
    paging: Paging<Uuid>,
    dover_candidate_id: Option<String>,
    dover_job_id: Option<String>,
    state: Option<Standing>,
    reason: Option<String>,
    /// By what Dover says of somebody: names, and what it is to be.
    fields: Vec<(String, String)>,
}

impl Readable for Listing {
    const PREFIX: Option<&'static str> = Some(BY_FIELD);

    const FIELDS: &'static [&'static str] = &[
        "limit",
        "cursor",
        "dover_candidate_id",
        "dover_job_id",
        "state",
        "reason",
    ];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            paging: Paging::read("prospects", fields),
            dover_candidate_id: fields.text("dover_candidate_id", &(0..=MAX_FILTER)),
            dover_job_id: fields.text("dover_job_id", &(0..=MAX_FILTER)),
            state: fields.word("state", &STATES),
            reason: fields.text("reason", &(0..=MAX_FILTER)),
            fields: given_fields(fields),
        })
    }
}

fn given_fields(fields: &mut Fields) -> Vec<(String, String)> {
    let given = fields.beginning_with(BY_FIELD);
    if given.len() > MAX_FIELDS {
        fields.fault_whole(format!("expected at most {MAX_FIELDS} filters by a field"));
    }
    let mut filters = Vec::new();
    for (name, value) in given {
        match value.as_str() {
            Some(text) if text.chars().count() <= MAX_FILTER && !text.contains('\0') => {
                filters.push((name, text.to_owned()));
            }
            _ => fields.fault(
                &format!("{BY_FIELD}{name}"),
                format!("expected a text of at most {MAX_FILTER} characters, none of them NUL"),
            ),
        }
    }
    filters
}

/// The filters by fields, where the field map makes filters of these; else a fault that names those that are.
async fn by_fields(
    sync: &Sync,
    connection: ConnectionId,
    given: &[(String, String)],
) -> Result<Vec<FieldFilter>, ApiError> {
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let map = field_map::in_force(sync, connection).await?;
    let names = map.filterable.iter().filter_map(|variable| match variable {
        Variable::Field(name) | Variable::FieldList(name) => Some(name.as_str()),
        _ => None,
    });
    let names: Vec<&str> = names.collect();
    let mut faults = Vec::new();
    let mut filters = Vec::new();
    for (name, text) in given {
        if names.contains(&name.as_str()) {
            filters.push(filter(name, text));
        } else {
            let detail = match names.as_slice() {
                [] => "no field is filterable: name it in the field map (PUT \u{2026}/field-map, filterable)".to_owned(),
                names => format!("is not filterable; the field map makes filters of {}", names.join(", ")),
            };
            faults.push(Fault::new(format!("/{BY_FIELD}{name}"), detail));
        }
    }
    if faults.is_empty() {
        return Ok(filters);
    }
    let detail = "Correct the query parameters that `faults` names.";
    Err(ApiError::new(Code::InvalidRequest, detail).with_faults(faults))
}

/// What Dover may say under a name that reads as that text: the text, alone or in a list, or the number or flag that it is.
fn filter(name: &str, text: &str) -> FieldFilter {
    let form = |value: Value| json!({ name: value });
    let mut forms = vec![form(json!(text)), form(json!([text]))];
    if let Ok(value @ (Value::Number(_) | Value::Bool(_))) = serde_json::from_str::<Value>(text) {
        forms.extend([form(value.clone()), form(json!([value]))]);
    }
    FieldFilter(forms)
}

/// Which prospects to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Listing`")]
pub struct ProspectFilter {
    /// Only of this candidate.
    #[param(required = false, max_length = 1000)]
    dover_candidate_id: String,
    /// Only of this job: its Dover id or, where it is registered, its Ashby id.
    #[param(required = false, max_length = 1000)]
    dover_job_id: String,
    /// Only in this state.
    #[param(required = false)]
    state: Standing,
    /// Only where the last decision has the reason of this code, and no news waits.
    #[param(required = false, max_length = 1000, example = "job-not-registered")]
    reason: String,
    /// Only of whom Dover says this beside contact details: `field.seniority=staff` is of those whose `fields.seniority` is
    /// *staff*, or has it among others. Any name that the field map lists under `filterable`; up to five at once.
    #[param(
        required = false,
        max_length = 1000,
        rename = "field.seniority",
        example = "staff"
    )]
    field: String,
}

/// The path of a prospect.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `Within`")]
pub struct ProspectPath {
    /// The id of the prospect, as lists show it.
    #[param(format = "uuid")]
    prospect: String,
}

/// List prospects
///
/// In the order in which they were first heard of.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/prospects", operation_id = "listProspects", tag = "Prospects",
    params(ConnectionPath, ProspectFilter, PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<ProspectBody>))
)]
pub async fn list(
    State(sync): State<Sync>,
    At(connection): At,
    Query(listing): Query<Listing>,
) -> Result<Json<Page<ProspectBody>>, ApiError> {
    let fields = by_fields(&sync, connection.id, &listing.fields).await?;
    fold_a_page(&sync, &connection).await?;
    let job = match &listing.dover_job_id {
        Some(named) => Some(dover_job(&sync, connection.id, named).await?),
        None => None,
    };
    let filter = Filter {
        dover_candidate_id: listing.dover_candidate_id.as_deref(),
        dover_job_id: job.as_deref(),
        state: listing.state,
        reason: listing.reason.as_deref(),
        fields: &fields,
    };
    let paging = &listing.paging;
    let after = paging.beyond_or(Uuid::nil()).into();
    let listed = store::prospect::list(&sync.pool, connection.id, &filter, after, paging.rows());
    let mut rows = listed.await?;
    let next_cursor = paging.cut(&mut rows, |row| row.id.0);
    let items = ProspectBody::of_all(&sync, &rows).await?;
    Ok(Json(Page { items, next_cursor }))
}

/// The Dover id of the job that either of its ids names; what names none stays as it is.
pub(super) async fn dover_job(
    sync: &Sync,
    connection: ConnectionId,
    id: &str,
) -> Result<String, ApiError> {
    let found = store::job::find(&sync.pool, connection, id).await?;
    Ok(found.map_or_else(|| id.to_owned(), |job| job.dover_job_id.0))
}

/// Read a prospect
#[utoipa::path(
    get, path = "/v1/connections/{connection}/prospects/{prospect}", operation_id = "readProspect",
    tag = "Prospects",
    description = "Where the candidate is on the way to Ashby.",
    params(ConnectionPath, ProspectPath),
    responses((status = 200, description = "The prospect.", body = ProspectBody))
)]
pub async fn read(
    State(sync): State<Sync>,
    Within(connection, id): Within,
) -> Result<Json<ProspectBody>, ApiError> {
    let id = prospect_id(&id)?;
    fold_a_page(&sync, &connection).await?;
    let found = find(&sync, connection.id, id).await?;
    shown(&sync, found).await.map(Json)
}

/// A prospect with every decision on it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The prospect.
    #[serde(flatten)]
    pub prospect: ProspectBody,
    /// The latest 200 decisions, latest first.
    pub decisions: Vec<DecisionBody>,
    /// The latest 200 notes, latest first.
    pub notes: Vec<NoteBody>,
}

/// Explain a prospect
///
/// Each decision on it: what Dover said, what Ashby held, the rule, the reason, and the calls that were made.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/prospects/{prospect}/explain", operation_id = "explainProspect",
    tag = "Prospects",
    params(ConnectionPath, ProspectPath),
    responses((status = 200, description = "The prospect with its decisions.", body = Explanation))
)]
pub async fn explain(
    State(sync): State<Sync>,
    Within(connection, id): Within,
) -> Result<Json<Explanation>, ApiError> {
    let id = prospect_id(&id)?;
    fold_a_page(&sync, &connection).await?;
    let found = find(&sync, connection.id, id).await?;
    let decisions = store::decision::of_prospect(&sync.pool, id, EXPLAINED).await?;
    let notes = store::note::latest(&sync.pool, id, EXPLAINED).await?;
    Ok(Json(Explanation {
        notes: notes.into_iter().map(NoteBody::of).collect(),
        prospect: shown(&sync, found).await?,
        decisions: decisions.iter().map(DecisionBody::of).collect(),
    }))
}

/// How to resync.
#[derive(Debug)]
pub enum Resync {
    /// As it is linked.
    Kept,
    /// Looked for afresh.
    Relinked,
    /// It was not created.
    CreatedAgain,
    /// Linked to this candidate.
    IsCandidate(CandidateId),
    /// Linked to this application.
    IsApplication(ApplicationId),
    /// What became of a note.
    Note(resolve::NoteIs),
}

impl Readable for Resync {
    const FIELDS: &'static [&'static str] = &[
        "relink",
        "create_again",
        "candidate_id",
        "application_id",
        NOTE,
    ];

    fn read(fields: &mut Fields) -> Option<Self> {
        let mut is_set = |name| fields.flag(name).unwrap_or_default().then_some(name);
        let flags = [is_set("relink"), is_set("create_again")];
        let candidate = fields.text("candidate_id", &(1..=MAX_FILTER));
        let application = fields.text("application_id", &(1..=MAX_FILTER));
        let note = fields.word(NOTE, &NOTE_IS);
        let ids = [
            candidate.is_some().then_some("candidate_id"),
            application.is_some().then_some("application_id"),
            note.is_some().then_some(NOTE),
        ];
        let asked: Vec<&str> = flags.into_iter().chain(ids).flatten().collect();
        if let [first, second, ..] = asked.as_slice() {
            fields.fault(second, format!("does not go together with {first}"));
            return None;
        }
        if let Some(note) = note {
            return Some(Self::Note(note));
        }
        Some(match (asked.first(), candidate, application) {
            (_, Some(id), _) => Self::IsCandidate(id.into()),
            (_, _, Some(id)) => Self::IsApplication(id.into()),
            (Some(&"relink"), ..) => Self::Relinked,
            (Some(_), ..) => Self::CreatedAgain,
            (None, ..) => Self::Kept,
        })
    }
}

/// How to resync.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Resync`")]
pub struct ResyncParams {
    /// Forget who the prospect is in Ashby first, and look for them afresh.
    #[param(required = false, default = false)]
    relink: bool,
    /// Of one that is `create-undecided`: it was not created. It is created with the next flush.
    #[param(required = false, default = false)]
    create_again: bool,
    /// Of one without an application: this is the candidate in Ashby.
    #[param(required = false, min_length = 1, max_length = 1000)]
    candidate_id: String,
    /// Of one without an application: this is the application in Ashby.
    #[param(required = false, min_length = 1, max_length = 1000)]
    application_id: String,
    /// Of one that is `note-undecided`: the note is there, or may stay away (`written`), or is to be written once more
    /// (`write-again`).
    #[param(required = false, inline)]
    note: NoteAnswer,
}

/// What became of a note.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoteAnswer {
    /// It is there, or may stay away.
    Written,
    /// It is not there.
    WriteAgain,
}

const NOTE: &str = "note";
const NOTE_IS: [(&str, resolve::NoteIs); 2] = [
    ("written", resolve::NoteIs::Written),
    ("write-again", resolve::NoteIs::ToBeWritten),
];

/// Resync a prospect
///
/// Lets it be decided again with the next flush, for instance once the cause of a refusal by Ashby is mended. One that
/// is `gone-from-ashby` is looked for afresh, and made again if it is not found. One that is `create-undecided` needs a
/// word: `create_again`, or the `candidate_id` or `application_id` that was created; one that is `note-undecided` needs
/// `note`. At most one of the parameters.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/prospects/{prospect}/resync", operation_id = "resyncProspect",
    tag = "Prospects",
    params(ConnectionPath, ProspectPath, ResyncParams),
    responses((status = 202, description = "It waits to be decided.", body = ProspectBody))
)]
pub async fn resync(
    State(sync): State<Sync>,
    Within(connection, id): Within,
    Query(resync): Query<Resync>,
) -> Result<(StatusCode, Json<ProspectBody>), ApiError> {
    let id = prospect_id(&id)?;
    let found = find(&sync, connection.id, id).await?;
    match &resync {
        Resync::Kept | Resync::Relinked => {}
        Resync::CreatedAgain => resolve::was_not_created(&sync, connection.id, &found).await?,
        Resync::IsCandidate(candidate) => {
            may_ask(&connection)?;
            resolve::is_candidate(&sync, connection.id, &found, candidate).await?;
        }
        Resync::IsApplication(application) => {
            may_ask(&connection)?;
            resolve::is_application(&sync, connection.id, &found, application).await?;
        }
        Resync::Note(is) => resolve::note(&sync, &found, *is).await?,
    }
    let mut tx = sync.pool.begin().await?;
    let is_gone = found.reason.as_deref() == Some("gone-from-ashby");
    if matches!(resync, Resync::Relinked) || (matches!(resync, Resync::Kept) && is_gone) {
        store::prospect::unlink(&mut *tx, id).await?;
    }
    store::waiting::resume(&mut *tx, connection.id, id).await?;
    tx.commit().await?;
    let found = find(&sync, connection.id, id).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(&sync, found).await?)))
}

fn prospect_id(text: &str) -> Result<ProspectId, ApiError> {
    uuid(text, "prospect").map(ProspectId)
}

async fn find(sync: &Sync, connection: ConnectionId, id: ProspectId) -> Result<Prospect, ApiError> {
    let found = store::prospect::by_id(&sync.pool, connection, id).await?;
    found.ok_or_else(|| ApiError::not_found("prospect"))
}

async fn shown(sync: &Sync, prospect: Prospect) -> Result<ProspectBody, ApiError> {
    let mut shown = ProspectBody::of_all(sync, &[prospect]).await?;
    shown.pop().ok_or_else(|| ApiError::not_found("prospect"))
}
