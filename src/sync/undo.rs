//! Puts back what a flush did, where nobody has touched it since. Runs as a flush of its own: under the lease, at the same
//! pace, each write intended before and recorded after. Done again, it does what is left.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use serde_json::json;

use super::{
    Sync, SyncError,
    access::Access,
    apply::{self, Interrupted},
    flush::{ATTEMPTS, Flush},
    gather::{Case, Scene},
    lease::Stop,
    look,
    person::untold,
    record::CallLog,
};
use crate::{
    ashby::{AshbyClient, CallObserver},
    ids::{ApplicationId, DecisionId, DoverJobId, FlushId, ProspectId, StageId},
    plan::{
        self, Outcome, Plan, Reason,
        situation::Untold,
        undo::{Image, undo},
    },
    store::{
        self, StoreError,
        change::{Changed, PutBack},
        connection::Connection,
        decision::Decision,
        flush::Counts,
        job::Job,
        mirror::Seen,
        prospect::Prospect,
    },
};

/// Changes put back together.
const PAGE: i64 = 200;

/// Puts back what the flush `undoes` did, in `flush`.
pub(super) async fn put_back(
    flush: &Flush<'_>,
    scene: &Scene<'_>,
    undoes: FlushId,
) -> Result<(), Stop> {
    let mut after: ProspectId = uuid::Uuid::nil().into();
    loop {
        flush.lease.hold().await?;
        let page = store::change::of_flush(&flush.sync.pool, undoes, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.prospect;
        let left = page.into_iter().filter(|change| change.undone_by.is_none());
        let work = left.map(|change| {
            let undo = Undo {
                flush,
                scene,
                undoes,
            };
            undo.one(change).boxed()
        });
        flush.side_by_side(work.collect()).await?;
        flush.progress().await?;
    }
}

/// An undo under way.
struct Undo<'a> {
    flush: &'a Flush<'a>,
    scene: &'a Scene<'a>,
    undoes: FlushId,
}

/// What became of one change.
struct Undone {
    plan: Plan,
    /// The application as it was found.
    now: Option<Image>,
    wrote: Option<(Seen, DateTime<Utc>)>,
}

impl Undone {
    /// Nothing was put back, because of `because`.
    const fn nothing(because: Reason) -> Self {
        Self {
            plan: Plan::nothing(because),
            now: None,
            wrote: None,
        }
    }
}

