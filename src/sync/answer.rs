//! An admin's answer to the brake: whether a job's part of a flush goes on. What was held is decided again with the next
//! flush, in the light of it.

use super::Sync;
use crate::{
    ids::{ConnectionId, FlushId},
    store::{
        self, StoreError,
        brake::{Answered, QuestionStatus},
        flush::FlushStatus,
    },
};

/// Why an answer could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is no such flush.
    #[error("there is no such flush")]
    NoSuchFlush,
    /// The flush asks nothing, or not about that job.
    #[error("the brake stopped nothing of that kind in this flush")]
    NotAsked,
    /// It is under way: more may be held yet.
    #[error("the flush is still under way")]
    Running,
    /// It was answered the other way, or no longer waits.
    #[error("\u{201c}{title}\u{201d} is {} already", .status.word())]
    Answered {
        /// The title of the job.
        title: String,
        /// What became of it.
        status: QuestionStatus,
    },
    /// The database is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for AnswerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Answers what the brake asks in `flush`: about one job, or about all that wait. Giving the same answer twice is the same
/// as giving it once.
pub async fn answer(
    sync: &Sync,
    connection: ConnectionId,
    flush: FlushId,
    dover_job_id: Option<&str>,
    is_approved: bool,
    by: &str,
) -> Result<(), AnswerError> {
    let status = if is_approved {
        QuestionStatus::Approved
    } else {
        QuestionStatus::Refused
    };
    let found = store::flush::by_id(&sync.pool, connection, flush).await?;
    let found = found.ok_or(AnswerError::NoSuchFlush)?;
    if found.status == FlushStatus::Running {
        return Err(AnswerError::Running);
    }
    let mut tx = sync.pool.begin().await?;
    let mut asked = store::brake::lock(&mut tx, flush).await?;
    asked.retain(|question| dover_job_id.is_none_or(|id| question.dover_job_id.as_str() == id));
    let waiting = asked
        .iter()
        .filter(|question| question.status == QuestionStatus::Waiting);
    let jobs: Vec<String> = waiting
        .map(|question| question.dover_job_id.0.clone())
        .collect();
    if asked.is_empty() {
        return Err(AnswerError::NotAsked);
    }
    if jobs.is_empty() {
        return match asked.into_iter().find(|question| question.status != status) {
            None => Ok(()),
            Some(other) => Err(AnswerError::Answered {
                title: other.title,
                status: other.status,
            }),
        };
    }
    let answered = Answered {
        flush,
        jobs: &jobs,
        status,
        by,
        at: sync.clock.now(),
    };
    store::brake::answer(&mut tx, &answered).await?;
    tx.commit().await?;
    tracing::info!(flush.id = %flush, "what the brake held in flush {flush} is {}", status.word());
    Ok(())
}
