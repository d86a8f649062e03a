//! Keeps decisions: each with its row, and what it leaves of the prospect, the queue and the link. One transaction for each that
//! did something, one for all of a page that did nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Sync, SyncError, additions::notes, apply::Applied, gather::Case, release::AMBIGUOUS};
use crate::{
    ashby::{CallObserver, CallRecord},
    ids::{ApplicationId, CandidateId, ConnectionId, DecisionId, FlushId, LeaseToken, ProspectId},
    plan::{
        self, Outcome, Plan, Reason, Situation,
        situation::{Application, Person, Registration},
    },
    store::{
        self,
        brake::Hold,
        decision::Decision,
        prospect::{Meanwhile, State},
    },
};

/// The calls that were made for one prospect.
#[derive(Debug, Default)]
pub(super) struct CallLog(Mutex<Vec<CallRecord>>);

impl CallObserver for CallLog {
    fn called(&self, call: &CallRecord) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call.clone());
    }
}

impl CallLog {
    /// The calls since it was last asked.
    pub(super) fn take(&self) -> Value {
        let calls = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        json!(calls)
    }

    pub(super) fn as_json(&self) -> Value {
        json!(&*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where a reason leaves a prospect.
const fn state(outcome: Outcome) -> State {
    match outcome {
        Outcome::Acted | Outcome::Unchanged => State::Synced,
        Outcome::Skipped => State::Skipped,
        Outcome::Parked => State::Parked,
        Outcome::Retried => State::Pending,
    }
}

/// A decision that was carried out, to be kept.
pub(super) struct Decided<'a> {
    pub(super) case: &'a Case,
    pub(super) plan: &'a Plan,
    pub(super) applied: &'a Applied,
    /// What it would have done, where the brake holds it.
    pub(super) held: Option<&'a str>,
    /// The calls that were made for it.
    pub(super) calls: Value,
    /// Whether more is to be written beside it: until that is [done with](finish), the prospect stays pending.
    pub(super) more: bool,
}

/// Keeps a decision, under the lease that it was made under. Answers what it is known by; `None`: the prospect was given
/// to another one meanwhile.
pub(super) async fn record(
    sync: &Sync,
    flush: FlushId,
    connection: ConnectionId,
    lease: LeaseToken,
    decided: &Decided<'_>,
) -> Result<Option<DecisionId>, SyncError> {
    let Decided {
        case,
        plan,
        applied,
        held,
        calls,
        more,
    } = decided;
    let outcome = if *more {
        Outcome::Retried
    } else {
        plan.because.outcome()
    };
    let prospect = &case.prospect;
    let decision = decision(sync, flush, case, plan, calls.clone());
    let met = if applied.wrote.is_some() {
        None
    } else {
        newly_met(case, plan)
    };
    let left = left(case, plan, outcome, &decision, met);
    let mut tx = sync.pool.begin().await?;
    store::flush::fence(&mut tx, connection, lease).await?;
    let meanwhile = store::prospect::decided(&mut tx, &[left]).await?[0];
    if meanwhile == Meanwhile::Gone {
        return Ok(None);
    }
    if let Some((seen, at)) = &applied.wrote {
        store::mirror::wrote(&mut tx, connection, seen, *at).await?;
        store::prospect::link(&mut *tx, prospect.id, &seen.candidate, Some(&seen.id)).await?;
        let now = decision.decided_at;
        if let Some(wrote) = &applied.wrote {
            notes::owe_decided(&mut tx, case, wrote, now).await?;
        }
        let who = &seen.candidate;
        store::change::made(&mut tx, prospect.id, who, Some(seen), *at).await?;
        store::intent::settled(&mut *tx, prospect.id, *at).await?;
    }
    if let Reason::AmbiguousIdentity(choices) = &plan.because {
        let now = decision.decided_at;
        store::choice::set(&mut tx, connection, prospect.id, choices, now).await?;
    } else if prospect.reason.as_deref() == Some(AMBIGUOUS) {
        store::choice::clear(&mut *tx, prospect.id).await?;
    }
    if let Some(deed) = held {
        let hold = Hold {
            prospect: prospect.id,
            flush,
            job: &prospect.dover_job_id,
            action: plan.action(),
            deed,
            said_at: plan::said_at(&case.situation.dover).unwrap_or(decision.decided_at),
        };
        store::brake::hold(&mut tx, &hold).await?;
    } else if case.held.is_some() && outcome != Outcome::Retried {
        store::brake::let_go(&mut tx, prospect.id).await?;
    }
    store::decision::record(&mut *tx, connection, std::slice::from_ref(&decision)).await?;
    tx.commit().await?;
    Ok(Some(decision.id))
}

/// Whether nothing but the decision is to be kept of a plan of which nothing was written and nothing is held: it may be
/// [kept with others](record_quiet).
pub(super) fn is_quiet(case: &Case, plan: &Plan) -> bool {
    let was_ambiguous = case.prospect.reason.as_deref() == Some(AMBIGUOUS);
    plan.steps.is_empty()
        && plan.because.outcome() != Outcome::Retried
        && plan.because.code() != AMBIGUOUS
        && !was_ambiguous
        && case.held.is_none()
        && case.to_be_emptied.is_none()
}

/// Keeps decisions of which each [is quiet](is_quiet), in one transaction and as each would be kept by itself.
pub(super) async fn record_quiet(
    sync: &Sync,
    flush: FlushId,
    connection: ConnectionId,
    lease: LeaseToken,
    quiet: &[(Case, Plan)],
) -> Result<(), SyncError> {
    let decisions = quiet.iter();
    let decisions = decisions.map(|(case, plan)| decision(sync, flush, case, plan, json!([])));
    let mut decisions: Vec<Decision> = decisions.collect();
    let lefts = quiet
        .iter()
        .zip(&decisions)
        .map(|((case, plan), decision)| {
            let outcome = plan.because.outcome();
            left(case, plan, outcome, decision, newly_met(case, plan))
        });
    let lefts: Vec<_> = lefts.collect();
    let ids: Vec<ProspectId> = lefts.iter().map(|left| left.id).collect();
    let mut tx = store::begin_redoable_page(&sync.pool).await?;
    store::flush::fence(&mut tx, connection, lease).await?;
    store::prospect::hold(&mut tx, &ids).await?;
    let meanwhile = store::prospect::decided(&mut tx, &lefts).await?;
    let meanwhile: HashMap<ProspectId, Meanwhile> = ids.iter().copied().zip(meanwhile).collect();
    decisions.retain(|decision| meanwhile[&decision.prospect] != Meanwhile::Gone);
    store::decision::record(&mut *tx, connection, &decisions).await?;
    tx.commit().await?;
    Ok(())
}

/// What a decision leaves of the prospect.
fn left<'a>(
    case: &Case,
    plan: &Plan,
    outcome: Outcome,
    decision: &'a Decision,
    met: Option<(&'a CandidateId, &'a ApplicationId)>,
) -> store::prospect::Decided<'a> {
    store::prospect::Decided {
        id: case.prospect.id,
        revision: case.prospect.revision,
        state: state(outcome),
        reason: &decision.reason,
        decision: decision.id,
        applied_at: in_effect(plan, &case.situation),
        met,
    }
}

