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
    store::{self, connection::Connection, flush::Counts, prospect::Prospect, setting::Whose},
    sync::{
        Sync,
        access::Access,
        brake::Brake,
        gather::{Case, Scene},
        lease::Stop,
        prepare,
        preview::beside,
    },
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
    pub now: Foreseen,
    /// What it would do then.
    pub then: Foreseen,
}

/// What a flush would do with a prospect.
#[derive(Debug)]
pub struct Foreseen {
    /// What would be done, and why.
    pub plan: Plan,
    /// What would be written beside the stage, in words.
    pub additions: Vec<String>,
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
) -> Result<WhatIf, Stop> {
    let is_complete = affected.len() <= EXAMINED;
    affected.truncate(EXAMINED);
    let limits = after.settings().brake;
    scene.brake = Brake::assess(&scene, connection.settings.brake).await?;
    let mut other = Side {
        policies: after,
        brake: Brake::default(),
    };
    other.swap(&mut scene);
    scene.brake = Brake::assess(&scene, limits).await?;
    let (mut differs, mut different) = (Vec::new(), 0);
    for page in affected.chunks(PAGE) {
        let mut prospects = store::prospect::by_ids(&scene.sync.pool, page).await?;
        prospects.sort_by_key(|prospect| prospect.id);
        let mut cases = scene.gather(prospects).await?;
        let then = foresee(&scene, &cases).await?;
        other.swap(&mut scene);
        for case in &mut cases {
            case.situation.policy = scene.policies.of(&case.prospect);
        }
        let now = foresee(&scene, &cases).await?;
        other.swap(&mut scene);
        for ((case, now), then) in cases.into_iter().zip(now).zip(then) {
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

/// What differs between a flush as things are and one as they would be.
struct Side {
    policies: Policies,
    brake: Brake,
}

impl Side {
    fn swap(&mut self, scene: &mut Scene<'_>) {
        std::mem::swap(&mut self.policies, &mut scene.policies);
        std::mem::swap(&mut self.brake, &mut scene.brake);
    }
}

async fn foresee(scene: &Scene<'_>, cases: &[Case]) -> Result<Vec<Foreseen>, Stop> {
    let mut foreseen = Vec::with_capacity(cases.len());
    for case in cases {
        let plan = scene.brake.judge(case, plan(&case.situation)).plan;
        let (plan, additions) = beside(scene, case, plan, &mut Counts::default()).await?;
        foreseen.push(Foreseen { plan, additions });
    }
    Ok(foreseen)
}

/// What makes two decisions different: what is done, or the kind of reason for which nothing is, and what is written
/// beside. That a sentence names another value does not.
type Gist<'a> = (
    Action,
    &'static str,
    Option<String>,
    Option<&'a Reason>,
    &'a [String],
);

fn gist(Foreseen { plan, additions }: &Foreseen) -> Gist<'_> {
    let would = match &plan.because {
        Reason::Shadow { would }
        | Reason::HeldByBrake { would, .. }
        | Reason::RefusedByAdmin { would } => Some(&would.because),
        _ => None,
    };
    (
        plan.action(),
        plan.because.code(),
        deed(plan),
        would,
        additions,
    )
}
