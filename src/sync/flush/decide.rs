//! Decides a page of prospects, several side by side, and carries each plan out.

use std::sync::{Arc, Mutex, PoisonError, atomic::Ordering};

use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};

use super::{ATTEMPTS, Flush, PICTURE_KEEPS};
use crate::{
    ashby::{AshbyClient, CallObserver},
    ids::{DecisionId, ProspectId},
    plan::{Outcome, Plan, Reason, Step, plan},
    store::{flush::Counts, prospect::Prospect},
    sync::{
        SyncError,
        additions::Due,
        apply::{self, Applied, Interrupted},
        brake::Judged,
        erase,
        freshness::is_fresh,
        gather::{Case, Scene},
        groups::groups,
        lease::Stop,
        look,
        person::untold,
        record::{CallLog, Decided, application, finish, record},
        refused::closed_meanwhile,
    },
};

/// Prospects carried out side by side. Ashby allows 1,000 calls a minute; at a third of a second a call, eight keep
/// that busy.
const SIDE_BY_SIDE: usize = 8;

/// Prospects one after the other that Ashby did not answer about, after which it is not about them: what is left waits
/// for the next flush.
pub(super) const UNANSWERED_AT_MOST: u32 = 10;

impl Flush<'_> {
    /// Decides a page of prospects, side by side but for those that may be the same person: two of them at once would
    /// both be created.
    /// Answers those whose turn had not come when the flush's was over, or the picture of Ashby had become old.
    pub(super) async fn decide_page(
        &self,
        scene: &Scene<'_>,
        page: Vec<Prospect>,
        turn: Option<DateTime<Utc>>,
    ) -> Result<Vec<Prospect>, Stop> {
        let identities = scene.identities(page.iter()).await?;
        let groups = groups(page, &identities);
        let firsts: Vec<Prospect> = groups.iter().map(|group| group[0].clone()).collect();
        let cases = scene.gather_known(firsts, identities).await?;
        let work = cases.into_iter().zip(groups).collect();
        let (work, quiet) = self.decide_quiet(scene, work).await?;
        let until = scene.picture.at + PICTURE_KEEPS;
        let until = turn.map_or(until, |turn| turn.min(until));
        let left: Mutex<Vec<Prospect>> = Mutex::default();
        let work = work.into_iter().enumerate();
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
        let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
        if left.is_empty() {
            // Not before: whoever comes before them may be left for the next turn.
            self.got_to(quiet);
        }
        Ok(left)
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
    pub(in crate::sync) async fn side_by_side(
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
        let more = Due::of(scene, &ashby, &self.lease, &case, (&plan, &applied));
        let decided = Decided {
            case: &case,
            plan: &plan,
            applied: &applied,
            held: held.as_deref(),
            calls: log.take(),
            more: more.is_some(),
        };
        let kept = self.record(scene, &decided).await?;
        self.tally(|counts| tally(counts, &plan));
        if let (Some(decision), Some(more)) = (kept, more) {
            self.add(&more, (&plan, decision), &log).await?;
        }
        self.decided(case.prospect.id, &plan)
    }

    async fn record(
        &self,
        scene: &Scene<'_>,
        decided: &Decided<'_>,
    ) -> Result<Option<DecisionId>, SyncError> {
        let token = self.lease.token;
        record(self.sync, self.id, scene.connection, token, decided).await
    }

    /// Makes the additions to a record of which the decision `first` was kept, and is done with the prospect.
    async fn add(
        &self,
        to: &Due<'_>,
        first: (&Plan, DecisionId),
        log: &CallLog,
    ) -> Result<(), Stop> {
        let policy = &to.whose().0.situation.policy;
        let added = to.add().await?.decisions(policy);
        self.tally(|counts| tally_added(counts, &added));
        let (connection, token) = (self.connection.id, self.lease.token);
        let added = (added, log.take());
        finish(
            self.sync,
            self.id,
            connection,
            token,
            to.whose(),
            first,
            added,
        )
        .await?;
        Ok(())
    }

    /// Notes who was decided. Where Ashby did not answer about one after the other, it is not asked about any more.
    fn decided(&self, prospect: ProspectId, plan: &Plan) -> Result<(), Stop> {
        self.got_to(Some(prospect));
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

    /// Notes how far it got.
    fn got_to(&self, prospect: Option<ProspectId>) {
        let last = self.decided_last.lock();
        let mut last = last.unwrap_or_else(PoisonError::into_inner);
        *last = (*last).max(prospect);
    }

    /// Plans and applies; again where looking showed something new.
    async fn carry_out(
        &self,
        scene: &Scene<'_>,
        ashby: &AshbyClient,
        mut case: Case,
    ) -> Result<(Case, Judged, Applied), Stop> {
        for _ in 0..ATTEMPTS {
            let mut judged = scene.brake.judge(&case, plan(&case.situation));
            if changes_what_exists(&judged.plan) && !self.is_fresh(&case) {
                match self.freshen(scene, ashby, case).await? {
                    Ok(fresh) => case = fresh,
                    Err((stale, reason)) => {
                        return Ok((stale, Judged::nothing(reason), Applied::default()));
                    }
                }
                judged = scene.brake.judge(&case, plan(&case.situation));
            }
            match apply::apply(scene, self.id, ashby, &self.lease, &case, &judged.plan).await {
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
        let closed = closed_meanwhile(scene, ashby, case).await?;
        Ok(closed.map_or(judged, Judged::nothing))
    }

    fn is_fresh(&self, case: &Case) -> bool {
        case.looked_at
            .is_some_and(|at| is_fresh(at, self.sync.clock.now()))
    }

    /// Looks at the application again: by itself while the key's budget is ample for a look at each, else at all that changed.
    /// Where Ashby does not tell, the prospect waits by itself.
    async fn freshen(
        &self,
        scene: &Scene<'_>,
        ashby: &AshbyClient,
        case: Case,
    ) -> Result<Result<Case, (Case, Reason)>, Stop> {
        let Some(application) = application(&case.situation.person) else {
            return Ok(Ok(case));
        };
        let connection = self.connection.id;
        let shared = &scene.shared_look;
        let is_scarce = shared.is_for_many() || !ashby.pace().is_ample();
        // A list that is read anew tells nothing until it was read to its end.
        let is_list_known = scene.picture.applications == look::Known::Current;
        let mut looked_at = None;
        if is_scarce && is_list_known {
            looked_at = shared.asked_at(self.sync, connection, ashby).await?;
        }
        if looked_at.is_none() {
            let asked_at = self.sync.clock.now();
            match look::look_at(self.sync, connection, ashby, &application.id).await {
                Ok(seen) => looked_at = seen.map(|_| asked_at),
                Err(SyncError::Ashby(error)) => return Ok(Err((case, untold(error)?.into()))),
                Err(error) => return Err(error.into()),
            }
        }
        let mut again = scene.gather_one(case.prospect.id).await?.unwrap_or(case);
        if looked_at.is_some() {
            again.looked_at = looked_at;
        }
        Ok(Ok(again))
    }
}

/// Counts a decision.
pub(in crate::sync) const fn tally(counts: &mut Counts, plan: &Plan) {
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

/// Counts what was added. Of one prospect that was counted already: only that it waits, or is tried again, is more.
pub(in crate::sync) fn tally_added(counts: &mut Counts, added: &[Plan]) {
    match added.last().map(|plan| plan.because.outcome()) {
        Some(Outcome::Parked) => counts.parked += 1,
        Some(Outcome::Retried) => counts.failed += 1,
        _ => {}
    }
}

fn changes_what_exists(plan: &Plan) -> bool {
    plan.steps
        .iter()
        .any(|step| matches!(step, Step::Move { .. } | Step::Archive { .. }))
}
