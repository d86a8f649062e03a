//! Putting back what a flush did.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ConnectionPath, FlushBody, FlushPath, Start, StartParams, find, may_act,
    start::{broken_off, run},
};
use crate::{
    http::{
        api::prospects::{ProspectBody, ReasonBody},
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::{Within, uuid},
        problem::{ApiError, Code},
        sheet::Sheet,
        state::AppState,
    },
    ids::FlushId,
    plan::{Action, situation::ApplicationStatus, undo::Image},
    store,
    sync::{
        Sync, flush,
        undo::{self, UndoError},
    },
};

/// What a flush can change of an application.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ApplicationImage)]
pub struct ImageBody {
    /// The id of its stage.
    pub stage_id: String,
    /// `Lead`, `Active`, `Hired` or `Archived`.
    #[schema(value_type = String, examples("Lead"))]
    pub status: ApplicationStatus,
    /// The id of its archive reason.
    #[schema(required)]
    pub archive_reason_id: Option<String>,
    /// The id of its source.
    #[schema(required)]
    pub source_id: Option<String>,
}

impl From<&Image> for ImageBody {
    fn from(image: &Image) -> Self {
        Self {
            stage_id: image.stage.0.clone(),
            status: image.status,
            archive_reason_id: image.archive_reason.as_ref().map(|id| id.0.clone()),
            source_id: image.source.as_ref().map(|id| id.0.clone()),
        }
    }
}

/// Something that a flush did, and whether it can be put back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UndoItem {
    /// The prospect.
    #[serde(flatten)]
    pub prospect: ProspectBody,
    /// What the flush did, in a word.
    #[schema(value_type = Action)]
    pub did: String,
    /// When.
    pub changed_at: DateTime<Utc>,
    /// As it was before; `null` where there was nothing.
    #[schema(required)]
    pub before: Option<ImageBody>,
    /// As the flush left it.
    #[schema(required)]
    pub after: Option<ImageBody>,
    /// As it is now; `null` where it is not in Ashby.
    #[schema(required)]
    pub ashby_now: Option<ImageBody>,
    /// What an undo would do: `move` where it puts something back, else `none`.
    pub action: Action,
    /// Why that, or why nothing.
    pub reason: ReasonBody,
    /// The undo that put it back.
    #[schema(required)]
    pub undone_by: Option<String>,
}

impl UndoItem {
    fn of(prospect: ProspectBody, previewed: &undo::Previewed) -> Self {
        let undo::Previewed {
            change, plan, now, ..
        } = previewed;
        Self {
            prospect,
            did: change.action.clone(),
            changed_at: change.changed_at,
            before: change.before.as_ref().map(ImageBody::from),
            after: change.after.as_ref().map(ImageBody::from),
            ashby_now: now.as_ref().map(ImageBody::from),
            action: plan.action(),
            reason: ReasonBody {
                code: plan.because.code().to_owned(),
                sentence: plan.sentence(),
            },
            undone_by: change.undone_by.map(|id| id.to_string()),
        }
    }
}

/// Which page of what a flush did.
#[derive(Debug)]
pub struct Listing(Paging<Uuid>);

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &["limit", "cursor"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Paging::read("undo", fields)))
    }
}

/// Preview an undo
///
/// What the flush did, as it was before and as it was left, and what an undo would do to each now. Nothing changes.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/flushes/{flush}/undo", operation_id = "previewUndo", tag = "Flushes",
    params(ConnectionPath, FlushPath, PagingParams),
    responses((status = 200, description = "One page of it.", body = Page<UndoItem>))
)]
pub async fn preview_undo(
    State(sync): State<Sync>,
    Within(connection, id): Within,
    Query(Listing(paging)): Query<Listing>,
) -> Result<Json<Page<UndoItem>>, ApiError> {
    let id: FlushId = uuid(&id, "flush")?.into();
    undo::can_be_undone(&sync, &connection, id).await?;
    may_act(&connection)?;
    let after = paging.beyond_or(Uuid::nil()).into();
    let mut rows = undo::preview(&sync, &connection, id, after, paging.rows()).await?;
    let next_cursor = paging.cut(&mut rows, |row| row.change.prospect.0);
    let items = undo_items(&sync, &rows).await?;
    Ok(Json(Page { items, next_cursor }))
}

/// What an undo would do, as it is shown.
pub async fn undo_items(sync: &Sync, rows: &[undo::Previewed]) -> Result<Vec<UndoItem>, ApiError> {
    let prospects: Vec<_> = rows.iter().map(|row| row.prospect.clone()).collect();
    let shown = ProspectBody::of_all(sync, &prospects).await?;
    let items = shown.into_iter().zip(rows);
    Ok(items
        .map(|(prospect, row)| UndoItem::of(prospect, row))
        .collect())
}

/// The same as lines for people.
pub fn undo_sheet(items: &[UndoItem]) -> Sheet {
    let row = |item: &UndoItem| {
        vec![
            item.prospect.dover_job_id.clone(),
            item.prospect.dover_candidate_id.clone(),
            item.prospect.name.clone().unwrap_or_default(),
            item.did.clone(),
            item.action.word().to_owned(),
            item.reason.code.clone(),
            item.reason.sentence.clone(),
        ]
    };
    Sheet {
        header: vec!["job", "candidate", "name", "did", "action", "reason", "why"],
        rows: items.iter().map(row).collect(),
    }
}

/// Undo a flush
///
/// Puts each application that the flush moved or archived back to the stage where it was, where nobody has touched it
/// since. Creations stay: Ashby offers no way to take them back. It runs as a flush of its own, whose decisions say what
/// became of each; asked again, it does what is left. Newer news from Dover moves the candidates again.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/flushes/{flush}/undo", operation_id = "undoFlush", tag = "Flushes",
    params(ConnectionPath, FlushPath, StartParams),
    responses(
        (status = 200, description = "Finished, with `wait=true`.", body = FlushBody),
        (
            status = 202, description = "Under way.", body = FlushBody,
            headers(("location" = String, description = "The path of the flush that undoes."))
        ),
    )
)]
pub async fn undo_flush(
    State(state): State<AppState>,
    Within(connection, id): Within,
    Query(Start { wait }): Query<Start>,
) -> Result<Response, ApiError> {
    let id: FlushId = uuid(&id, "flush")?.into();
    undo::can_be_undone(&state.sync, &connection, id).await?;
    let now = store::connection::by_id(&state.sync.pool, connection.id).await?;
    may_act(&now.ok_or_else(|| ApiError::not_found("connection"))?)?;
    let started = flush::start_undo(&state.sync, connection.id, id).await?;
    let started = started.ok_or(UndoError::Running)?;
    let id = started.id;
    let running = run(&state, &connection, started);
    if wait {
        running.await.map_err(|error| broken_off(id, &error))??;
        let flush = find(&state.sync, connection.id, id).await?;
        return Ok(Json(flush).into_response());
    }
    let flush = find(&state.sync, connection.id, id).await?;
    let location = format!("/v1/connections/{}/flushes/{id}", connection.name);
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::ACCEPTED, headers, Json(flush)).into_response())
}

impl From<UndoError> for ApiError {
    fn from(error: UndoError) -> Self {
        let said = error.to_string();
        match error {
            UndoError::Store(error) => error.into(),
            UndoError::NoSuchFlush => Self::not_found("flush"),
            UndoError::Running => Self::new(
                Code::FlushRunning,
                "A flush of this connection is under way. Try again when it has ended.",
            ),
            UndoError::IsAnUndo => Self::new(Code::CannotBeUndone, format!("It stays: {said}.")),
        }
    }
}
