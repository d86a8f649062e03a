//! One batch run of one connection: take the lease, look, fold, decide, apply, keep.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI32, AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use tokio_util::sync::CancellationToken;

use super::{
    Sync, SyncError,
    access::Access,
    apply::{self, Applied, Interrupted},
    brake::{Brake, Judged},
    cadence::{self, Rest},
    erase,
    fold::fold,
    freshness::is_fresh,
    gather::{Case, Scene, untold},
    groups::groups,
    hear::hear,
    lease::{self, Lease, Stop},
    look::{self, look},
    metadata,
    record::{CallLog, Decided, application, record},
    release,
    settings::{self, Policies},
    undo,
};
use crate::{
    ashby::{AshbyClient, CallObserver, CallRecord},
    ids::{ConnectionId, DoverJobId, FlushId, ProspectId},
    plan::{Outcome, Plan, Reason, Step, plan, situation::Setup},
    store::{
        self, StoreError,
        connection::Connection,
        flush::{Calls, Counts, FlushStatus, Trigger},
        job::Job,
        prospect::Prospect,
    },
};

/// Prospects decided together: they share the statements that gather what they need.
const PAGE: i64 = 200;

/// Prospects carried out side by side. Ashby allows 1,000 calls a minute; at a third of a second a call, eight keep
/// that busy.
const SIDE_BY_SIDE: usize = 8;

/// How old the picture of Ashby's lists may grow in a long flush before people are created on it.
const PICTURE_KEEPS: TimeDelta = TimeDelta::seconds(60);

/// How long a flush of the cadence may go on deciding. A process flushes so many connections side by side; one with a long
/// backlog gives its place to whoever is due, and goes on when it is its turn again. Long enough that looking at Ashby
/// anew costs little beside it, short enough that a hundred such backlogs delay nobody by an interval.
const TURN: TimeDelta = TimeDelta::seconds(60);

/// Prospects one after the other that Ashby did not answer about, after which it is not about them: what is left waits
/// for the next flush.
const UNANSWERED_AT_MOST: u32 = 10;

/// How soon a flush that the database did not let end tries again.
const CLOSE_AGAIN: Duration = Duration::from_secs(2);

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

/// How a flush ended, to be kept.
struct Ending {
    status: FlushStatus,
    /// Why it stopped or failed, and what to do.
    detail: Option<String>,
    rest: Rest,
    /// Behind whom the next flush goes on, where others still wait.
    goes_on_after: Option<ProspectId>,
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

