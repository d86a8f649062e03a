//! The brake of a flush: counts what it would do to each job, and holds back the part of a job that is over a limit. The
//! arithmetic is [`plan::brake`]'s.
//!
//! Most flushes cost one cheap count from above: only a job that might be over a limit is planned as a whole, page by page,
//! before the first write. What is decided is counted once more as it goes through, so that news that arrives meanwhile
//! slips by no limit either.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{Stream, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::{
    Sync, SyncError,
    gather::{Case, PAGE, Scene},
    yielding,
};
use crate::{
    ids::{ConnectionId, DoverJobId, FlushId, ProspectId},
    plan::{
        self, Action, Plan, Reason,
        brake::{Answer, Exceeded, Limit, Would},
        plan as decide,
        settings::{
            BrakeLimits,
            layers::{Decided, InForce},
        },
        situation::{Mode, Registration},
    },
    store::{
        self, StoreError,
        brake::{Question, QuestionStatus},
        job::Job,
        prospect::Prospect,
    },
};

const LIMITS: [Limit; 3] = [Limit::Archives, Limit::ArchiveShare, Limit::Moves];

/// What each job's part of a flush may do.
#[derive(Debug, Default)]
pub(super) struct Brake {
    limits: BrakeLimits,
    /// The settings that these are.
    settings: Vec<InForce>,
    parts: Mutex<HashMap<DoverJobId, Part>>,
    /// Jobs that wait for an answer.
    asked: Vec<DoverJobId>,
}

/// A job's part of a flush.
#[derive(Debug, Default)]
struct Part {
    title: String,
    active: u32,
    /// What was done of late, which counts beside what is let through in this flush.
    earlier: Would,
    /// What waits for an answer: while the job is over a limit it counts as well.
    asked: Would,
    /// What is let through, and what that comes to.
    passed: HashMap<ProspectId, Action>,
    would: Would,
    held: Option<Held>,
}

/// A job's part that is held.
#[derive(Clone, Debug)]
struct Held {
    exceeded: Exceeded,
    asked: Arc<OnceCell<()>>,
}

/// What the brake makes of a plan.
pub(super) struct Judged {
    /// The plan, its steps withheld where the job is over a limit or an admin refused them.
    pub(super) plan: Plan,
    /// What it would have done, where it is held.
    pub(super) held: Option<String>,
}

impl Judged {
    /// Nothing was done, because of `because`.
    pub(super) const fn nothing(because: Reason) -> Self {
        Self {
            plan: Plan::nothing(because),
            held: None,
        }
    }
}

/// A job that is stopped.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// Which.
    pub dover_job_id: DoverJobId,
    /// Its title.
    pub title: String,
    /// The limit that it would exceed, and by what.
    pub exceeded: Exceeded,
    /// What that limit is set to.
    pub limit: f64,
}

impl Brake {
    /// Counts what the pending prospects of each job would come to.
    pub(super) async fn assess(scene: &Scene<'_>, limits: BrakeLimits) -> Result<Self, SyncError> {
        let (brake, unsure) = Self::estimate(scene, limits).await?;
        for job in unsure {
            let mut would = Would::default();
            let mut pages = pin!(pages(scene, &job));
            while let Some(page) = pages.try_next().await? {
                would = would.and(weigh(&scene.gather(page).await?));
            }
            brake.weighed(&job, would);
        }
        Ok(brake)
    }