fn decision(sync: &Sync, flush: FlushId, case: &Case, plan: &Plan, calls: Value) -> Decision {
    Decision {
        id: DecisionId::fresh(),
        prospect: case.prospect.id,
        flush,
        decided_at: sync.clock.now(),
        action: plan.action().word().to_owned(),
        reason: plan.because.code().to_owned(),
        sentence: plan.sentence(),
        rule: plan.because.rule(),
        dover: dover_said(&case.situation),
        ashby: ashby_held(&case.situation),
        calls,
        settings: rested_on(plan),
    }
}

/// Which of the decisions on what was `added` speaks for the prospect instead of the `first`: what waits, and what was
/// written where nothing else happened. A reason that says no is looked for later, by whatever lets it go.
pub(super) fn speaks(first: &Plan, added: &[Plan]) -> Option<usize> {
    let is_idle = first.because.outcome() == Outcome::Unchanged;
    added
        .iter()
        .rposition(|plan| is_idle || plan.because.outcome() != Outcome::Acted)
}

/// Is done with a prospect of which `first` was kept before, and keeps what was `added` since.
pub(super) async fn finish(
    sync: &Sync,
    flush: FlushId,
    connection: ConnectionId,
    lease: LeaseToken,
    (case, candidate): (&Case, &CandidateId),
    (first, first_decision): (&Plan, DecisionId),
    added: (Vec<Plan>, Value),
) -> Result<(), SyncError> {
    let (added, calls) = added;
    let decisions = added.iter();
    let decisions = decisions.map(|plan| decision(sync, flush, case, plan, calls.clone()));
    let decisions: Vec<Decision> = decisions.collect();
    let (speaks, because) = match speaks(first, &added) {
        Some(place) => (decisions[place].id, &added[place].because),
        None => (first_decision, &first.because),
    };
    let outcome = because.outcome();
    let left = store::prospect::Decided {
        id: case.prospect.id,
        revision: case.prospect.revision,
        state: state(outcome),
        reason: because.code(),
        decision: speaks,
        applied_at: None,
        met: None,
    };
    let mut tx = sync.pool.begin().await?;
    store::flush::fence(&mut tx, connection, lease).await?;
    let meanwhile = store::prospect::decided(&mut tx, &[left]).await?[0];
    if meanwhile == Meanwhile::Gone {
        return Ok(());
    }
    store::decision::record(&mut *tx, connection, &decisions).await?;
    for (decision, plan) in decisions.iter().zip(&added) {
        if plan.because.outcome() == Outcome::Acted {
            let (prospect, now) = (case.prospect.id, decision.decided_at);
            store::change::added(&mut tx, flush, prospect, candidate, now).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// The Dover time that Ashby now reflects, where it does. Of a job in shadow nothing is kept that a live one would build
/// on.
fn in_effect(plan: &Plan, situation: &Situation) -> Option<DateTime<Utc>> {
    if situation.is_in_shadow() {
        return None;
    }
    let reflects = match plan.because.outcome() {
        Outcome::Acted => true,
        Outcome::Unchanged => matches!(plan.because, Reason::AlreadyThere { .. }),
        Outcome::Skipped | Outcome::Parked | Outcome::Retried => false,
    };
    reflects.then(|| plan::said_at(&situation.dover)).flatten()
}

/// The application that the prospect has in Ashby.
pub(super) const fn application(person: &Person) -> Option<&Application> {
    match person {
        Person::Linked(application)
        | Person::Found {
            application: Some(application),
            ..
        } => Some(application),
        _ => None,
    }
}

/// Whom a prospect was met as, for the first time or through a merge, where a decision that wrote nothing links it.
fn newly_met<'a>(case: &'a Case, plan: &Plan) -> Option<(&'a CandidateId, &'a ApplicationId)> {
    let stays_unlinked = case.situation.is_in_shadow() || plan.because.leaves_unlinked();
    met(&case.situation.person).filter(|_| !stays_unlinked)
}

/// Whose application the prospect has in Ashby, and which.
const fn met(person: &Person) -> Option<(&CandidateId, &ApplicationId)> {
    match person {
        Person::Unclear {
            candidate,
            application,
        } => Some((candidate, application)),
        person => match application(person) {
            Some(found) => Some((&found.candidate, &found.id)),
            None => None,
        },
    }
}

/// The settings that a decision rests on, as an explanation shows them.
fn rested_on(plan: &Plan) -> Value {
    let settings = plan.decided_by.iter().map(|decided| {
        let setting = &decided.setting;
        let last_change = setting.changed.as_ref().map(
            |(layer, changed)| json!({ "at": changed.at, "by": changed.by, "layer": layer }),
        );
        json!({
            "key": setting.key, "value": setting.value, "shown": decided.shown, "layer": setting.layer,
            "last_change": last_change,
        })
    });
    settings.collect()
}

/// What Dover said, as an explanation shows it: stage, status and times, nothing of the person.
fn dover_said(situation: &Situation) -> Value {
    let says = &situation.dover;
    let (stage, status) = says.words();
    let name = says
        .stage
        .as_ref()
        .and_then(|said| said.value.name.as_ref());
    let claimed = says.stage.as_ref().and_then(|said| said.stamp.claimed);
    json!({
        "stage": stage, "stage_name": name, "status": status, "updated_at": plan::said_at(says),
        "claimed_updated_at": claimed,
    })
}

/// What Ashby held, as an explanation shows it.
pub(super) fn ashby_held(situation: &Situation) -> Value {
    let stages = match &situation.registration {
        Registration::Registered(job) => job.stages.as_slice(),
        Registration::Unknown => &[],
    };
    let title = |id| {
        stages
            .iter()
            .find(|stage| &stage.id == id)
            .map(|stage| stage.title.as_str())
    };
    match &situation.person {
        Person::Linked(held)
        | Person::Found {
            application: Some(held),
            ..
        } => json!({
            "person": "known", "candidate_id": held.candidate, "application_id": held.id,
            "stage": title(&held.stage), "stage_id": held.stage, "status": held.status,
            "archive_reason_id": held.archive_reason, "changed_by_others_at": held.foreign_at,
        }),
        Person::Found {
            candidate,
            application: None,
        } => json!({ "person": "known", "candidate_id": candidate }),
        Person::Several(choices) => json!({ "person": "several", "choices": choices }),
        Person::Unclear {
            candidate,
            application,
        } => {
            json!({ "person": "unclear", "candidate_id": candidate, "application_id": application })
        }
        Person::Gone => json!({ "person": "gone" }),
        Person::Transferred => json!({ "person": "transferred" }),
        Person::Untold(_) => json!({ "person": "untold" }),
        Person::Learning { read } => json!({ "person": "learning", "candidates_read": read }),
        Person::InDoubt { since } => json!({ "person": "in-doubt", "since": since }),
        Person::Undecided { since, .. } => json!({ "person": "undecided", "since": since }),
        Person::Excluded(exclusion) => {
            json!({ "person": "excluded", "by": exclusion.to_string() })
        }
        Person::Erased => json!({ "person": "erased" }),
        Person::Nobody => json!({ "person": "unknown" }),
    }
}
