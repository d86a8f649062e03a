//! One batch run of one connection: take the lease, look, fold, decide, apply, keep.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{
    Sync, SyncError,
    apply::{self, Applied, Interrupted},
    cadence,
    fold::fold,
    gather::{Case, Scene},
    look::{self, look},
    metadata,
    record::{CallLog, Decided, application, record},
    release,
};
use crate::{
    ashby::{AshbyClient, AshbyError, CallObserver, CallRecord, Disposition},
    ids::{ConnectionId, DoverJobId, FlushId, LeaseToken, ProspectId},
    plan::{
        Outcome, Plan, Reason, Step,
        identity::{self, IdentityKey},
        plan,
    },
    store::{
        self, StoreError,
        connection::Connection,
        flush::{Calls, Counts, FlushStatus, Trigger},
        job::Job,
        prospect::Prospect,
    },
};

/// How long a lease lasts unless it is renewed. After a crash another process takes over within this.
const LEASE: TimeDelta = TimeDelta::seconds(120);

/// A lease with less than this left is renewed before the next write. More than any one call can take, so that no write
/// is under way when another process may take the lease.
const RENEW_BELOW: TimeDelta = TimeDelta::seconds(75);

/// Prospects decided together: they share the statements that gather what they need.
const PAGE: i64 = 200;

/// Prospects carried out side by side. Ashby allows 1,000 calls a minute; at a third of a second a call, eight keep
/// that busy.
const SIDE_BY_SIDE: usize = 8;

/// How old the picture of Ashby's lists may grow in a long flush before people are created on it.
const PICTURE_KEEPS: TimeDelta = TimeDelta::seconds(60);

/// How often one prospect is decided again in one flush because looking showed something new.
const ATTEMPTS: usize = 3;

/// Why a flush ended before its end.
#[derive(Debug)]
pub enum Stop {
    /// The process shuts down.
    Shutdown,
    /// Another holds the lease, or the connection was paused or removed.
    LeaseLost,
    /// Ashby refused the key: nothing more is sent until a check passes.
    Key(String),
    /// The database or Ashby is away.
    Broken(SyncError),
}

impl From<SyncError> for Stop {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Ashby(error) => error.into(),
            SyncError::Store(_) => Self::Broken(error),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<AshbyError> for Stop {
    fn from(error: AshbyError) -> Self {
        match error.disposition() {
            Disposition::Key { .. } => Self::Key(error.to_string()),
            _ => Self::Broken(error.into()),
        }
    }
}

/// The exclusive right to act for a connection, for a while.
pub(super) struct Lease<'a> {
    sync: &'a Sync,
    connection: ConnectionId,
    token: LeaseToken,
    expires_at: Mutex<DateTime<Utc>>,
    shutdown: CancellationToken,
}

impl Lease<'_> {
    /// Makes sure that the lease holds for as long as one call can take. To be asked before every write.
    pub(super) async fn hold(&self) -> Result<(), Stop> {
        if self.shutdown.is_cancelled() {
            return Err(Stop::Shutdown);
        }
        let now = self.sync.clock.now();
        let expires_at = *self
            .expires_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if expires_at - now > RENEW_BELOW {
            return Ok(());
        }
        let until = now + LEASE;
        match store::flush::renew(&self.sync.pool, self.connection, self.token, until).await {
            Ok(()) => {
                *self
                    .expires_at
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = until;
                Ok(())
            }
            Err(StoreError::Gone(_)) => Err(Stop::LeaseLost),
            Err(error) => Err(error.into()),
        }
    }
}

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
    connection: Connection,
    token: LeaseToken,
    expires_at: DateTime<Utc>,
}

