//! The next flush with the writes withheld: the same looking, folding, gathering and planning.

use serde_json::Value;
use uuid::Uuid;

use super::{
    Sync,
    access::Access,
    brake::{Brake, Stopped},
    flush::tally,
    lease::Stop,
    prepare,
    record::ashby_held,
};
use crate::{
    ids::ProspectId,
    plan::{Plan, plan},
    store::{self, connection::Connection, flush::Counts, prospect::Prospect},
};

/// What the next flush would do with a prospect.
#[derive(Debug)]
pub struct Previewed {
    /// The prospect.
    pub prospect: Prospect,
    /// What would be done, and why.
    pub plan: Plan,
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
            tally(&mut counts, &plan);
            previewed.push(Previewed {
                ashby_now: ashby_held(&case.situation),
                prospect: case.prospect,
                plan,
            });
        }
    }
    Ok(Preview {
        stopped: scene.brake.stopped(),
        items: previewed,
        counts,
    })
}
