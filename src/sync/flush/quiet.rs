//! Decides whoever nothing has to be done about. Most of a page often is: what is decided of them is kept together, for a
//! transaction each costs more than all else about them.

use std::collections::HashSet;

use futures::{FutureExt, TryStreamExt};

use super::{Flush, PICTURE_KEEPS};
use crate::{
    ids::{DoverJobId, ProspectId},
    plan::{Plan, Reason, brake::Would, plan},
    store::prospect::Prospect,
    sync::{
        SyncError,
        additions::Due,
        apply::Applied,
        brake,
        gather::{Case, Scene},
        groups::groups,
        lease::Stop,
        record::{is_quiet, record_quiet},
        yielding,
    },
};

/// The first of some prospects that may be the same person, and all of them.
pub(super) type Group = (Case, Vec<Prospect>);

/// Pages under way together while a job is weighed: some are gathered and kept by the database while one is decided.
const PAGES_AT_ONCE: usize = 4;

impl Flush<'_> {
    /// What a job's part of the flush would come to. Whoever needs nothing done is decided on the way, for they are what most
    /// of a long backlog is, and all is known of them.
    pub(super) async fn weigh(&self, scene: &Scene<'_>, job: &DoverJobId) -> Result<Would, Stop> {
        scene.know_fields().await?;
        let pages = brake::pages(scene, job).err_into::<Stop>();
        let weighed =
            pages.map_ok(|page| yielding::page(self.sync, self.weigh_page(scene, page)).boxed());
        let all = weighed.try_buffered(PAGES_AT_ONCE);
        all.try_fold(Would::default(), async |all, page| Ok(all.and(page)))
            .await
    }

    async fn weigh_page(&self, scene: &Scene<'_>, page: Vec<Prospect>) -> Result<Would, Stop> {
        self.lease.hold().await?;
        let identities = scene.identities(page.iter()).await?;
        let groups = groups(page, &identities);
        let alone = groups.iter().filter(|group| group.len() == 1);
        let alone: HashSet<ProspectId> = alone.flatten().map(|prospect| prospect.id).collect();
        let page = groups.into_iter().flatten().collect();
        let cases = scene.gather_known(page, identities).await?;
        let may_decide = !self.is_picture_older(scene, PICTURE_KEEPS);
        let (mut quiet, mut others) = (Vec::new(), Vec::new());
        for case in cases {
            let may_be_quiet = may_decide && alone.contains(&case.prospect.id);
            match may_be_quiet.then(|| self.quiet(scene, &case)).flatten() {
                Some(plan) => quiet.push((case, plan)),
                None => others.push(case),
            }
        }
        self.record_quiet(&quiet).await?;
        self.progress().await?;
        Ok(brake::weigh(&others))
    }

    /// Decides those of `groups` that are of one prospect and need nothing done. Answers the others, as they were, and the
    /// last prospect that was decided.
    pub(super) async fn decide_quiet(
        &self,
        scene: &Scene<'_>,
        groups: Vec<Group>,
    ) -> Result<(Vec<Group>, Option<ProspectId>), Stop> {
        let (mut quiet, mut others) = (Vec::new(), Vec::new());
        for (case, group) in groups {
            // Whoever comes next in a group is decided on what the one before them leaves.
            let is_alone = group.len() == 1;
            match is_alone.then(|| self.quiet(scene, &case)).flatten() {
                Some(plan) => quiet.push((case, plan)),
                None => others.push((case, group)),
            }
        }
        self.record_quiet(&quiet).await?;
        let last = quiet.iter().map(|(case, _)| case.prospect.id).max();
        Ok((others, last))
    }

    async fn record_quiet(&self, quiet: &[(Case, Plan)]) -> Result<(), SyncError> {
        if quiet.is_empty() {
            return Ok(());
        }
        let (connection, lease) = (self.connection.id, self.lease.token);
        record_quiet(self.sync, self.id, connection, lease, quiet).await?;
        for (_, plan) in quiet {
            self.tally(|counts| super::tally(counts, plan));
        }
        Ok(())
    }

    /// The plan of somebody about whom nothing has to be done: not in Ashby, nor beside the decision here.
    fn quiet(&self, scene: &Scene<'_>, case: &Case) -> Option<Plan> {
        let plan = plan(&case.situation);
        // The one who is gone may be hidden with their job: that is asked first.
        if !is_quiet(case, &plan) || plan.because == Reason::GoneFromAshby {
            return None;
        }
        let nothing = Applied::default();
        let due = Due::of(scene, &scene.ashby, &self.lease, case, (&plan, &nothing));
        if due.is_some() {
            return None;
        }
        // It counts among what the job would do no longer, where it did.
        Some(scene.brake.judge(case, plan).plan)
    }
}
