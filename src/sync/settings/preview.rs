//! What a change of settings would come to, before it is made: who would be decided differently at the next flush. The same
//! looking, gathering, planning and braking as of a flush, once with what is in force and once with what would be.

use serde_json::{Map, Value};

use super::{
    ChangeError, Policies, Shown,
    change::{self, Changed},
    lets_go, scope, shown,
};
use crate::{
    ids::ProspectId,
    plan::{Action, Plan, Reason, brake::deed, plan, settings::locks::Who},
    store::{self, connection::Connection, prospect::Prospect, setting::Whose},
    sync::{Sync, SyncError, access::Access, brake::Brake, gather::Scene, prepare},
};

/// How many prospects are decided both ways at most: a look at the next flush, not at everything.
const EXAMINED: usize = 2_000;

/// How many who differ are named.
const NAMED: usize = 200;

/// Prospects gathered together.
const PAGE: usize = 200;

/// Held by the brake: other limits may let them go.
const HELD: &str = "held-by-brake";

/// What a change would come to.
#[derive(Debug)]
pub struct WhatIf {
    /// The settings as they would be.
    pub shown: Shown,
    /// Who would be decided differently, by prospect; the first of them.
    pub differs: Vec<Differs>,
    /// How many would be, of those that were decided both ways.
    pub different: usize,
    /// How many were decided both ways.
    pub examined: usize,
    /// Whether these were all that the change may be about.
    pub is_complete: bool,
}

/// Somebody who would be decided differently.
#[derive(Debug)]
pub struct Differs {
    /// The prospect.
    pub prospect: Prospect,
    /// What the next flush would do as things are.
    pub now: Plan,
    /// What it would do then.
    pub then: Plan,
}

/// What setting keys would come to. Nothing is changed.
pub async fn preview(
    sync: &Sync,
    connection: &Connection,
    whose: &Whose,
    wanted: &Map<String, Value>,
    who: &Who,
) -> Result<WhatIf, ChangeError> {
    let changed = checked(sync, connection, whose, wanted, who).await?;
    let shown = shown::of(sync, connection.id, whose, &changed.after).await?;
    let shown = shown.ok_or(ChangeError::Gone("job"))?;
    if changed.edits.is_empty() {
        return Ok(WhatIf {
            shown,
            differs: Vec::new(),
            different: 0,
            examined: 0,
            is_complete: true,
        });
    }
    let access = Access::of(sync, connection.id).await?;
    let scene = prepare::set(sync, connection, access.client.clone()).await;
    access.keep_answered(sync).await?;
    let scene = scene?;
    // Only now is what waited folded.
    let affected = affected(sync, connection, whose, &changed).await?;
    let after = Policies::of_all(changed.after);
    Ok(decided_twice(scene, connection, after, affected, shown).await?)
}

async fn checked(
    sync: &Sync,
    connection: &Connection,
    whose: &Whose,
    wanted: &Map<String, Value>,
    who: &Who,
) -> Result<Changed, ChangeError> {
    change::look_at_fields(sync, connection.id, wanted).await?;
    let mut tx = sync.pool.begin().await?;
    // Rolled back by being dropped: nothing was written.
    change::check(sync, &mut tx, connection.id, whose, wanted, who).await
}

/// Who has news within reach of the change, and who waits for another value.
async fn affected(
    sync: &Sync,
    connection: &Connection,
    whose: &Whose,
    changed: &Changed,
) -> Result<Vec<ProspectId>, store::StoreError> {
    let keys = || changed.edits.iter().map(|edit| edit.key);
    let mut reasons = lets_go(keys());
    if keys().any(|key| key.starts_with("brake.")) {
        reasons.push(HELD.to_owned());
    }
    let most = i64::try_from(EXAMINED + 1).unwrap_or(i64::MAX);
    store::waiting::within_reach(&sync.pool, connection.id, &scope(whose), &reasons, most).await
}

async fn decided_twice(
    mut scene: Scene<'_>,
    connection: &Connection,
    after: Policies,
    mut affected: Vec<ProspectId>,
    shown: Shown,
) -> Result<WhatIf, SyncError> {
    let is_complete = affected.len() <= EXAMINED;
    affected.truncate(EXAMINED);
    let limits = after.settings().brake;
    let brake = Brake::assess(&scene, connection.settings.brake).await?;
    let now = std::mem::replace(&mut scene.policies, after);
    let brake_then = Brake::assess(&scene, limits).await?;
    let (mut differs, mut different) = (Vec::new(), 0);
    for page in affected.chunks(PAGE) {
        let mut prospects = store::prospect::by_ids(&scene.sync.pool, page).await?;
        prospects.sort_by_key(|prospect| prospect.id);
        for mut case in scene.gather(prospects).await? {
            let then = brake_then.judge(&case, plan(&case.situation)).plan;
            case.situation.policy = now.of(&case.prospect);
            let now = brake.judge(&case, plan(&case.situation)).plan;
            if gist(&now) == gist(&then) {
                continue;
            }
            different += 1;
            if differs.len() < NAMED {
                let prospect = case.prospect;
                differs.push(Differs {
                    prospect,
                    now,
                    then,
                });
            }
        }
    }
    Ok(WhatIf {
        shown,
        differs,
        different,
        examined: affected.len(),
        is_complete,
    })
}

/// What makes two decisions different: what is done, or the kind of reason for which nothing is. That a sentence names
/// another value does not.
fn gist(plan: &Plan) -> (Action, &'static str, Option<String>, Option<&Reason>) {
    let would = match &plan.because {
        Reason::Shadow { would }
        | Reason::HeldByBrake { would, .. }
        | Reason::RefusedByAdmin { would } => Some(&would.because),
        _ => None,
    };
    (plan.action(), plan.because.code(), deed(plan), would)
}