/// Takes the lease on a connection and starts a flush. `None`: another process holds the lease, or the connection is
/// paused or needs attention.
pub async fn start(
    sync: &Sync,
    connection: ConnectionId,
    trigger: Trigger,
) -> Result<Option<Started>, StoreError> {
    let now = sync.clock.now();
    let (token, expires_at) = (LeaseToken::fresh(), now + LEASE);
    let mut tx = sync.pool.begin().await.map_err(StoreError::from)?;
    if !store::flush::acquire(&mut tx, connection, token, now, expires_at).await? {
        return Ok(None);
    }
    let id = store::flush::start(&mut tx, connection, trigger, now).await?;
    let found = store::connection::by_id(&mut *tx, connection).await?;
    let Some(connection) = found else {
        return Ok(None);
    };
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Some(Started {
        id,
        connection,
        token,
        expires_at,
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
            connection,
            token,
            expires_at,
        } = self;
        let lease = Lease {
            sync,
            connection: connection.id,
            token,
            expires_at: Mutex::new(expires_at),
            shutdown: shutdown.child_token(),
        };
        let flush = Flush {
            sync,
            id,
            connection: &connection,
            lease,
            calls: Arc::default(),
            counts: Mutex::default(),
        };
        let started_at = sync.clock.now();
        let ended = flush.run().await;
        store::flush::progress(&sync.pool, id, &flush.counts(), &flush.calls.calls()).await?;
        let learning = matches!(ended, Ok(Ended { learning: true }));
        let (status, detail) = match ended {
            Ok(_) => (FlushStatus::Done, None),
            Err(Stop::Shutdown) => (
                FlushStatus::Stopped,
                Some("The process was shut down; the next flush goes on.".to_owned()),
            ),
            Err(Stop::LeaseLost) => (
                FlushStatus::Stopped,
                Some("Another process took over, or the connection was paused.".to_owned()),
            ),
            Err(Stop::Key(why)) => {
                tracing::warn!(flush.id = %id, connection = connection.name, "Ashby refused the key: {why}");
                store::connection::needs_attention(&sync.pool, connection.id, &why).await?;
                (
                    FlushStatus::Stopped,
                    Some(format!(
                        "{why} Nothing more is sent until a check of the connection passes."
                    )),
                )
            }
            Err(Stop::Broken(error)) => {
                tracing::warn!(flush.id = %id, connection = connection.name, "the flush failed: {error}");
                (
                    FlushStatus::Failed,
                    Some(format!(
                        "{error}. What is pending goes on with the next flush."
                    )),
                )
            }
        };
        let now = sync.clock.now();
        let mut tx = sync.pool.begin().await.map_err(StoreError::from)?;
        store::flush::finish(&mut *tx, id, status, detail.as_deref(), now).await?;
        let due = cadence::next(connection.next_flush_at, now, sync.interval, learning);
        store::flush::release(&mut tx, connection.id, token, due).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let took = (now - started_at).to_std().unwrap_or_default();
        sync.metrics.flushed(status.word(), took);
        let counts = flush.counts();
        tracing::info!(
            flush.id = %id, connection = connection.name, status = status.word(), counts.prospects, counts.created,
            counts.moved, counts.archived, counts.parked, counts.failed, "flush {id} is {}", status.word()
        );
        Ok(status)
    }
}

struct Ended {
    /// Ashby is still being read for the first time.
    learning: bool,
}

struct Flush<'a> {
    sync: &'a Sync,
    id: FlushId,
    connection: &'a Connection,
    lease: Lease<'a>,
    calls: Arc<CallCounter>,
    counts: Mutex<Counts>,
}