    /// How the flush ended, to be kept.
    fn ending(&self, ended: Result<Rest, Stop>) -> Ending {
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
    async fn close_patiently(
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
    fn tell(&self, status: FlushStatus) {
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

    async fn run(&self, access: &Access) -> Result<Rest, Stop> {
        let calls: Arc<CallCounter> = Arc::clone(&self.calls);
        let ashby = access
            .client
            .observed_by(calls)
            .guarded_by(Arc::clone(&self.lease) as _)
            .until(self.lease.stopped.clone());
        settings::take_in(self.sync, self.connection.id).await?;
        let mut scene = set(self.sync, self.connection, ashby).await?;
        scene.lease = Some(self.lease.token);
        scene.settle_doubts().await?;
        if let Some(undoes) = self.undoes {
            Box::pin(undo::put_back(self, &scene, undoes)).await?;
            return Ok(scene.rest());
        }
        let limits = self.connection.settings.brake;
        scene.brake = Box::pin(Brake::assess(&scene, limits)).await?;
        scene.brake.ease(self.sync, self.connection.id).await?;

        let mut after = self.first().await?;
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
                if self.sync.clock.now() - scene.picture.at > PICTURE_KEEPS {
                    scene.picture = look(self.sync, self.connection.id, &scene.ashby).await?;
                }
                left = self.decide_page(&scene, left, turn).await?;
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
    async fn first(&self) -> Result<ProspectId, StoreError> {
        let first = uuid::Uuid::nil().into();
        if self.trigger != Trigger::Schedule {
            return Ok(first);
        }
        let (pool, connection) = (&self.sync.pool, self.connection.id);
        Ok(store::flush::goes_on_after(pool, connection)
            .await?
            .unwrap_or(first))
    }

    fn decided_last(&self) -> Option<ProspectId> {
        *self
            .decided_last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes who was decided. Where Ashby did not answer about one after the other, it is not asked about any more.
    fn decided(&self, prospect: ProspectId, plan: &Plan) -> Result<(), Stop> {
        let mut last = self
            .decided_last
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = (*last).max(Some(prospect));
        drop(last);
        match &plan.because {
            Reason::AshbyUnavailable { what } => {
                let before = self.unanswered.fetch_add(1, Ordering::Relaxed);
                if before + 1 >= UNANSWERED_AT_MOST {
                    return Err(Stop::Unanswered(what.clone()));
                }
            }
            because if because.outcome() == Outcome::Acted => {
                self.unanswered.store(0, Ordering::Relaxed);
            }
            _ => {}
        }
        Ok(())
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

    fn is_over(&self, turn: Option<DateTime<Utc>>) -> bool {
        turn.is_some_and(|end| self.sync.clock.now() >= end)
    }

    /// Decides a page of prospects, side by side but for those that may be the same person: two of them at once would
    /// both be created.
    /// Answers those whose turn had not come when the flush's was over, or the picture of Ashby had become old.
    async fn decide_page(
        &self,
        scene: &Scene<'_>,
        page: Vec<Prospect>,
        turn: Option<DateTime<Utc>>,
    ) -> Result<Vec<Prospect>, Stop> {
        let groups = groups(page.clone(), &scene.who(&page).await?);
        let firsts: Vec<Prospect> = groups.iter().map(|group| group[0].clone()).collect();
        let cases = scene.gather(firsts).await?;
        let until = scene.picture.at + PICTURE_KEEPS;
        let until = turn.map_or(until, |turn| turn.min(until));
        let left: Mutex<Vec<Prospect>> = Mutex::default();
        let work = cases.into_iter().zip(groups).enumerate();
        let work = work.map(|(number, (first, group))| {
            let (this, left) = (self, &left);
            async move {
                // The first is decided in any case, so that there is an end to it.
                if number > 0 && this.is_over(Some(until)) {
                    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
                    left.extend(group);
                    return Ok(());
                }
                this.decide_group(scene, first, group).await
            }
            .boxed()
        });
        self.side_by_side(work.collect()).await?;
        Ok(left.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Decides prospects that may be the same person, one after the other; `first` is the case of the first.
    async fn decide_group(
        &self,
        scene: &Scene<'_>,
        first: Case,
        group: Vec<Prospect>,
    ) -> Result<(), Stop> {
        Box::pin(self.decide(scene, first)).await?;
        for prospect in &group[1..] {
            if let Some(case) = scene.gather_one(prospect.id).await? {
                Box::pin(self.decide(scene, case)).await?;
            }
        }
        Ok(())
    }

    /// Does several things at once, to their ends or until one of them stops the flush.
    pub(super) async fn side_by_side(
        &self,
        work: Vec<BoxFuture<'_, Result<(), Stop>>>,
    ) -> Result<(), Stop> {
        let mut done = stream::iter(work).buffer_unordered(SIDE_BY_SIDE);
        // What is under way when one of them stops is finished and kept; nothing new begins, for each asks the lease.
        let mut first_stop = None;
        while let Some(result) = done.next().await {
            if let Err(stop) = result {
                self.lease.stopped.cancel();
                first_stop.get_or_insert(stop);
            }
        }
        first_stop.map_or(Ok(()), Err)
    }

    async fn decide(&self, scene: &Scene<'_>, case: Case) -> Result<(), Stop> {
        let who = &case.prospect.dover_candidate_id;
        if let Some(erasure) = case.to_be_emptied {
            erase::found(self.sync, scene.connection, who, erasure).await?;
        }
        let log = Arc::new(CallLog::default());
        let ashby = scene
            .ashby
            .observed_by(Arc::clone(&log) as Arc<dyn CallObserver>);
        let (case, judged, applied) = Box::pin(self.carry_out(scene, &ashby, case)).await?;
        let Judged { plan, held } = judged;
        if let (Some(_), Some(job)) = (&held, scene.jobs.get(&case.prospect.dover_job_id)) {
            let brake = &scene.brake;
            brake.ask(self.sync, scene.connection, self.id, job).await?;
        }
        let calls = log.as_json();
        record(
            self.sync,
            self.id,
            scene.connection,
            self.lease.token,
            &Decided {
                case: &case,
                plan: &plan,
                applied: &applied,
                held: held.as_deref(),
                calls,
            },
        )
        .await?;
        self.tally(|counts| tally(counts, &plan));
        self.decided(case.prospect.id, &plan)
    }

    /// Plans and applies; again where looking showed something new.
    async fn carry_out(
        &self,
        scene: &Scene<'_>,
        ashby: &AshbyClient,
        mut case: Case,
    ) -> Result<(Case, Judged, Applied), Stop> {
        for _ in 0..ATTEMPTS {
            let judged = scene.brake.judge(&case, plan(&case.situation));
            let plan = &judged.plan;
            if changes_what_exists(plan) && !self.is_fresh(&case) {
                match self.freshen(scene, ashby, case).await? {
                    Ok(fresh) => case = fresh,
                    Err((stale, reason)) => {
                        return Ok((stale, Judged::nothing(reason), Applied::default()));
                    }
                }
                continue;
            }
            match apply::apply(scene, self.id, ashby, &self.lease, &case, plan).await {
                Ok(applied) => {
                    let judged = self.gone_or_hidden(scene, ashby, &case, judged).await?;
                    return Ok((case, judged, applied));
                }
                Err(Interrupted::For(reason)) => {
                    let judged = Judged::nothing(reason);
                    let judged = self.gone_or_hidden(scene, ashby, &case, judged).await?;
                    return Ok((case, judged, Applied::default()));
                }
                Err(Interrupted::By(stop)) => return Err(stop),
                Err(Interrupted::Again) => {
                    case = scene.gather_one(case.prospect.id).await?.unwrap_or(case);
                }
            }
        }
        let what = "Ashby was too busy, or what it shows kept changing".to_owned();
        Ok((
            case,
            Judged::nothing(Reason::AshbyUnavailable { what }),
            Applied::default(),
        ))
    }

    /// What is gone may merely be hidden with its job: then it waits for that instead, and goes on by itself.
    async fn gone_or_hidden(
        &self,
        scene: &Scene<'_>,
        ashby: &AshbyClient,
        case: &Case,
        judged: Judged,
    ) -> Result<Judged, Stop> {
        if judged.plan.because != Reason::GoneFromAshby {
            return Ok(judged);
        }
        let closed = apply::closed_meanwhile(scene, ashby, case).await?;
        Ok(closed.map_or(judged, Judged::nothing))
    }

    fn is_fresh(&self, case: &Case) -> bool {
        case.looked_at
            .is_some_and(|at| is_fresh(at, self.sync.clock.now()))
    }

    /// Looks at the application again: by itself while the key's budget is ample, else at all that changed. Where Ashby
    /// does not tell, the prospect waits by itself.
    async fn freshen(
        &self,
        scene: &Scene<'_>,
        ashby: &AshbyClient,
        case: Case,
    ) -> Result<Result<Case, (Case, Reason)>, Stop> {
        let Some(application) = application(&case.situation.person) else {
            return Ok(Ok(case));
        };
        let asked_at = self.sync.clock.now();
        let connection = self.connection.id;
        let is_scarce = !ashby.pace().is_ample();
        let in_bulk = is_scarce
            && look::follow_applications(self.sync, connection, ashby).await?
                == look::Known::Current;
        // A list that was not read to its end says nothing of this one.
        let is_seen = in_bulk
            || match look::look_at(self.sync, connection, ashby, &application.id).await {
                Ok(seen) => seen.is_some(),
                Err(SyncError::Ashby(error)) => return Ok(Err((case, untold(error)?.into()))),
                Err(error) => return Err(error.into()),
            };
        let mut again = scene.gather_one(case.prospect.id).await?.unwrap_or(case);
        if is_seen {
            again.looked_at = Some(asked_at);
        }
        Ok(Ok(again))
    }
}

impl Scene<'_> {
    /// Learns which jobs have been put in shadow or made live since: nobody should have to wait for the end of a flush.
    async fn heed_modes(&mut self) -> Result<(), StoreError> {
        for job in store::job::all(&self.sync.pool, self.connection).await? {
            if let Some(known) = self.jobs.get_mut(&job.dover_job_id) {
                known.mode = job.mode;
            }
        }
        Ok(())
    }

    /// What is left once everything pending was decided.
    const fn rest(&self) -> Rest {
        match self.picture.candidates {
            look::Known::Learning { .. } => Rest::Learning,
            look::Known::Current | look::Known::Stale => Rest::Nothing,
        }
    }
}

/// Counts a decision.
pub(super) const fn tally(counts: &mut Counts, plan: &Plan) {
    counts.prospects += 1;
    let counter = match (plan.because.outcome(), &plan.because) {
        (Outcome::Acted, Reason::Created { .. }) => &mut counts.created,
        (Outcome::Acted, Reason::Archived(_)) => &mut counts.archived,
        (Outcome::Acted, _) => &mut counts.moved,
        (Outcome::Unchanged, _) => &mut counts.unchanged,
        (Outcome::Skipped, _) => &mut counts.skipped,
        (Outcome::Parked, _) => &mut counts.parked,
        (Outcome::Retried, _) => &mut counts.failed,
    };
    *counter += 1;
}

fn changes_what_exists(plan: &Plan) -> bool {
    plan.steps
        .iter()
        .any(|step| matches!(step, Step::Move { .. } | Step::Archive { .. }))
}

/// Sets the scene: looks at Ashby, brings setup and jobs up to date, folds what waits, and lets go on what can.
pub(super) async fn set<'a>(
    sync: &'a Sync,
    connection: &Connection,
    ashby: AshbyClient,
) -> Result<Scene<'a>, SyncError> {
    let waits = store::waiting::parked_reasons(&sync.pool, connection.id).await?;
    let waits_for = |reasons: &[&str]| {
        waits
            .iter()
            .any(|reason| reasons.contains(&reason.as_str()))
    };
    let picture = look(sync, connection.id, &ashby).await?;
    hear(sync, connection.id).await?;

    release::looked(sync, connection.id, picture.candidates).await?;
    if waits_for(&[release::AMBIGUOUS]) {
        release::look_over_choices(sync, connection.id, &ashby).await?;
    }

    if waits_for(&release::REGISTRATION) {
        release::registered_meanwhile(sync, connection.id).await?;
    }
    fold(sync, connection).await?;
    let somebody_waits = waits_for(&release::SETUP) || might_wait(sync, connection).await?;
    let setup = metadata::setup(sync, connection, &ashby, somebody_waits).await?;
    let jobs = jobs(sync, connection.id, &ashby, waits_for(&release::JOB)).await?;
    Ok(Scene {
        sync,
        connection: connection.id,
        ashby,
        setup,
        jobs,
        picture,
        lease: None,
        brake: Brake::default(),
        policies: Policies::read(sync, connection.id).await?,
        ask_after: TimeDelta::minutes(connection.settings.ask_about_creates_after_minutes.into()),
        refuted: HashSet::new(),
    })
}

/// Whether somebody would have to wait for something that an admin had not set up when we last looked. They may have
/// since, and nobody should be told otherwise.
async fn might_wait(sync: &Sync, connection: &Connection) -> Result<bool, SyncError> {
    let is_complete = connection.setup.as_ref().is_some_and(Setup::is_complete);
    if is_complete {
        return Ok(false);
    }
    let first = uuid::Uuid::nil().into();
    let pending = store::prospect::pending(&sync.pool, connection.id, first, 1).await?;
    Ok(!pending.is_empty())
}

/// The registered jobs; those with something to decide are read again.
async fn jobs(
    sync: &Sync,
    connection: ConnectionId,
    ashby: &AshbyClient,
    somebody_waits: bool,
) -> Result<HashMap<DoverJobId, Job>, SyncError> {
    let in_play =
        store::waiting::jobs_in_play(&sync.pool, connection, &release::owned(&release::JOB))
            .await?;
    let mut jobs = HashMap::new();
    for mut job in store::job::all(&sync.pool, connection).await? {
        if in_play.contains(&job.dover_job_id) {
            metadata::refresh_job(sync, connection, ashby, &mut job, somebody_waits).await?;
        }
        jobs.insert(job.dover_job_id.clone(), job);
    }
    Ok(jobs)
}
