//! The next flush with the writes withheld: the same looking, folding, gathering and planning.

use serde_json::Value;
use uuid::Uuid;

use super::{
    Sync,
    access::Access,
    additions::Due,
    brake::{Brake, Stopped},
    flush::{tally, tally_added},
    gather::{Case, Scene},
    lease::Stop,
    prepare,
    record::{ashby_held, speaks},
};
use crate::{
    ids::ProspectId,
    plan::{Outcome, Plan, plan},
    store::{self, connection::Connection, flush::Counts, prospect::Prospect},
};

/// What the next flush would do with a prospect.
#[derive(Debug)]
pub struct Previewed {
    /// The prospect.
    pub prospect: Prospect,
    /// What would be done, and why.
    pub plan: Plan,
    /// What would be written beside the stage, in words.
    pub additions: Vec<String>,
    /// What Ashby holds now.
    pub ashby_now: Value,
}

/// Prospects gathered together.
const PAGE: i64 = 200;

/// What the next flush would do.
#[derive(Debug, Default)]
pub struct Preview {
    /// Prospect by prospect.
    pub items: Vec<Previewed>,
    /// What that comes to.
    pub counts: Counts,
    /// The jobs of which nothing would be done, because the brake stops them.
    pub stopped: Vec<Stopped>,
}

/// What the next flush would do, prospect by prospect, at most `limit` of them; the counts are of these.
pub async fn preview(sync: &Sync, connection: &Connection, limit: usize) -> Result<Preview, Stop> {
    let access = Access::of(sync, connection.id).await?;
    let scene = prepare::set(sync, connection, access.client.clone()).await;
    access.keep_answered(sync).await?;
    let mut scene = scene?;
    scene.brake = Brake::assess(&scene, connection.settings.brake).await?;
    let mut previewed = Vec::new();
    let mut counts = Counts::default();
    let mut after: ProspectId = Uuid::nil().into();
    while previewed.len() < limit {
        let rest = i64::try_from(limit - previewed.len()).unwrap_or(PAGE);
        let page = store::prospect::pending(&sync.pool, connection.id, after, PAGE.min(rest));
        let page = page.await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for case in scene.gather(page).await? {
            let plan = scene.brake.judge(&case, plan(&case.situation)).plan;
            previewed.push(shown(&scene, case, plan, &mut counts).await?);
        }
    }
    Ok(Preview {
        stopped: scene.brake.stopped(),
        items: previewed,
        counts,
    })
}

/// A prospect of which `plan` would be carried out, counted with it.
pub(super) async fn shown(
    scene: &Scene<'_>,
    case: Case,
    plan: Plan,
    counts: &mut Counts,
) -> Result<Previewed, Stop> {
    tally(counts, &plan);
    let (plan, additions) = Box::pin(beside(scene, &case, plan, counts)).await?;
    Ok(Previewed {
        ashby_now: ashby_held(&case.situation),
        prospect: case.prospect,
        plan,
        additions,
    })
}

/// What would be written beside the stage, and the decision to be shown: that on the stage, unless it does nothing and
/// something else speaks for the prospect.
pub(super) async fn beside(
    scene: &Scene<'_>,
    case: &Case,
    plan: Plan,
    counts: &mut Counts,
) -> Result<(Plan, Vec<String>), Stop> {
    let Some(due) = Due::foreseen(scene, case, &plan) else {
        return Ok((plan, Vec::new()));
    };
    let added = due.foresee(&plan).await?;
    let mut additions = added.wrote.clone();
    let mut added = added.decisions(&case.situation.policy);
    tally_added(counts, &added);
    let acts = plan.because.outcome() == Outcome::Acted;
    Ok(match speaks(&plan, &added) {
        Some(place) if acts => {
            additions.push(added[place].sentence());
            (plan, additions)
        }
        Some(place) => (added.swap_remove(place), additions),
        None => (plan, additions),
    })
}