    /// The same from above, by one cheap count. Answers also the jobs that might be over a limit: what their prospects would
    /// come to is to be [told](Self::weighed).
    pub(super) async fn estimate(
        scene: &Scene<'_>,
        limits: BrakeLimits,
    ) -> Result<(Self, Vec<DoverJobId>), SyncError> {
        let (sync, connection) = (scene.sync, scene.connection);
        let pending = store::brake::potential(&sync.pool, connection).await?;
        let waiting = store::brake::standing(&sync.pool, connection).await?;
        let settings = LIMITS.into_iter();
        let brake = Self {
            limits,
            settings: settings
                .filter_map(|limit| scene.policies.setting(limit.key()))
                .collect(),
            asked: waiting.iter().map(|(job, _)| job.clone()).collect(),
            ..Self::default()
        };
        if pending.is_empty() && waiting.is_empty() {
            return Ok((brake, Vec::new()));
        }
        let earlier = recent(sync, connection).await?;
        let pending: HashMap<_, _> = pending.into_iter().collect();
        let waiting: HashMap<_, _> = waiting.into_iter().collect();
        let in_play = |job: &&Job| {
            let id = &job.dover_job_id;
            job.mode == Mode::Live && (pending.contains_key(id) || waiting.contains_key(id))
        };
        let jobs: Vec<&Job> = scene.jobs.values().filter(in_play).collect();
        let ids: Vec<String> = jobs.iter().map(|job| job.ashby_job_id.0.clone()).collect();
        let active = store::brake::active(&sync.pool, connection, &ids).await?;
        let mut unsure = Vec::new();
        for job in jobs {
            let id = &job.dover_job_id;
            let earlier = earlier.get(id).copied().unwrap_or_default();
            let active = active.get(&job.ashby_job_id).copied().unwrap_or_default();
            let mut part = Part {
                title: job.title.clone(),
                // Of those that there were before this interval's archives.
                active: active.saturating_add(earlier.archives),
                earlier,
                asked: waiting.get(id).copied().unwrap_or_default(),
                ..Part::default()
            };
            let most = pending.get(id).copied().unwrap_or_default();
            if part.weighed(most, &limits).is_some() {
                unsure.push(id.clone());
            }
            brake.parts().insert(id.clone(), part);
        }
        Ok((brake, unsure))
    }

