//! Keeps how a flush ended, and says when the next is due.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Flush, decide::UNANSWERED_AT_MOST};
use crate::{
    ids::ProspectId,
    store::{self, StoreError, flush::FlushStatus},
    sync::{
        cadence::{self, Rest},
        lease::Stop,
    },
};

/// How soon a flush that the database did not let end tries again.
const CLOSE_AGAIN: Duration = Duration::from_secs(2);

/// How a flush ended, to be kept.
pub(super) struct Ending {
    pub(super) status: FlushStatus,
    /// Why it stopped or failed, and what to do.
    detail: Option<String>,
    rest: Rest,
    /// Behind whom the next flush goes on, where others still wait.
    goes_on_after: Option<ProspectId>,
}

impl Flush<'_> {
    /// How the flush ended, to be kept.
    pub(super) fn ending(&self, ended: Result<Rest, Stop>) -> Ending {
        let goes_on_after = match &ended {
            Ok(Rest::Backlog) | Err(Stop::Unanswered(_)) => self.decided_last(),
            _ => None,
        };
        let rest = ended.as_ref().map_or(Rest::Nothing, |ended| *ended);
        let (status, detail) = self.told(ended);
        Ending {
            status,
            detail,
            rest,
            goes_on_after,
        }
    }

    /// How the flush ended, as its row says it.
    fn told(&self, ended: Result<Rest, Stop>) -> (FlushStatus, Option<String>) {
        let (flush, connection) = (self.id, self.connection);
        match ended {
            Ok(Rest::Backlog) => (
                FlushStatus::Done,
                Some(
                    "Its turn was over; what is left goes on with the next flush, soon.".to_owned(),
                ),
            ),
            Ok(_) => (FlushStatus::Done, None),
            // What the process no longer asked when it was told to end looks as if it were no longer allowed to.
            Err(Stop::LeaseLost) if self.lease.is_shut_down() => self.told(Err(Stop::Shutdown)),
            Err(Stop::Shutdown) => (
                FlushStatus::Stopped,
                Some("The process was shut down; the next flush goes on.".to_owned()),
            ),
            Err(Stop::LeaseLost) => (
                FlushStatus::Stopped,
                Some("Another process took over, or the connection was paused.".to_owned()),
            ),
            Err(Stop::Key(why)) => {
                tracing::warn!(flush.id = %flush, connection = connection.name, "Ashby refused the key: {why}");
                let detail =
                    format!("{why} Nothing more is sent until a check of the connection passes.");
                (FlushStatus::Stopped, Some(detail))
            }
            Err(Stop::Unanswered(what)) => {
                tracing::warn!(flush.id = %flush, connection = connection.name, "Ashby does not answer about one prospect after the other");
                let detail = format!(
                    "Ashby did not answer about {UNANSWERED_AT_MOST} prospects in a row; of the last: {what}. What is pending goes on with the next flush."
                );
                (FlushStatus::Failed, Some(detail))
            }
            Err(Stop::Broken(error)) => {
                let error = error.for_the_log();
                tracing::warn!(flush.id = %flush, connection = connection.name, "the flush failed: {error}");
                (
                    FlushStatus::Failed,
                    Some(format!(
                        "{error}. What is pending goes on with the next flush."
                    )),
                )
            }
        }
    }

    /// Keeps how the flush ended. A database that is away may come back while the lease is ours; after that, the next
    /// flush closes this one.
    pub(super) async fn close_patiently(
        &self,
        ending: &Ending,
        shutdown: &CancellationToken,
    ) -> Result<(), StoreError> {
        let clock = &self.sync.clock;
        let given_up_at = clock.now() + self.sync.lease;
        loop {
            match self.close(ending).await {
                Err(StoreError::Unavailable(_))
                    if !shutdown.is_cancelled() && clock.now() < given_up_at =>
                {
                    clock.sleep(CLOSE_AGAIN).await;
                }
                closed => return closed,
            }
        }
    }

    /// Closes the flush, gives the lease back and says when the next is due.
    async fn close(&self, ending: &Ending) -> Result<(), StoreError> {
        let (sync, now) = (self.sync, self.sync.clock.now());
        let mut tx = sync.pool.begin().await.map_err(StoreError::from)?;
        store::flush::progress(&mut *tx, self.id, &self.counts(), &self.calls.calls()).await?;
        store::brake::count_held(&mut tx, self.id).await?;
        let detail = ending.detail.as_deref();
        store::flush::finish(&mut *tx, self.id, ending.status, detail, now).await?;
        let next = store::flush::Next {
            due: cadence::next(
                self.connection.next_flush_at,
                now,
                sync.interval,
                ending.rest,
            ),
            goes_on_after: ending.goes_on_after,
        };
        self.lease.give_back(&mut tx, next).await?;
        tx.commit().await.map_err(StoreError::from)
    }

    /// Logs how the flush ended; one that had nothing to do only for those who look closely.
    pub(super) fn tell(&self, status: FlushStatus) {
        let (id, connection, counts) = (self.id, &self.connection.name, self.counts());
        if counts.prospects == 0 && status == FlushStatus::Done {
            tracing::debug!(flush.id = %id, connection, "flush {id} had nothing to do");
            return;
        }
        tracing::info!(
            flush.id = %id, connection, status = status.word(), counts.prospects, counts.created, counts.moved,
            counts.archived, counts.parked, counts.failed, "flush {id} is {}", status.word()
        );
    }
}
