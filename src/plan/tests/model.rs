//! A small model of Ashby: what it and the link are like after a plan was carried out.

use super::world::{application, status_in};
use crate::{
    ids::{ApplicationId, ArchiveReasonId, StageId},
    plan::{
        CandidateRef, Plan, Situation, Step,
        situation::{Application, Person},
    },
};

/// What Ashby and the link are like once `plan` was carried out: the model that the law of convergence is held to.
pub(super) fn after(before: &Situation, plan: &Plan) -> Situation {
    let mut next = before.clone();
    for step in &plan.steps {
        match step {
            Step::CreateCandidate { .. } => {}
            Step::CreateApplication {
                candidate, stage, ..
            } => {
                next.person = Person::Linked(Application {
                    id: "made-application".into(),
                    candidate: match candidate {
                        CandidateRef::Known(id) => id.clone(),
                        CandidateRef::JustCreated => "made-candidate".into(),
                    },
                    stage: stage.clone(),
                    status: status_in(before, stage),
                    archive_reason: None,
                    foreign_at: None,
                });
            }
            Step::Move { application, to } => enter(&mut next, application, to, None),
            Step::Archive {
                application,
                to,
                reason,
            } => enter(&mut next, application, to, Some(reason)),
        }
        next.applied_at = before.dover.said_at();
    }
    next
}

fn enter(
    situation: &mut Situation,
    id: &ApplicationId,
    to: &StageId,
    archive_reason: Option<&ArchiveReasonId>,
) {
    let status = status_in(situation, to);
    let moved = application(&mut situation.person).expect("a step on an application that exists");
    assert_eq!(moved.id, *id, "a step on an application that we know");
    moved.stage = to.clone();
    moved.status = status;
    moved.archive_reason = archive_reason.cloned();
    situation.person = Person::Linked(moved.clone());
}
