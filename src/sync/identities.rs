//! Whom Ashby knows under the addresses and profiles of prospects, as far as the mirror tells.

use std::collections::HashMap;

use super::{SyncError, gather::Scene};
use crate::{
    ids::{CandidateId, ProspectId},
    plan::identity,
    store::{self, prospect::Prospect},
};

/// Under which keys prospects are known, and who has these in Ashby.
pub(super) struct Identities {
    keys: HashMap<ProspectId, Vec<Vec<u8>>>,
    who: HashMap<Vec<u8>, Vec<CandidateId>>,
}

impl Identities {
    /// The keys of `prospect`, hashed.
    pub(super) fn keys(&self, prospect: ProspectId) -> &[Vec<u8>] {
        self.known_keys(prospect).unwrap_or_default()
    }

    /// The keys of `prospect`, hashed, where they were asked for.
    pub(super) fn known_keys(&self, prospect: ProspectId) -> Option<&[Vec<u8>]> {
        self.keys.get(&prospect).map(Vec::as_slice)
    }

    /// Whom Ashby knows under a key of `prospect`; one with two of its keys twice.
    pub(super) fn of(&self, prospect: ProspectId) -> impl Iterator<Item = &CandidateId> {
        let keys = self.keys(prospect).iter();
        keys.filter_map(|key| self.who.get(key)).flatten()
    }
}

impl Scene<'_> {
    /// The identities of `prospects`, in one statement.
    pub(super) async fn identities(
        &self,
        prospects: impl Iterator<Item = &Prospect>,
    ) -> Result<Identities, SyncError> {
        let hash = |key| self.sync.vault.identity_hash(self.connection, &key);
        let keys: HashMap<ProspectId, Vec<Vec<u8>>> = prospects
            .map(|prospect| {
                let keys = identity::keys(&prospect.says.contact);
                (prospect.id, keys.into_iter().map(hash).collect())
            })
            .collect();
        let hashes: Vec<Vec<u8>> = keys.values().flatten().cloned().collect();
        let who = store::mirror::who(&self.sync.pool, self.connection, &hashes).await?;
        Ok(Identities { keys, who })
    }
}
