//! Decides whoever nothing has to be done about. Most of a page often is: what is decided of them is kept together, for a
//! transaction each costs more than all else about them.

use super::Flush;
use crate::{
    ids::ProspectId,
    plan::{Plan, Reason, plan},
    store::prospect::Prospect,
    sync::{
        additions::Due,
        apply::Applied,
        gather::{Case, Scene},
        lease::Stop,
        record::{is_quiet, record_quiet},
    },
};

/// The first of some prospects that may be the same person, and all of them.
pub(super) type Group = (Case, Vec<Prospect>);

impl Flush<'_> {
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
        if !quiet.is_empty() {
            let (connection, lease) = (self.connection.id, self.lease.token);
            record_quiet(self.sync, self.id, connection, lease, &quiet).await?;
            for (_, plan) in &quiet {
                self.tally(|counts| super::tally(counts, plan));
            }
        }
        let last = quiet.iter().map(|(case, _)| case.prospect.id).max();
        Ok((others, last))
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
