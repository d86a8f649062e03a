//! Jobs that the brake has stopped, and an admin's answer.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConnectionPath, FlushBody, FlushPath, find};
use crate::{
    http::{
        auth::Caller,
        fields::{Fields, Readable},
        json::MaybeBody,
        place::{Within, uuid},
        problem::{ApiError, Code},
    },
    plan::brake::Would,
    store::{
        self,
        brake::{Question, QuestionStatus},
        connection::Connection,
    },
    sync::{
        Sync,
        answer::{self, AnswerError},
        brake,
    },
};

/// How much of what would be done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct WouldBody {
    /// Applications archived.
    pub archive: u32,
    /// Applications moved on.
    pub r#move: u32,
    /// Applications created.
    pub create: u32,
}

impl From<Would> for WouldBody {
    fn from(would: Would) -> Self {
        Self {
            archive: would.archives,
            r#move: would.moves,
            create: would.creates,
        }
    }
}

/// The limit that was exceeded.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitBody {
    /// The setting.
    #[schema(examples("brake.max_archives", "brake.max_archive_share", "brake.max_moves"))]
    pub setting: String,
    /// What it is set to.
    pub value: f64,
}

/// A job of which the next flush would do nothing, because the brake stops it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = StoppedJob)]
pub struct Stopped {
    /// The job as Dover names it.
    pub dover_job_id: String,
    /// Its title.
    pub title: String,
    /// What it would do, together with what waits for an answer and what was done within the interval.
    pub would: WouldBody,
    /// The job's active applications.
    pub active: u32,
    /// The limit that it would exceed.
    pub limit: LimitBody,
}

impl Stopped {
    pub(super) fn of(stopped: &brake::Stopped) -> Self {
        let exceeded = &stopped.exceeded;
        Self {
            dover_job_id: stopped.dover_job_id.0.clone(),
            title: stopped.title.clone(),
            would: exceeded.would.into(),
            active: exceeded.active,
            limit: LimitBody {
                setting: exceeded.limit.key().to_owned(),
                value: stopped.limit,
            },
        }
    }
}

/// A job's part of a flush that the brake stopped.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = HeldJob)]
pub struct HeldBody {
    /// The job as Dover names it.
    pub dover_job_id: String,
    /// Its title.
    pub title: String,
    /// What is held: what an approval lets go on.
    pub would: WouldBody,
    /// The job's active applications then.
    pub active: u32,
    /// The limit that was exceeded.
    pub limit: LimitBody,
    /// Whether it waits for an answer, and what became of it.
    pub status: QuestionStatus,
    /// When it was stopped.
    pub asked_at: DateTime<Utc>,
    /// When it was answered, or came within its limits by itself; `null` while it waits.
    #[schema(required)]
    pub decided_at: Option<DateTime<Utc>>,
    /// Who answered: the name of their token, `admin` for the bootstrap token, or `command line`; `null` where nobody did.
    #[schema(required)]
    pub decided_by: Option<String>,
}

impl From<Question> for HeldBody {
    fn from(question: Question) -> Self {
        Self {
            dover_job_id: question.dover_job_id.0,
            title: question.title,
            would: question.would.into(),
            active: question.active,
            limit: LimitBody {
                setting: question.exceeded,
                value: question.limit,
            },
            status: question.status,
            asked_at: question.asked_at,
            decided_at: question.decided_at,
            decided_by: question.decided_by,
        }
    }
}

/// Which of the jobs that were stopped is meant.
#[derive(Debug, ToSchema)]
pub struct BrakeAnswer {
    /// The job: its Dover id or its Ashby id. Left out, all that wait in this flush.
    #[schema(min_length = 1, max_length = 200)]
    dover_job_id: Option<String>,
}

impl Readable for BrakeAnswer {
    const FIELDS: &'static [&'static str] = &["dover_job_id"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let dover_job_id = fields.text("dover_job_id", &(1..=200));
        Some(Self { dover_job_id })
    }
}

/// Approve what was held
///
/// Lets exactly those go on that the brake has held in this flush, with the next one. Asked twice, it is the same as once.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/flushes/{flush}/approve", operation_id = "approveFlush", tag = "Flushes",
    params(ConnectionPath, FlushPath),
    request_body = Option<BrakeAnswer>,
    responses((status = 200, description = "The flush, with what became of each job.", body = FlushBody))
)]
pub async fn approve(
    State(sync): State<Sync>,
    caller: Caller,
    Within(connection, id): Within,
    MaybeBody(answer): MaybeBody<BrakeAnswer>,
) -> Result<Json<FlushBody>, ApiError> {
    give(&sync, &connection, &id, &answer, (true, &caller.name)).await
}

/// Refuse what was held
///
/// Those that the brake has held in this flush are left alone, until Dover has newer news or somebody asks for a resync or
/// a replay. Asked twice, it is the same as once.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/flushes/{flush}/refuse", operation_id = "refuseFlush", tag = "Flushes",
    params(ConnectionPath, FlushPath),
    request_body = Option<BrakeAnswer>,
    responses((status = 200, description = "The flush, with what became of each job.", body = FlushBody))
)]
pub async fn refuse(
    State(sync): State<Sync>,
    caller: Caller,
    Within(connection, id): Within,
    MaybeBody(answer): MaybeBody<BrakeAnswer>,
) -> Result<Json<FlushBody>, ApiError> {
    give(&sync, &connection, &id, &answer, (false, &caller.name)).await
}

async fn give(
    sync: &Sync,
    connection: &Connection,
    id: &str,
    answer: &BrakeAnswer,
    (is_approved, by): (bool, &str),
) -> Result<Json<FlushBody>, ApiError> {
    let id = uuid(id, "flush")?.into();
    let job = match &answer.dover_job_id {
        Some(named) => {
            let found = store::job::find(&sync.pool, connection.id, named).await?;
            Some(found.map_or_else(|| named.clone(), |job| job.dover_job_id.0))
        }
        None => None,
    };
    let job = job.as_deref();
    answer::answer(sync, connection.id, id, job, is_approved, by).await?;
    find(sync, connection.id, id).await.map(Json)
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> Self {
        let said = error.to_string();
        match error {
            AnswerError::Store(error) => error.into(),
            AnswerError::NoSuchFlush => Self::not_found("flush"),
            AnswerError::NotAsked => Self::new(
                Code::NotFound,
                format!("There is nothing to answer: {said}. `brake` of the flush lists the jobs."),
            ),
            AnswerError::Running => Self::new(
                Code::FlushRunning,
                format!("Wait until it ends: {said}, and may hold more yet."),
            ),
            AnswerError::Answered { .. } => Self::new(
                Code::BrakeAnswered,
                format!(
                    "{said}. Later flushes ask anew about whom they hold; to change your mind about who was refused, resync them."
                ),
            ),
        }
    }
}