impl Flush<'_> {
    fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self) -> Result<Ended, Stop> {
        let calls: Arc<CallCounter> = Arc::clone(&self.calls);
        let ashby = self
            .sync
            .ashby(self.connection.id)
            .await?
            .observed_by(calls);
        let mut scene = set(self.sync, self.connection, ashby).await?;
        scene.settle_doubts().await?;
        release::looked(self.sync, self.connection.id, &scene.picture).await?;

        let mut after: ProspectId = uuid::Uuid::nil().into();
        loop {
            self.lease.hold().await?;
            let page =
                store::prospect::pending(&self.sync.pool, self.connection.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            if self.sync.clock.now() - scene.picture.at > PICTURE_KEEPS {
                scene.picture = look(self.sync, self.connection.id, &scene.ashby).await?;
            }
            self.decide_page(&scene, page).await?;
            store::flush::progress(
                &self.sync.pool,
                self.id,
                &self.counts(),
                &self.calls.calls(),
            )
            .await?;
        }
        Ok(Ended {
            learning: matches!(scene.picture.candidates, look::Known::Learning { .. }),
        })
    }

    /// Decides a page of prospects, side by side but for those that may be the same person: two of them at once would
    /// both be created.
    async fn decide_page(&self, scene: &Scene<'_>, page: Vec<Prospect>) -> Result<(), Stop> {
        let groups = groups(page);
        let firsts: Vec<Prospect> = groups.iter().map(|group| group[0].clone()).collect();
        let cases = scene.gather(firsts).await?;
        let work = cases.into_iter().zip(groups);
        let mut done = stream::iter(work.map(|(first, group)| async move {
            Box::pin(self.decide(scene, first)).await?;
            for prospect in &group[1..] {
                if let Some(case) = scene.gather_one(prospect.id).await? {
                    Box::pin(self.decide(scene, case)).await?;
                }
            }
            Ok::<(), Stop>(())
        }))
        .buffer_unordered(SIDE_BY_SIDE);
        // What is under way when one of them stops is finished and kept; nothing new begins, for each asks the lease.
        let mut first_stop = None;
        while let Some(result) = done.next().await {
            if let Err(stop) = result {
                self.lease.shutdown.cancel();
                first_stop.get_or_insert(stop);
            }
        }
        first_stop.map_or(Ok(()), Err)
    }

    async fn decide(&self, scene: &Scene<'_>, case: Case) -> Result<(), Stop> {
        let log = Arc::new(CallLog::default());
        let ashby = scene
            .ashby
            .observed_by(Arc::clone(&log) as Arc<dyn CallObserver>);
        let (case, plan, applied) = Box::pin(self.carry_out(scene, &ashby, case)).await?;
        let calls = log.as_json();
        record(
            self.sync,
            self.id,
            scene.connection,
            &Decided {
                case: &case,
                plan: &plan,
                applied: &applied,
                calls,
            },
        )
        .await?;
        self.count(&plan);
        Ok(())
    }

    /// Plans and applies; again where looking showed something new.
    async fn carry_out(
        &self,
        scene: &Scene<'_>,
        ashby: &AshbyClient,
        mut case: Case,
    ) -> Result<(Case, Plan, Applied), Stop> {
        for _ in 0..ATTEMPTS {
            let plan = plan(&case.situation);
            if changes_what_exists(&plan) && !self.is_fresh(&case) {
                case = self.freshen(scene, ashby, case).await?;
                continue;
            }
            match apply::apply(scene, ashby, &self.lease, &case, &plan).await {
                Ok(applied) => return Ok((case, plan, applied)),
                Err(Interrupted::For(reason)) => {
                    return Ok((case, Plan::nothing(reason), Applied::default()));
                }
                Err(Interrupted::By(stop)) => return Err(stop),
                Err(Interrupted::Again) => {
                    case = scene.gather_one(case.prospect.id).await?.unwrap_or(case);
                }
            }
        }
        let what = "what Ashby shows kept changing while it was looked at".to_owned();
        Ok((
            case,
            Plan::nothing(Reason::AshbyUnavailable { what }),
            Applied::default(),
        ))
    }

    fn is_fresh(&self, case: &Case) -> bool {
        case.looked_at
            .is_some_and(|at| look::is_fresh(at, self.sync.clock.now()))
    }

    /// Looks at the application again: by itself while the key's budget is ample, else at all that changed.
    async fn freshen(
        &self,
        scene: &Scene<'_>,
        ashby: &AshbyClient,
        case: Case,
    ) -> Result<Case, Stop> {
        if let Some(application) = application(&case.situation.person) {
            if ashby.pace().is_ample() {
                look::look_at(self.sync, self.connection.id, ashby, &application.id).await?;
            } else {
                look::follow_applications(self.sync, self.connection.id, ashby).await?;
            }
        }
        let now = self.sync.clock.now();
        let mut again = scene.gather_one(case.prospect.id).await?.unwrap_or(case);
        // Nothing was said of it, so it is as it was.
        again.looked_at = Some(now);
        Ok(again)
    }

    fn count(&self, plan: &Plan) {
        tally(
            &mut self.counts.lock().unwrap_or_else(PoisonError::into_inner),
            plan,
        );
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
    let waits = store::prospect::parked_reasons(&sync.pool, connection.id).await?;
    let waits_for = |reasons: &[&str]| {
        waits
            .iter()
            .any(|reason| reasons.contains(&reason.as_str()))
    };
    let picture = look(sync, connection.id, &ashby).await?;

    let setup = metadata::setup(sync, connection, &ashby, waits_for(&release::SETUP)).await?;
    if connection.setup.as_ref() != Some(&setup) {
        release::setup_changed(sync, connection.id).await?;
    }
    fold(sync, connection).await?;
    let jobs = jobs(sync, connection.id, &ashby, waits_for(&release::JOB)).await?;
    Ok(Scene {
        sync,
        connection: connection.id,
        ashby,
        setup,
        jobs,
        picture,
    })
}

/// The registered jobs; those with something to decide are read again.
async fn jobs(
    sync: &Sync,
    connection: ConnectionId,
    ashby: &AshbyClient,
    somebody_waits: bool,
) -> Result<HashMap<DoverJobId, Job>, SyncError> {
    let in_play =
        store::prospect::jobs_in_play(&sync.pool, connection, &release::owned(&release::JOB))
            .await?;
    let mut jobs = HashMap::new();
    let mut changed = Vec::new();
    for mut job in store::job::all(&sync.pool, connection).await? {
        if in_play.contains(&job.dover_job_id)
            && metadata::refresh_job(sync, ashby, &mut job, somebody_waits).await?
        {
            changed.push(job.dover_job_id.clone());
        }
        jobs.insert(job.dover_job_id.clone(), job);
    }
    release::jobs_changed(sync, connection, &changed).await?;
    Ok(jobs)
}

/// Prospects that may be the same person, together and in order.
fn groups(page: Vec<Prospect>) -> Vec<Vec<Prospect>> {
    let mut group_of: HashMap<String, usize> = HashMap::new();
    let mut merged_into: Vec<usize> = Vec::new();
    let root = |merged_into: &[usize], mut group: usize| {
        while merged_into[group] != group {
            group = merged_into[group];
        }
        group
    };
    let mut own = Vec::with_capacity(page.len());
    for prospect in &page {
        let mut keys: Vec<String> = identity::keys(&prospect.says.contact)
            .iter()
            .map(IdentityKey::tagged)
            .collect();
        keys.push(format!("dover:{}", prospect.dover_candidate_id));
        let mut mine = merged_into.len();
        merged_into.push(mine);
        for key in keys {
            let theirs = root(&merged_into, *group_of.entry(key).or_insert(mine));
            let older = mine.min(theirs);
            merged_into[mine] = older;
            merged_into[theirs] = older;
            mine = older;
        }
        own.push(mine);
    }
    let mut groups: BTreeMap<usize, Vec<Prospect>> = BTreeMap::new();
    for (prospect, group) in page.into_iter().zip(own) {
        groups
            .entry(root(&merged_into, group))
            .or_default()
            .push(prospect);
    }
    groups.into_values().collect()
}
