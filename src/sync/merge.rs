//! Takes what was said of people into their prospects, those that are new and those that are known.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    ids::{ConnectionId, ProspectId},
    plan::says::DoverSays,
    store::{
        self, StoreError,
        fold::{Folded, Waiting, Who},
    },
};

/// What was said of somebody on a job: the fold of some deliveries, and which of them wait.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) says: DoverSays,
    pub(super) waiting: Waiting,
}

/// A prospect with all that was said of it, locked.
pub(super) struct Merged {
    pub(super) who: Who,
    pub(super) folded: Folded,
    /// Whether it was made with that, so that nothing is left to keep.
    is_kept: bool,
    /// What Dover said when Ashby refused it for good. It is not tried again upon news that says nothing newer.
    refused: Option<DoverSays>,
}

impl Merged {
    /// Leaves nothing of what was said.
    pub(super) fn forget(&mut self) {
        self.folded.says = DoverSays::default();
        self.is_kept = false;
    }

    fn is_to_be_kept(&self) -> bool {
        !self.is_kept && self.refused.as_ref() != Some(&self.folded.says)
    }
}

/// Makes whoever is new, and locks and merges whoever is known: those are yet to be [kept](keep).
pub(super) async fn merge(
    tx: &mut PgConnection,
    connection: ConnectionId,
    said: BTreeMap<Who, Said>,
    now: DateTime<Utc>,
) -> Result<Vec<Merged>, StoreError> {
    let merged = said.into_iter().map(|(who, said)| Merged {
        who,
        folded: Folded {
            id: ProspectId::fresh(),
            says: said.says,
            waiting: said.waiting,
        },
        is_kept: true,
        refused: None,
    });
    let mut merged: Vec<Merged> = merged.collect();
    let who: Vec<&Who> = merged.iter().map(|one| &one.who).collect();
    let folded: Vec<&Folded> = merged.iter().map(|one| &one.folded).collect();
    let made = store::fold::add(tx, connection, (&who, &folded), now).await?;
    let known: Vec<&Who> = merged
        .iter()
        .filter(|one| !made.contains(&one.folded.id))
        .map(|one| &one.who)
        .collect();
    if known.is_empty() {
        return Ok(merged);
    }
    for held in store::fold::lock(tx, connection, &known).await? {
        // What is merged is in the order of who it is.
        let Ok(place) = merged.binary_search_by(|one| one.who.cmp(&held.who)) else {
            continue;
        };
        let one = &mut merged[place];
        one.refused = held.is_refused.then(|| held.says.clone());
        let fresh = std::mem::replace(&mut one.folded.says, held.says);
        one.folded.says.fold(fresh);
        one.folded.id = held.id;
        one.is_kept = false;
    }
    Ok(merged)
}

/// Keeps what is not kept yet.
pub(super) async fn keep(tx: &mut PgConnection, merged: &[Merged]) -> Result<(), StoreError> {
    let rest = merged.iter().filter(|one| one.is_to_be_kept());
    let rest: Vec<&Folded> = rest.map(|one| &one.folded).collect();
    if rest.is_empty() {
        return Ok(());
    }
    store::fold::save(tx, &rest).await
}
