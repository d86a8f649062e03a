//! Decides. One pure function, [`plan`]: no I/O, no clock, no randomness. The rules run in the order of `docs/rules.md`
//! and the first that stops gives the [`Reason`].

pub mod action;
pub mod brake;
mod creation;
pub mod credit;
mod deciding;
pub mod exclusion;
pub mod fields;
pub mod identity;
pub mod notes;
pub mod outline;
pub mod parked;
pub mod policy;
mod progress;
pub mod reason;
pub mod says;
pub mod settings;
pub mod situation;
pub mod stages;
mod standing;
#[cfg(test)]
mod tests;
pub mod undo;

pub use action::{Action, CandidateRef, NewPerson, Plan, Step};
pub use reason::{Departure, Outcome, Reason, Withheld};
pub use situation::Situation;

use chrono::{DateTime, Utc};
use says::DoverSays;
use situation::{Job, Openness, Person, Registration};
use standing::Standing;

/// Decides what Ashby should be told of one prospect. Total: whatever is wrong is a reason, not an error.
pub fn plan(situation: &Situation) -> Plan {
    let mut plan = decide(situation).unwrap_or_else(Plan::nothing);
    plan.clock_ahead = standing::clock_ahead(&situation.dover);
    plan.decided_by = deciding::deciding(situation, &plan);
    if situation.is_in_shadow() {
        return plan.withheld(|would| Reason::Shadow { would });
    }
    plan
}

/// What was done, or waits, beside the stage, with the settings that it rests on: those of `keys` where it was done.
pub fn beside(policy: &policy::Policy, because: Reason, keys: &[&'static str]) -> Plan {
    let decided_by = deciding::beside(policy, &because, keys);
    Plan {
        decided_by,
        ..Plan::nothing(because)
    }
}

/// The time of the news that [`plan`] decides on: what is remembered as applied once it has been.
pub fn said_at(dover: &DoverSays) -> Option<DateTime<Utc>> {
    standing::standing(dover).ok().map(Standing::said)
}

fn decide(situation: &Situation) -> Result<Plan, Reason> {
    let Situation {
        dover,
        registration,
        person,
        applied_at,
        setup,
        policy,
        credit,
    } = situation;
    if *person == Person::Erased {
        return Err(Reason::Erased);
    }
    let job = open_job(registration)?;
    let standing = standing::standing(dover)?;
    let create = |known| creation::create(dover, standing, job, known, (setup, policy, credit));
    let progress =
        |application| progress::progress(application, standing, job, *applied_at, setup, policy);
    match person {
        Person::Erased => Err(Reason::Erased),
        Person::Excluded(exclusion) => Err(Reason::Excluded(exclusion.clone())),
        Person::Gone => Err(Reason::GoneFromAshby),
        Person::Transferred => Err(Reason::TransferredInAshby),
        Person::Unclear { .. } => Err(Reason::UnclearInAshby),
        Person::Untold(untold) => Err(untold.clone().into()),
        Person::Learning { read } => Err(Reason::LearningAshby { read: *read }),
        Person::InDoubt { since } => Err(Reason::CreateInDoubt { since: *since }),
        Person::Undecided {
            since, creation, ..
        } => Err(Reason::CreateUndecided {
            since: *since,
            creation: *creation,
        }),
        Person::Several(choices) => Err(Reason::AmbiguousIdentity(choices.clone())),
        Person::Found {
            application: Some(_),
            ..
        } if policy.only_synced() && !policy.trigger().is_reached(dover) => {
            Err(Reason::WaitingForTrigger {
                trigger: policy.trigger(),
                known: true,
            })
        }
        Person::Linked(application)
        | Person::Found {
            application: Some(application),
            ..
        } => progress(application),
        Person::Found {
            candidate,
            application: None,
        } => create(Some(candidate)),
        Person::Nobody => create(None),
    }
}

/// Rule 2.
fn open_job(registration: &Registration) -> Result<&Job, Reason> {
    let Registration::Registered(job) = registration else {
        return Err(Reason::JobNotRegistered);
    };
    match &job.openness {
        Openness::Open => Ok(job),
        Openness::Closed(status) => Err(Reason::JobNotOpen {
            title: job.title.clone(),
            status: status.to_lowercase(),
        }),
        Openness::NotVisible => Err(Reason::JobNotVisible {
            title: job.title.clone(),
        }),
    }
}
