//! One batch run of one connection: take the lease, look, fold, decide, apply, keep.

mod decide;
mod ending;
mod quiet;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI32, AtomicU32, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

pub(super) use self::decide::{tally, tally_added};
use super::{
    Sync, SyncError,
    access::Access,
    brake::Brake,
    cadence::Rest,
    gather::{PAGE, Scene},
    hear::hear,
    lease::{self, Lease, Stop},
    look::Picture,
    prepare, settings, undo,
};
use crate::{
    ashby::{CallObserver, CallRecord},
    ids::{ConnectionId, FlushId, ProspectId},
    store::{
        self, StoreError,
        connection::Connection,
        flush::{Calls, Counts, FlushStatus, Trigger},
    },
};

/// How old the picture of Ashby's lists may grow in a long flush before people are created on it.
const PICTURE_KEEPS: TimeDelta = TimeDelta::seconds(60);

/// How long a flush of the cadence may go on deciding. A process flushes so many connections side by side; one with a long
/// backlog gives its place to whoever is due, and goes on when it is its turn again. Long enough that looking at Ashby
/// anew costs little beside it, short enough that a hundred such backlogs delay nobody by an interval.
const TURN: TimeDelta = TimeDelta::seconds(60);

/// How often one prospect is decided again in one flush because looking showed something new.
pub(super) const ATTEMPTS: usize = 3;

/// Counts what a flush asks of Ashby.
#[derive(Debug, Default)]
struct CallCounter {
    read: AtomicI32,
    write: AtomicI32,
}

impl CallObserver for CallCounter {
    fn called(&self, call: &CallRecord) {
        let counter = if call.write { &self.write } else { &self.read };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl CallCounter {
    fn calls(&self) -> Calls {
        Calls {
            read: self.read.load(Ordering::Relaxed),
            write: self.write.load(Ordering::Relaxed),
        }
    }
}

/// A flush whose lease was taken, to be [run](Started::run).
#[derive(Debug)]
pub struct Started {
    /// The flush.
    pub id: FlushId,
    trigger: Trigger,
    undoes: Option<FlushId>,
    connection: Connection,
    lease: lease::Taken,
}

/// Takes the lease on a connection and starts a flush. `None`: another process holds the lease, or the connection is
/// paused or needs attention.
pub async fn start(
    sync: &Sync,
    connection: ConnectionId,
    trigger: Trigger,
) -> Result<Option<Started>, StoreError> {
    begin(sync, connection, trigger, None).await
}

/// The same to put back what the flush `undoes` did.
pub async fn start_undo(
    sync: &Sync,
    connection: ConnectionId,
    undoes: FlushId,
) -> Result<Option<Started>, StoreError> {
    begin(sync, connection, Trigger::Undo, Some(undoes)).await
}

async fn begin(
    sync: &Sync,
    connection: ConnectionId,
    trigger: Trigger,
    undoes: Option<FlushId>,
) -> Result<Option<Started>, StoreError> {
    let now = sync.clock.now();
    let mut tx = sync.pool.begin().await.map_err(StoreError::from)?;
    let scheduled = trigger == Trigger::Schedule;
    let Some(lease) = Lease::take(&mut tx, connection, now, sync.lease, scheduled).await? else {
        return Ok(None);
    };
    // Only now is the one before it over.
    let now = sync.clock.now();
    let id = store::flush::start(&mut tx, connection, trigger, undoes, now).await?;
    let found = store::connection::by_id(&mut *tx, connection).await?;
    let Some(connection) = found else {
        return Ok(None);
    };
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Some(Started {
        id,
        trigger,
        undoes,
        connection,
        lease,
    }))
}

impl Started {
    /// Runs the flush to its end, or until `shutdown`. Whatever stops it is kept with the flush; an error is one of the
    /// database, which cannot even keep that.
    pub async fn run(
        self,
        sync: &Sync,
        shutdown: CancellationToken,
    ) -> Result<FlushStatus, StoreError> {
        let Self {
            id,
            trigger,
            undoes,
            connection,
            lease,
        } = self;
        let lease = Arc::new(Lease::new(sync, connection.id, lease, &shutdown));
        let started_at = sync.clock.now();
        let flush = Flush {
            sync,
            id,
            trigger,
            undoes,
            connection: &connection,
            lease,
            calls: Arc::default(),
            counts: Mutex::default(),
            unanswered: AtomicU32::new(0),
            decided_last: Mutex::default(),
        };
        let work = Box::pin(flush.run_with_access());
        let ended = flush.lease.keep_during(work).await;
        let ending = flush.ending(ended);
        let status = ending.status;
        flush.close_patiently(&ending, &shutdown).await?;
        let took = sync.clock.now() - started_at;
        sync.metrics
            .flushed(status.word(), took.to_std().unwrap_or_default());
        flush.tell(status);
        Ok(status)
    }
}

pub(super) struct Flush<'a> {
    pub(super) sync: &'a Sync,
    pub(super) id: FlushId,
    trigger: Trigger,
    /// The flush that this one puts back.
    undoes: Option<FlushId>,
    connection: &'a Connection,
    pub(super) lease: Arc<Lease>,
    calls: Arc<CallCounter>,
    counts: Mutex<Counts>,
    /// Prospects in a row that Ashby did not answer about.
    unanswered: AtomicU32,
    /// The last prospect that was decided.
    decided_last: Mutex<Option<ProspectId>>,
}

