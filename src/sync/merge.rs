//! Takes what was said of people into their prospects, those that are new and those that are known.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    ids::{ConnectionId, ProspectId},
    plan::says::DoverSays,
    store::{
        self, StoreError,
        fold::{Folded, Held, Waiting, Who},
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
    fn new(who: Who, said: Said) -> Self {
        Self {
            who,
            folded: Folded {
                id: ProspectId::fresh(),
                says: said.says,
                waiting: said.waiting,
            },
            is_kept: true,
            refused: None,
        }
    }

    fn merge(&mut self, held: Held) {
        self.refused = held.is_refused.then(|| held.says.clone());
        let fresh = std::mem::replace(&mut self.folded.says, held.says);
        self.folded.says.fold(fresh);
        self.folded.id = held.id;
        self.is_kept = false;
    }

    /// Leaves nothing of what was said.
    pub(super) fn forget(&mut self) {
        self.folded.says = DoverSays::default();
        self.is_kept = false;
    }

    fn is_to_be_kept(&self) -> bool {
        !self.is_kept && self.refused.as_ref() != Some(&self.folded.says)
    }
}

/// How often somebody may have been removed between being met and being locked.
const MET_IN_VAIN: usize = 5;

/// Makes whoever is new, and locks and merges whoever is known: those are yet to be [kept](keep). Fails as contended rather
/// than leave somebody out.
pub(super) async fn merge(
    tx: &mut PgConnection,
    connection: ConnectionId,
    said: BTreeMap<Who, Said>,
    now: DateTime<Utc>,
) -> Result<Vec<Merged>, StoreError> {
    let mut open: Vec<Merged> = said
        .into_iter()
        .map(|(who, said)| Merged::new(who, said))
        .collect();
    let mut merged = Vec::with_capacity(open.len());
    for _ in 0..MET_IN_VAIN {
        open = add(tx, connection, open, &mut merged, now).await?;
        open = lock(tx, connection, open, &mut merged).await?;
        if open.is_empty() {
            return Ok(merged);
        }
        // Whoever was met and is gone was given to another prospect meanwhile: they are made again, and given to it too.
    }
    Err(StoreError::Contended(sqlx::Error::RowNotFound))
}

/// Makes whoever is new. Answers the others.
async fn add(
    tx: &mut PgConnection,
    connection: ConnectionId,
    open: Vec<Merged>,
    merged: &mut Vec<Merged>,
    now: DateTime<Utc>,
) -> Result<Vec<Merged>, StoreError> {
    let who: Vec<&Who> = open.iter().map(|one| &one.who).collect();
    let folded: Vec<&Folded> = open.iter().map(|one| &one.folded).collect();
    let made = store::fold::add(tx, connection, (&who, &folded), now).await?;
    let is_made = |one: &Merged| made.contains(&one.folded.id);
    let (new, known): (Vec<_>, Vec<_>) = open.into_iter().partition(is_made);
    merged.extend(new);
    Ok(known)
}

/// Locks whoever is known, and merges what was said of them into what was said before. Answers those who are not there.
async fn lock(
    tx: &mut PgConnection,
    connection: ConnectionId,
    open: Vec<Merged>,
    merged: &mut Vec<Merged>,
) -> Result<Vec<Merged>, StoreError> {
    if open.is_empty() {
        return Ok(open);
    }
    let who: Vec<&Who> = open.iter().map(|one| &one.who).collect();
    let held = store::fold::lock(tx, connection, &who).await?;
    let held = held.into_iter().map(|held| (held.who.clone(), held));
    let mut held: HashMap<Who, Held> = held.collect();
    let mut missing = Vec::new();
    for mut one in open {
        match held.remove(&one.who) {
            Some(held) => {
                one.merge(held);
                merged.push(one);
            }
            None => missing.push(one),
        }
    }
    Ok(missing)
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
