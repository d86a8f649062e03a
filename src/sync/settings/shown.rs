//! Settings as they are shown: each with where it comes from, whether it is locked, and its last change.

use std::collections::{BTreeMap, BTreeSet};

use super::{Sync, names};
use crate::{
    ids::{ConnectionId, StageId},
    plan::{
        policy::{Policy, key_of, key_of_status},
        says::{Stage, Status},
        settings::{
            keys::{Layer, NAMED_STAGES},
            layers::InForce,
            locks::lock_of,
        },
        situation::PlanStage,
        stages::usual,
    },
    store::{
        self, StoreError,
        setting::{AllSet, Whose},
    },
};

/// What is in force for somebody.
#[derive(Debug)]
pub struct Shown {
    /// Every setting, and whether it is locked.
    pub settings: Vec<(InForce, bool)>,
    /// What is allowed, and perhaps not meant.
    pub warnings: Vec<String>,
}

/// What is in force for somebody. `None`: the job is not registered.
pub async fn shown(
    sync: &Sync,
    connection: ConnectionId,
    whose: &Whose,
) -> Result<Option<Shown>, StoreError> {
    let all = store::setting::all(&sync.pool, connection).await?;
    of(sync, connection, whose, &all).await
}

/// What would be in force for somebody, were all this set.
pub(super) async fn of(
    sync: &Sync,
    connection: ConnectionId,
    whose: &Whose,
    all: &AllSet,
) -> Result<Option<Shown>, StoreError> {
    let (stack, stages) = match whose {
        Whose::Connection => (all.stack(None, None), None),
        Whose::User(user) => (all.stack(None, Some(user)), None),
        Whose::Job(job) => {
            let found = store::job::find(&sync.pool, connection, job.as_str()).await?;
            let Some(found) = found else { return Ok(None) };
            (all.stack(Some(job), None), Some(found.stages))
        }
    };
    let locked = store::setting::locked(&sync.pool, connection).await?;
    let policy = Policy::of(&stack);
    let settings = names().filter_map(|name| {
        let setting = policy.setting(name)?.clone();
        Some((setting, lock_of(name, &locked).is_some()))
    });
    Ok(Some(Shown {
        settings: settings.collect(),
        warnings: stages.map_or_else(Vec::new, |stages| doubled(&policy, &stages)),
    }))
}

/// Stages of the plan that several things of Dover's mean, where a setting made it so: in Ashby nobody can tell them apart.
fn doubled(policy: &Policy, plan: &[PlanStage]) -> Vec<String> {
    let mut leads: BTreeMap<&StageId, (bool, BTreeSet<String>)> = BTreeMap::new();
    let words = means(policy, plan);
    for (name, stage, is_set) in &words {
        let (any_set, names) = leads.entry(stage).or_default();
        *any_set |= is_set;
        names.insert(name.clone());
    }
    let of_several = leads
        .into_iter()
        .filter(|(_, (is_set, names))| *is_set && names.len() > 1);
    let said = of_several.filter_map(|(id, (_, names))| {
        let title = &plan.iter().find(|stage| stage.id == *id)?.title;
        let names: Vec<_> = names.into_iter().collect();
        Some(format!(
            "{} lead to the same stage, \u{201c}{title}\u{201d}: in Ashby they cannot be told apart",
            names.join(" and ")
        ))
    });
    said.collect()
}

/// What each thing of Dover's means, and whether a setting says so. That interested follows replied where it is not set is
/// no setting's doing.
fn means(policy: &Policy, plan: &[PlanStage]) -> Vec<(String, StageId, bool)> {
    let is_set = |key: &str| {
        let setting = policy.setting(key);
        setting.is_some_and(|setting| setting.layer != Layer::Default)
    };
    let mut found = Vec::new();
    for stage in [
        Stage::NewLead,
        Stage::ReachedOut,
        Stage::Replied,
        Stage::Interested,
        Stage::Interviewing,
    ] {
        let key = key_of(stage);
        if stage == Stage::Interested && !is_set(key) {
            continue;
        }
        let usual = || usual(stage, plan).ok().map(|stage| stage.id.clone());
        let mapped = policy.stage_for(stage, None);
        if let Some(target) = mapped.map(|mapped| mapped.stage).or_else(usual) {
            found.push((key.to_owned(), target, is_set(key)));
        }
    }
    for status in [Status::Snoozed, Status::NotInterested, Status::Hired] {
        if let (Some(key), Some(mapped)) = (key_of_status(status), policy.stage_of(status)) {
            found.push((key.to_owned(), mapped.stage, true));
        }
    }
    let named = policy.setting(NAMED_STAGES);
    let named = named.and_then(|setting| setting.value.as_object());
    for (name, stage) in named.into_iter().flatten() {
        if let Some(id) = stage.as_str() {
            found.push((
                format!("{NAMED_STAGES} \u{201c}{name}\u{201d}"),
                id.into(),
                true,
            ));
        }
    }
    found
}
