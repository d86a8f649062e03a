//! Settings as flushes read them and as people change them: each change checked against what it is for, kept with who made
//! it, and followed by whoever it lets go.

mod change;
mod preview;
mod shown;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value};

pub use change::{ChangeError, Changed, change, lock};
pub use preview::{Differs, Foreseen, WhatIf, preview};
pub use shown::{Shown, shown};

use super::{Sync, SyncError};
use crate::{
    ids::{ConnectionId, DoverJobId},
    plan::{
        policy::Policy,
        says::DoverSays,
        settings::{
            Settings,
            keys::{KEYS, Layer, key},
            layers::InForce,
        },
    },
    store::{
        self, StoreError,
        prospect::Prospect,
        setting::{AllSet, Whose},
    },
};

/// A job and, where they have set something, the user who owns the candidate.
type Whom = (DoverJobId, Option<String>);

/// The settings in force for each prospect of a connection.
#[derive(Debug, Default)]
pub(super) struct Policies {
    all: AllSet,
    /// Those that were asked for.
    known: Mutex<HashMap<Whom, Arc<Policy>>>,
}

impl Policies {
    pub(super) fn of_all(all: AllSet) -> Self {
        Self {
            all,
            known: Mutex::default(),
        }
    }

    pub(super) async fn read(sync: &Sync, connection: ConnectionId) -> Result<Self, StoreError> {
        let all = store::setting::all(&sync.pool, connection).await?;
        Ok(Self::of_all(all))
    }

    /// What is in force for a prospect.
    pub(super) fn of(&self, prospect: &Prospect) -> Arc<Policy> {
        let job = &prospect.dover_job_id;
        let owner = owner(&prospect.says).filter(|owner| self.all.users.contains_key(owner));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = known
            .entry((job.clone(), owner.clone()))
            .or_insert_with(|| {
                let stack = self.all.stack(Some(job), owner.as_deref());
                Arc::new(Policy::of(&stack))
            });
        Arc::clone(policy)
    }

    /// What is in force for a job, whoever owns the candidate.
    pub(super) fn of_job(&self, job: &DoverJobId) -> Policy {
        Policy::of(&self.all.stack(Some(job), None))
    }

    /// What is in force of a key for the connection as a whole.
    pub(super) fn setting(&self, name: &str) -> Option<InForce> {
        let key = key(name)?;
        Some(self.all.stack(None, None).in_force(key))
    }

    /// What is in force for the connection as a whole.
    pub(super) fn settings(&self) -> Settings {
        let held = self.all.connection.iter();
        let set: Map<String, Value> = held
            .filter_map(|(key, held)| Some((key.clone(), held.value.clone()?)))
            .collect();
        serde_json::from_value(Value::Object(set))
            .expect("whatever was set was checked against its key")
    }
}

/// The user who owns a candidate in Dover, as settings know them.
fn owner(says: &DoverSays) -> Option<String> {
    says.contact
        .owner_email
        .as_ref()
        .and_then(|said| user(&said.value))
}

/// The user of an e-mail address, as settings know them and the statement that lets go does: without capitals, and without
/// spaces around it. `None`: it is none.
pub fn user(email: &str) -> Option<String> {
    let email = email.trim_matches(' ').to_ascii_lowercase();
    let fits = email.len() <= 320 && !email.contains('\0');
    let is_one = email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    (fits && is_one).then_some(email)
}

/// Takes in what was changed since the last flush did: whoever was decided by what was in force before, because a flush was
/// under way, is decided again. Only who holds the lease may: nobody else decides meanwhile.
pub(super) async fn take_in(sync: &Sync, connection: ConnectionId) -> Result<(), SyncError> {
    let mut tx = sync.pool.begin().await?;
    let news = store::setting::take_in(&mut tx, connection).await?;
    for (whose, name) in news.values {
        let reasons = lets_go(std::iter::once(name.as_str()));
        store::waiting::release_for_setting(&mut *tx, connection, &scope(&whose), &reasons).await?;
    }
    if news.exclusions {
        store::exclusion::release(&mut *tx, connection).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The codes of the reasons that other values of these keys may change.
fn lets_go<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let keys = names.filter_map(key);
    let mut reasons: Vec<_> = keys
        .flat_map(|key| key.lets_go)
        .map(|reason| (*reason).to_owned())
        .collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

/// Whom the settings of somebody hold for.
fn scope(whose: &Whose) -> store::waiting::Scope<'_> {
    match whose {
        Whose::Connection => store::waiting::Scope::default(),
        Whose::Job(job) => store::waiting::Scope {
            job: Some(job.as_str()),
            owner: None,
        },
        Whose::User(user) => store::waiting::Scope {
            job: None,
            owner: Some(user),
        },
    }
}

/// The layers on which any key may be set, as a text for people.
fn layers_of(layers: &[Layer]) -> String {
    let words: Vec<_> = layers
        .iter()
        .map(|layer| match layer {
            Layer::Default => "nothing",
            Layer::Connection => "the connection",
            Layer::Job => "a job",
            Layer::User => "a user",
        })
        .collect();
    words.join(" or ")
}

/// Every key, so that what is shown is in the order of the table.
fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}
