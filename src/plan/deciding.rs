//! Which settings a decision rests on: those that its sentence names, with their layer and their last change.

use serde_json::Value;

use super::{
    Plan, Reason, Situation,
    credit::Credit,
    fields::{MANDATORY, MAP},
    policy::{Mapped, Policy, key_of_status},
    says::Status,
    settings::{
        keys::{
            ALLOW_HIRED, ASK_AFTER, CREDIT_OWNER, CREDITED_USER, Layer, NAMED_STAGES, ONLY_SYNCED,
            TRIGGER,
        },
        layers::Decided,
    },
    situation::{Person, PlanStage, Registration},
    standing::{Standing, standing},
};

/// The settings without which the decision would have been another, or that somebody may change to have another.
pub(super) fn deciding(situation: &Situation, plan: &Plan) -> Vec<Decided> {
    let mut decided = of_reason(situation, &plan.because);
    decided.extend(of_credit(&situation.policy, &plan.credit));
    decided
}

/// The same of what was done, or waits, beside the stage. What nobody has set is not named.
pub(super) fn beside(policy: &Policy, because: &Reason, keys: &[&'static str]) -> Vec<Decided> {
    let keys = match because {
        Reason::Updated { .. } => keys.to_vec(),
        Reason::FieldGone { .. }
        | Reason::FieldMisfit { .. }
        | Reason::FieldOptionUnknown { .. } => vec![MAP],
        _ => Vec::new(),
    };
    keys.into_iter()
        .filter_map(|key| set(policy, key))
        .collect()
}

/// A setting that somebody has set.
fn set(policy: &Policy, key: &str) -> Option<Decided> {
    let mut setting = policy.setting(key)?.clone();
    if setting.layer == Layer::Default {
        return None;
    }
    // A whole map is no reading for anybody, nor to be kept with every decision.
    if key == MAP {
        let entries = policy.fields().entries.len();
        setting.value = Value::Null;
        let shown = format!("{entries} entries");
        return Some(Decided { setting, shown });
    }
    Some(Decided::by(setting))
}

/// The settings that say who is credited with what is created, or should have been.
fn of_credit(policy: &Policy, credit: &Credit) -> Vec<Decided> {
    if credit.user.is_none() && credit.fallen_back.is_none() {
        return Vec::new();
    }
    let is_owner = policy.credits_owner();
    let owner = is_owner.then(|| set(policy, CREDIT_OWNER)).flatten();
    let is_named = !is_owner || credit.fallen_back.is_some();
    let named = is_named.then(|| set(policy, CREDITED_USER)).flatten();
    owner.into_iter().chain(named).collect()
}

fn of_reason(situation: &Situation, because: &Reason) -> Vec<Decided> {
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
        Reason::MandatoryFieldMissing(_) => set(policy, MANDATORY).into_iter().collect(),
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