    /// Takes in what the pending prospects of a job would come to.
    pub(super) fn weighed(&self, job: &DoverJobId, would: Would) {
        if let Some(part) = self.parts().get_mut(job) {
            part.weighed(would, &self.limits);
        }
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, HashMap<DoverJobId, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a plan through, or withholds its steps.
    pub(super) fn judge(&self, case: &Case, plan: Plan) -> Judged {
        let through = |plan| Judged { plan, held: None };
        self.forget(case);
        let (Registration::Registered(job), Some(deed)) =
            (&case.situation.registration, plan::brake::deed(&plan))
        else {
            return through(plan);
        };
        if let Some(answer) = answer(case) {
            if answer.approves(&plan) {
                return through(plan);
            }
            if answer.refuses(&plan, plan::said_at(&case.situation.dover)) {
                return through(plan::brake::refuse(plan));
            }
        }
        let mut parts = self.parts();
        let part = parts.entry(case.prospect.dover_job_id.clone()).or_default();
        match part.admit(case.prospect.id, plan.action(), &self.limits) {
            None => through(plan),
            Some(exceeded) => Judged {
                plan: plan::brake::hold(plan, &job.title, exceeded, self.setting(exceeded.limit)),
                held: Some(deed),
            },
        }
    }

    /// A limit as it was set.
    fn setting(&self, limit: Limit) -> Option<Decided> {
        let found = self.settings.iter().find(|found| found.key == limit.key());
        found.cloned().map(Decided::by)
    }

    /// A prospect that is decided again counts as what it is decided to be now.
    fn forget(&self, case: &Case) {
        if let Some(part) = self.parts().get_mut(&case.prospect.dover_job_id)
            && let Some(before) = part.passed.remove(&case.prospect.id)
        {
            part.would.take(before);
        }
    }

    /// Makes sure that an admin is asked about a job of which somebody is held in `flush`.
    pub(super) async fn ask(
        &self,
        sync: &Sync,
        connection: ConnectionId,
        flush: FlushId,
        job: &Job,
    ) -> Result<(), StoreError> {
        let held = self
            .parts()
            .get(&job.dover_job_id)
            .and_then(|part| part.held.clone());
        let Some(Held { exceeded, asked }) = held else {
            return Ok(());
        };
        let question = Question {
            flush,
            dover_job_id: job.dover_job_id.clone(),
            title: job.title.clone(),
            would: exceeded.would,
            active: exceeded.active,
            exceeded: exceeded.limit.key().to_owned(),
            limit: exceeded.limit.value(&self.limits),
            asked_at: sync.clock.now(),
            status: QuestionStatus::Waiting,
            decided_at: None,
            decided_by: None,
        };
        let ask = async move {
            tracing::warn!(flush.id = %flush, job.id = %question.dover_job_id, "the brake stops job {} in flush {flush}", question.dover_job_id);
            store::brake::ask(&sync.pool, connection, &question).await
        };
        asked.get_or_try_init(|| ask).await?;
        Ok(())
    }

    /// Whether a job is stopped.
    pub(super) fn stops(&self, job: &DoverJobId) -> bool {
        self.parts()
            .get(job)
            .is_some_and(|part| part.held.is_some())
    }

    /// The jobs that are stopped.
    pub(super) fn stopped(&self) -> Vec<Stopped> {
        let parts = self.parts();
        let mut stopped: Vec<Stopped> = parts
            .iter()
            .filter_map(|(id, part)| {
                let exceeded = part.held.as_ref()?.exceeded;
                Some(Stopped {
                    dover_job_id: id.clone(),
                    title: part.title.clone(),
                    exceeded,
                    limit: exceeded.limit.value(&self.limits),
                })
            })
            .collect();
        stopped.sort_by(|a, b| a.dover_job_id.cmp(&b.dover_job_id));
        stopped
    }

    /// Lets those go on who wait for an answer though their job is within its limits again.
    pub(super) async fn ease(
        &self,
        sync: &Sync,
        connection: ConnectionId,
    ) -> Result<(), SyncError> {
        let eased = self.asked.iter().filter(|job| !self.stops(job));
        let jobs: Vec<String> = eased.map(|job| job.0.clone()).collect();
        let mut tx = sync.pool.begin().await?;
        store::brake::withdraw(&mut tx, connection, &jobs, sync.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Held {
    fn new(exceeded: Exceeded) -> Self {
        Self {
            exceeded,
            asked: Arc::default(),
        }
    }
}

impl Part {
    /// Takes in what all of it would come to. Answers the limit that this exceeds.
    fn weighed(&mut self, would: Would, limits: &BrakeLimits) -> Option<Exceeded> {
        self.held = self.exceeds(self.asked.and(would), limits).map(Held::new);
        Some(self.held.as_ref()?.exceeded)
    }

    fn exceeds(&self, would: Would, limits: &BrakeLimits) -> Option<Exceeded> {
        plan::brake::exceeded(self.earlier.and(would), self.active, limits)
    }

    /// Counts what is about to be done. Answers the limit that it would exceed: then it is not done, nor anything after it.
    fn admit(
        &mut self,
        prospect: ProspectId,
        action: Action,
        limits: &BrakeLimits,
    ) -> Option<Exceeded> {
        if self.held.is_none() {
            let mut would = self.would;
            would.add(action);
            self.held = self.exceeds(would, limits).map(Held::new);
        }
        if let Some(held) = &self.held {
            return Some(held.exceeded);
        }
        // Creations have no limit, and may be many.
        if matches!(action, Action::Move | Action::Archive) {
            self.would.add(action);
            self.passed.insert(prospect, action);
        }
        None
    }
}

/// The pending prospects of a job, page by page, in the order of their ids.
pub(super) fn pages<'a>(
    scene: &'a Scene<'_>,
    job: &'a DoverJobId,
) -> impl Stream<Item = Result<Vec<Prospect>, StoreError>> + 'a {
    let first: ProspectId = uuid::Uuid::nil().into();
    stream::try_unfold(first, move |after| async move {
        let pool = &scene.sync.pool;
        let size = yielding::page_size(scene.sync, PAGE);
        let page =
            store::prospect::pending_of_job(pool, scene.connection, job, after, size).await?;
        let last = page.last().map(|prospect| prospect.id);
        Ok(last.map(|last| (page, last)))
    })
}

/// What prospects would come to, decided one by one; what an admin answered does not count.
pub(super) fn weigh<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Would {
    let mut would = Would::default();
    for case in cases {
        let plan = decide(&case.situation);
        if !plan.steps.is_empty() && !is_answered(case, &plan) {
            would.add(plan.action());
        }
    }
    would
}

/// What was done of late. Flushes that follow each other faster than the interval, because somebody asks for them or there
/// is a backlog, count together: many small ones do as much as one large one. A tenth is left out of the interval, for a
/// flush that began late must not count with the next.
async fn recent(
    sync: &Sync,
    connection: ConnectionId,
) -> Result<HashMap<DoverJobId, Would>, StoreError> {
    let since = sync.clock.now() - sync.interval * 9 / 10;
    let done = store::change::since(&sync.pool, connection, since).await?;
    Ok(done.into_iter().collect())
}

/// Whether an admin has said yes or no to exactly that.
fn is_answered(case: &Case, plan: &Plan) -> bool {
    let said_at = plan::said_at(&case.situation.dover);
    answer(case).is_some_and(|answer| answer.approves(plan) || answer.refuses(plan, said_at))
}

/// What an admin said to what was held of it.
fn answer(case: &Case) -> Option<&Answer> {
    case.held.as_ref()?.answer.as_ref()
}