impl Undo<'_> {
    async fn one(self, change: Changed) -> Result<(), Stop> {
        let Some(case) = self.scene.gather_one(change.prospect).await? else {
            return Ok(());
        };
        let log = Arc::new(CallLog::default());
        let observer = Arc::clone(&log) as Arc<dyn CallObserver>;
        let ashby = self.scene.ashby.observed_by(observer);
        let undone = Box::pin(self.attempt(&ashby, case, &change)).await?;
        self.record(&change, &undone, &log).await?;
        self.flush.tally(|counts| tally(counts, &undone.plan));
        Ok(())
    }

    /// Looks, decides and puts back; again where the look was too old by the time of the write.
    async fn attempt(
        &self,
        ashby: &AshbyClient,
        mut case: Case,
        change: &Changed,
    ) -> Result<Undone, Stop> {
        for _ in 0..ATTEMPTS {
            let asked_at = self.flush.sync.clock.now();
            let now = match &change.application {
                Some(id) => match self.look(ashby, id).await? {
                    Ok(now) => now,
                    Err(untold) => return Ok(Undone::nothing(untold.into())),
                },
                None => None,
            };
            let title = |stage: &StageId| self.title(&case.prospect.dover_job_id, stage);
            let plan = undo(&change.as_change(), now.as_ref(), title);
            let Some(back) = plan.steps.first() else {
                let wrote = None;
                return Ok(Undone { plan, now, wrote });
            };
            case.looked_at = Some(asked_at);
            let (scene, flush) = (self.scene, self.flush);
            let put_back = apply::put_back(scene, flush.id, ashby, &flush.lease, &case, back);
            match put_back.await {
                Ok(wrote) => return Ok(Undone { plan, now, wrote }),
                Err(Interrupted::By(stop)) => return Err(stop),
                Err(Interrupted::Again) => {}
                Err(Interrupted::For(reason)) => {
                    let (plan, wrote) = (Plan::nothing(reason), None);
                    return Ok(Undone { plan, now, wrote });
                }
            }
        }
        let what = "Ashby was too busy, or what it shows kept changing".to_owned();
        Ok(Undone::nothing(Reason::AshbyUnavailable { what }))
    }

    /// The application as it is now, or how Ashby did not tell.
    async fn look(
        &self,
        ashby: &AshbyClient,
        id: &ApplicationId,
    ) -> Result<Result<Option<Image>, Untold>, Stop> {
        let scene = self.scene;
        match look::look_at(scene.sync, scene.connection, ashby, id).await {
            Ok(seen) => Ok(Ok(seen.as_ref().and_then(Seen::image))),
            Err(SyncError::Ashby(error)) => Ok(Err(untold(error)?)),
            Err(error) => Err(error.into()),
        }
    }

    fn title(&self, job: &DoverJobId, stage: &StageId) -> String {
        title(self.scene.jobs.get(job), stage)
    }

    /// Keeps what became of a change: its decision, and what that leaves of the prospect. One transaction.
    async fn record(
        &self,
        change: &Changed,
        undone: &Undone,
        log: &CallLog,
    ) -> Result<(), SyncError> {
        let Undone { plan, now, wrote } = undone;
        let (scene, sync) = (self.scene, self.flush.sync);
        let decision = Decision {
            id: DecisionId::fresh(),
            prospect: change.prospect,
            flush: self.flush.id,
            decided_at: sync.clock.now(),
            action: plan.action().word().to_owned(),
            reason: plan.because.code().to_owned(),
            sentence: plan.sentence(),
            rule: plan.because.rule(),
            dover: json!({}),
            ashby: json!({ "undoes": self.undoes, "before": change.before, "after": change.after, "now": now }),
            calls: log.as_json(),
            settings: json!([]),
        };
        let mut tx = sync.pool.begin().await?;
        store::flush::fence(&mut tx, scene.connection, self.flush.lease.token).await?;
        if let Some((seen, at)) = wrote {
            store::mirror::wrote(&mut tx, scene.connection, seen, *at).await?;
            let who = &seen.candidate;
            store::change::made(&mut tx, change.prospect, who, Some(seen), *at).await?;
            store::intent::settled(&mut *tx, change.prospect, *at).await?;
        }
        if matches!(plan.because, Reason::Undone { .. }) {
            let (prospect, by) = (change.prospect, self.flush.id);
            store::change::undone(&mut *tx, self.undoes, prospect, by).await?;
            store::prospect::undone(&mut tx, prospect, &decision.reason, decision.id).await?;
        }
        let decisions = std::slice::from_ref(&decision);
        store::decision::record(&mut *tx, scene.connection, decisions).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Keeps that a change was put back by an undo that had ended before it knew, in the transaction that settles it.
pub(super) async fn found_done(
    scene: &Scene<'_>,
    tx: &mut sqlx::PgConnection,
    prospect: &Prospect,
    put_back: &PutBack,
    now: &Seen,
) -> Result<(), StoreError> {
    let Some(image) = now.image() else {
        return Ok(());
    };
    let title = title(scene.jobs.get(&prospect.dover_job_id), &image.stage);
    let plan = plan::undo::put_back(now.id.clone(), image.stage.clone(), title);
    let decision = Decision {
        id: DecisionId::fresh(),
        prospect: prospect.id,
        flush: put_back.by,
        decided_at: scene.sync.clock.now(),
        action: plan.action().word().to_owned(),
        reason: plan.because.code().to_owned(),
        sentence: plan.sentence(),
        rule: plan.because.rule(),
        dover: json!({}),
        ashby: json!({ "undoes": put_back.undoes, "now": image }),
        // They were made, and recorded, when the undo ran.
        calls: json!([]),
        settings: json!([]),
    };
    store::prospect::undone(tx, prospect.id, &decision.reason, decision.id).await?;
    store::decision::record(tx, scene.connection, std::slice::from_ref(&decision)).await
}

fn title(job: Option<&Job>, stage: &StageId) -> String {
    let stages = job.map_or(&[][..], |job| job.stages.as_slice());
    let found = stages.iter().find(|known| known.id == *stage);
    found.map_or_else(|| stage.0.clone(), |known| known.title.clone())
}

fn tally(counts: &mut Counts, plan: &Plan) {
    counts.prospects += 1;
    let counter = match (plan.because.outcome(), &plan.because) {
        (_, Reason::Undone { .. }) if plan.steps.is_empty() => &mut counts.unchanged,
        (_, Reason::Undone { .. }) => &mut counts.moved,
        (Outcome::Skipped, _) => &mut counts.skipped,
        _ => &mut counts.failed,
    };
    *counter += 1;
}

/// What an undo would do with a change.
#[derive(Debug)]
pub struct Previewed {
    /// The change.
    pub change: Changed,
    /// The prospect.
    pub prospect: Prospect,
    /// What would be done, and why.
    pub plan: Plan,
    /// The application as it is now.
    pub now: Option<Image>,
}

/// What an undo of `flush` would do, prospect by prospect, at most `limit` of them beyond `after`. Looks at Ashby's lists.
pub async fn preview(
    sync: &Sync,
    connection: &Connection,
    flush: FlushId,
    after: ProspectId,
    limit: i64,
) -> Result<Vec<Previewed>, Stop> {
    let changes = store::change::of_flush(&sync.pool, flush, after, limit).await?;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let access = Access::of(sync, connection.id).await?;
    let looked = look::follow_applications(sync, connection.id, &access.client).await;
    access.keep_answered(sync).await?;
    looked?;
    let applications: Vec<String> = changes
        .iter()
        .filter_map(|change| change.application.as_ref())
        .map(|id| id.0.clone())
        .collect();
    let held = store::mirror::applications(&sync.pool, connection.id, &applications, &[]).await?;
    let jobs = store::job::all(&sync.pool, connection.id).await?;
    let ids: Vec<ProspectId> = changes.iter().map(|change| change.prospect).collect();
    let prospects = store::prospect::by_ids(&sync.pool, &ids).await?;
    let mut previewed = Vec::with_capacity(changes.len());
    for change in changes {
        let Some(prospect) = prospects.iter().find(|one| one.id == change.prospect) else {
            continue;
        };
        let known = |known: &&store::mirror::Known| {
            Some(&known.id) == change.application.as_ref() && !known.gone
        };
        let now = held
            .iter()
            .find(known)
            .and_then(store::mirror::Known::image);
        let job = jobs
            .iter()
            .find(|job| job.dover_job_id == prospect.dover_job_id);
        let plan = match &change.undone_by {
            Some(_) => Plan::nothing(Reason::Undone {
                to: change
                    .before
                    .as_ref()
                    .map(|image| title(job, &image.stage))
                    .unwrap_or_default(),
            }),
            None => undo(&change.as_change(), now.as_ref(), |stage| title(job, stage)),
        };
        previewed.push(Previewed {
            prospect: prospect.clone(),
            change,
            plan,
            now,
        });
    }
    Ok(previewed)
}

/// Why a flush cannot be undone.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There is none.
    #[error("there is no such flush")]
    NoSuchFlush,
    /// It is under way.
    #[error("the flush is still under way")]
    Running,
    /// It is an undo.
    #[error("an undo cannot be undone; newer news from Dover moves the candidates again")]
    IsAnUndo,
    /// The database is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a flush of a connection can be undone.
pub async fn can_be_undone(
    sync: &Sync,
    connection: &Connection,
    flush: FlushId,
) -> Result<(), UndoError> {
    use store::flush::{FlushStatus, Trigger};
    let found = store::flush::by_id(&sync.pool, connection.id, flush).await?;
    let found = found.ok_or(UndoError::NoSuchFlush)?;
    match (found.status, found.trigger) {
        (FlushStatus::Running, _) => Err(UndoError::Running),
        (_, Trigger::Undo) => Err(UndoError::IsAnUndo),
        _ => Ok(()),
    }
}
