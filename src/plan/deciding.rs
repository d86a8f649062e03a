//! Which settings a decision rests on: those that its sentence names, with their layer and their last change.

use super::{
    Reason, Situation,
    fields::MANDATORY,
    policy::{Mapped, Policy, key_of_status},
    says::Status,
    settings::{
        keys::{ALLOW_HIRED, ASK_AFTER, Layer, NAMED_STAGES, ONLY_SYNCED, TRIGGER},
        layers::Decided,
    },
    situation::{Person, PlanStage, Registration},
    standing::{Standing, standing},
};

/// The settings without which the decision would have been another, or that somebody may change to have another.
pub(super) fn deciding(situation: &Situation, because: &Reason) -> Vec<Decided> {
    let policy = &situation.policy;
    let by = |key: &str| policy.setting(key).cloned().map(Decided::by);
    match because {
        Reason::WaitingForTrigger { .. } => {
            let met = matches!(
                situation.person,
                Person::Found {
                    application: Some(_),
                    ..
                }
            );
            let only_synced = met.then(|| by(ONLY_SYNCED)).flatten();
            by(TRIGGER).into_iter().chain(only_synced).collect()
        }
        Reason::MandatoryFieldMissing(_) => {
            let set = by(MANDATORY).filter(|by| by.setting.layer != Layer::Default);
            set.into_iter().collect()
        }
        Reason::CreateUndecided { .. } => {
            let took_long = matches!(
                situation.person,
                Person::Undecided {
                    took_long: true,
                    ..
                }
            );
            took_long
                .then(|| by(ASK_AFTER))
                .flatten()
                .into_iter()
                .collect()
        }
        Reason::HeldStatus(status) => {
            let switch = (*status == Status::Hired).then_some(ALLOW_HIRED);
            let keys = key_of_status(*status).into_iter().chain(switch);
            keys.filter_map(|key| decided(policy, key, stages(situation)))
                .collect()
        }
        Reason::Created { .. }
        | Reason::Moved { .. }
        | Reason::Archived(_)
        | Reason::AlreadyThere { .. }
        | Reason::NotForward { .. }
        | Reason::NoApplicationFor(_)
        | Reason::MappedStageGone { .. } => {
            let mapped = mapped(situation);
            let decided = mapped.and_then(|mapped| of_stage(policy, &mapped, stages(situation)));
            decided.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The stage that a setting gives to what Dover says, where one does.
fn mapped(situation: &Situation) -> Option<Mapped> {
    match standing(&situation.dover).ok()? {
        Standing::Pursued { stage, name, .. } => situation.policy.stage_for(stage, name),
        Standing::Held(status, _) => situation.policy.stage_of(status),
        Standing::Over(..) => None,
    }
}

fn stages(situation: &Situation) -> &[PlanStage] {
    match &situation.registration {
        Registration::Registered(job) => &job.stages,
        Registration::Unknown => &[],
    }
}

fn decided(policy: &Policy, key: &str, stages: &[PlanStage]) -> Option<Decided> {
    let setting = policy.setting(key)?.clone();
    let title = |id: &str| stages.iter().find(|stage| stage.id.as_str() == id);
    let title = setting.value.as_str().and_then(title);
    let mut decided = Decided::by(setting);
    if let Some(stage) = title {
        stage.title.clone_into(&mut decided.shown);
    }
    Some(decided)
}

/// Of several names the one that was meant is shown.
fn of_stage(policy: &Policy, mapped: &Mapped, stages: &[PlanStage]) -> Option<Decided> {
    let mut decided = decided(policy, mapped.key, stages)?;
    if mapped.key == NAMED_STAGES {
        let stage = stages.iter().find(|stage| stage.id == mapped.stage);
        decided.shown = stage.map_or_else(|| mapped.stage.0.clone(), |stage| stage.title.clone());
    }
    Some(decided)
}