impl Flush<'_> {
    fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs with the key that is in place. One that Ashby refuses stops the connection until a check passes.
    async fn run_with_access(&self) -> Result<Rest, Stop> {
        let access = Access::of(self.sync, self.connection.id).await?;
        let ended = self.run(&access).await;
        if let Err(Stop::Key(why)) = &ended {
            access.needs_attention(self.sync, why).await?;
        }
        access.keep_answered(self.sync).await?;
        ended
    }

    async fn run(&self, access: &Access) -> Result<Rest, Stop> {
        let calls: Arc<CallCounter> = Arc::clone(&self.calls);
        let ashby = access
            .client
            .observed_by(calls)
            .guarded_by(Arc::clone(&self.lease) as _)
            .until(self.lease.stopped.clone());
        settings::take_in(self.sync, self.connection.id).await?;
        let mut scene = prepare::set(self.sync, self.connection, ashby).await?;
        scene.lease = Some(self.lease.token);
        scene.settle_doubts().await?;
        if let Some(undoes) = self.undoes {
            Box::pin(undo::put_back(self, &scene, undoes)).await?;
            return Ok(scene.rest());
        }
        let limits = self.connection.settings.brake;
        let (brake, unsure) = Brake::estimate(&scene, limits).await?;
        for job in unsure {
            brake.weighed(&job, self.weigh(&scene, &job).await?);
        }
        scene.brake = brake;
        scene.brake.ease(self.sync, self.connection.id).await?;

        let mut after = self.first();
        let turn = self.turn();
        loop {
            self.lease.hold().await?;
            let page =
                store::prospect::pending(&self.sync.pool, self.connection.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            scene.heed_modes().await?;
            let mut left = page;
            while !left.is_empty() && !self.is_over(turn) {
                if self.is_picture_older(&scene, PICTURE_KEEPS) {
                    scene.picture = self.look(&scene).await?;
                }
                let deciding = self.decide_page(&scene, left, turn);
                let (decided, picture) = tokio::join!(deciding, self.look_ahead(&scene));
                left = decided?;
                if let Some(picture) = picture? {
                    scene.picture = picture;
                }
                access.keep_answered(self.sync).await?;
                self.progress().await?;
            }
            if self.is_over(turn) {
                return Ok(Rest::Backlog);
            }
        }
        Ok(scene.rest())
    }

    /// Behind whom it begins: a turn goes on where the one before it ended.
    fn first(&self) -> ProspectId {
        let turn_ended = self.connection.goes_on_after;
        let goes_on = turn_ended.filter(|_| self.trigger == Trigger::Schedule);
        goes_on.unwrap_or_else(|| uuid::Uuid::nil().into())
    }

    fn decided_last(&self) -> Option<ProspectId> {
        *self
            .decided_last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows how far it has come.
    pub(super) async fn progress(&self) -> Result<(), StoreError> {
        let (counts, calls) = (self.counts(), self.calls.calls());
        store::flush::progress(&self.sync.pool, self.id, &counts, &calls).await
    }

    /// Adds to what it came to.
    pub(super) fn tally(&self, tally: impl FnOnce(&mut Counts)) {
        tally(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Until when prospects are decided; a flush that a person asked for goes on to its end.
    fn turn(&self) -> Option<DateTime<Utc>> {
        (self.trigger == Trigger::Schedule).then(|| self.sync.clock.now() + TURN)
    }

    async fn look(&self, scene: &Scene<'_>) -> Result<Picture, SyncError> {
        let (sync, connection) = (self.sync, self.connection.id);
        let picture = scene
            .shared_look
            .at_both(sync, connection, &scene.ashby)
            .await?;
        hear(sync, connection).await?;
        Ok(picture)
    }

    /// Looks again before the picture is old, beside what is done meanwhile, so that nothing has to wait for it then.
    async fn look_ahead(&self, scene: &Scene<'_>) -> Result<Option<Picture>, SyncError> {
        if !self.is_picture_older(scene, PICTURE_KEEPS / 2) {
            return Ok(None);
        }
        self.look(scene).await.map(Some)
    }

    fn is_picture_older(&self, scene: &Scene<'_>, than: TimeDelta) -> bool {
        self.sync.clock.now() - scene.picture.at > than
    }

    fn is_over(&self, turn: Option<DateTime<Utc>>) -> bool {
        turn.is_some_and(|end| self.sync.clock.now() >= end)
    }
}
