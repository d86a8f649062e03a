//! Erases one person at their request: all that Dover said of them goes, and a tombstone of keyed hashes keeps them from
//! being made again. Whatever comes about them later is acknowledged, and kept without the person.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::PgConnection;

use super::{Sync, SyncError};
use crate::{
    ids::{CandidateId, ConnectionId, DoverCandidateId, ErasureId, ProspectId},
    plan::{
        identity::{self, IdentityKey},
        says::Contact,
    },
    store::{self, StoreError, erasure::Standing},
};

/// Deliveries looked through at a time. A body has 1 MiB at most.
const PAGE: i64 = 200;

/// What was erased.
#[derive(Clone, Debug)]
pub struct Erased {
    /// The tombstone.
    pub id: ErasureId,
    /// How many prospects are this person's.
    pub prospects: usize,
    /// How many deliveries were emptied now.
    pub deliveries: u64,
    /// How many decisions were removed now.
    pub decisions: u64,
}

/// Why nobody was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// A write to Ashby for this person is under way, or its outcome is not known.
    #[error("a write to Ashby for this person is under way, or its outcome is not known yet")]
    WriteUnderWay,
    /// There is no such prospect.
    #[error("the prospect is gone")]
    Gone,
    /// The database.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl From<StoreError> for EraseError {
    fn from(error: StoreError) -> Self {
        Self::Sync(error.into())
    }
}

/// By what somebody is known: their ids in Dover and in Ashby, and their addresses.
#[derive(Debug, Default)]
struct Known {
    candidates: BTreeSet<DoverCandidateId>,
    keys: BTreeSet<IdentityKey>,
    in_ashby: BTreeSet<CandidateId>,
}

impl Known {
    fn candidates(&self) -> Vec<String> {
        self.candidates.iter().map(|id| id.0.clone()).collect()
    }

    fn hashes(&self, sync: &Sync, connection: ConnectionId) -> Vec<Vec<u8>> {
        let candidates = self.candidates.iter();
        let candidates = candidates.map(|id| sync.vault.dover_hash(connection, id));
        let keys = self.keys.iter();
        let keys = keys.map(|key| sync.vault.identity_hash(connection, key));
        let in_ashby = self.in_ashby.iter();
        let in_ashby = in_ashby.map(|id| sync.vault.ashby_hash(connection, id));
        candidates.chain(keys).chain(in_ashby).collect()
    }

    /// As they stand in exclusion lists.
    fn digests(&self, sync: &Sync, connection: ConnectionId) -> Vec<Vec<u8>> {
        let keys = self.keys.iter();
        keys.map(|key| sync.vault.digest_hash(connection, &key.digest()))
            .collect()
    }

    /// As they may stand in a text, in lower case.
    fn addresses(&self) -> Vec<String> {
        let texts = self.keys.iter().flat_map(|key| match key {
            IdentityKey::Email(address) => vec![address.clone()],
            // Written plainly, and as part of an address.
            IdentityKey::LinkedIn(slug) => {
                vec![format!("in/{slug}"), format!("in/{}", written(slug))]
            }
        });
        texts.collect()
    }

    /// As they may stand in the body of a delivery.
    fn in_bodies(&self) -> Vec<String> {
        let ids = self.candidates.iter();
        let ids = ids.map(|id| serde_json::json!(id).to_string());
        let in_ashby = self.in_ashby.iter();
        let in_ashby = in_ashby.map(|id| serde_json::json!(id).to_string());
        self.addresses()
            .into_iter()
            .chain(ids)
            .chain(in_ashby)
            .collect()
    }
}

/// A slug as it is written in an address.
fn written(slug: &str) -> String {
    let address = identity::linkedin_address(slug).to_lowercase();
    let start = address.rfind('/').map_or(0, |slash| slash + 1);
    address[start..].to_owned()
}

/// The hashes by which tombstones know a candidate of Dover's with these contact fields.
pub(super) fn hashes(
    sync: &Sync,
    connection: ConnectionId,
    candidate: &DoverCandidateId,
    contact: &Contact,
) -> Vec<Vec<u8>> {
    let keys = identity::keys(contact);
    let mut hashes: Vec<Vec<u8>> = keys
        .iter()
        .map(|key| sync.vault.identity_hash(connection, key))
        .collect();
    hashes.push(sync.vault.dover_hash(connection, candidate));
    hashes
}

/// Erases the person of a prospect, in all their prospects of the connection. Done twice, the second time finds what has
/// come since, which is nothing.
pub async fn erase(
    sync: &Sync,
    connection: ConnectionId,
    prospect: ProspectId,
) -> Result<Erased, EraseError> {
    let found = store::prospect::by_id(&sync.pool, connection, prospect).await?;
    let first = found.ok_or(EraseError::Gone)?.dover_candidate_id;
    let known = everything_known(sync, connection, first).await?;
    // First what can only be told by those addresses: they are gone afterwards.
    let unattributed = empty_unattributed(sync, connection, &known).await?;
    let mut tx = sync.pool.begin().await.map_err(StoreError::from)?;
    let erased = empty(sync, &mut tx, connection, known).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(erasure.id = %erased.id, "a person was erased: {} prospects", erased.prospects);
    Ok(Erased {
        deliveries: erased.deliveries + unattributed,
        ..erased
    })
}

/// The person's ids and addresses, also where Dover knows them under another id with the same address.
async fn everything_known(
    sync: &Sync,
    connection: ConnectionId,
    first: DoverCandidateId,
) -> Result<Known, EraseError> {
    let mut known = Known {
        candidates: BTreeSet::from([first]),
        ..Known::default()
    };
    loop {
        let before = (known.candidates.len(), known.keys.len());
        let mut tx = sync.pool.begin().await.map_err(StoreError::from)?;
        let theirs = known.candidates();
        let standing = store::erasure::prospects_of(&mut tx, connection, &theirs).await?;
        for prospect in &standing {
            known.keys.extend(identity::keys(&prospect.says.contact));
        }
        let hashes = known.hashes(sync, connection);
        known.in_ashby = in_ashby(&mut tx, connection, &hashes, &standing).await?;
        drop(tx);
        let addresses = known.addresses();
        let alike = store::erasure::lookalikes(&sync.pool, connection, &addresses).await?;
        for (candidate, says) in alike {
            let keys = identity::keys(&says.contact);
            if keys.iter().any(|key| known.keys.contains(key)) {
                known.keys.extend(keys);
                known.candidates.insert(candidate);
            }
        }
        if before == (known.candidates.len(), known.keys.len()) {
            return Ok(known);
        }
    }
}

async fn empty_unattributed(
    sync: &Sync,
    connection: ConnectionId,
    known: &Known,
) -> Result<u64, StoreError> {
    let (texts, now) = (known.in_bodies(), sync.clock.now());
    let (mut emptied, mut after) = (0, 0);
    loop {
        let mut tx = sync.pool.begin().await?;
        let (count, last) =
            store::erasure::empty_unattributed(&mut tx, connection, &texts, now, after, PAGE)
                .await?;
        tx.commit().await?;
        emptied += count;
        let Some(last) = last else {
            return Ok(emptied);
        };
        after = last;
    }
}

/// Sets up the tombstone, or adds to the one that is there, and takes everything out of what is kept.
async fn empty(
    sync: &Sync,
    tx: &mut PgConnection,
    connection: ConnectionId,
    mut known: Known,
) -> Result<Erased, EraseError> {
    let candidates = known.candidates();
    let standing = store::erasure::prospects_of(tx, connection, &candidates).await?;
    let ids: Vec<ProspectId> = standing.iter().map(|prospect| prospect.id).collect();
    // They are locked: whoever wants to write for one of them waits, and then finds the person erased.
    let intents = store::intent::open(&mut *tx, connection, Some(&ids)).await?;
    if !intents.is_empty() || store::note::in_doubt(&mut *tx, &ids).await? {
        return Err(EraseError::WriteUnderWay);
    }
    for prospect in &standing {
        known.keys.extend(identity::keys(&prospect.says.contact));
    }
    let hashes = known.hashes(sync, connection);
    known.in_ashby = in_ashby(tx, connection, &hashes, &standing).await?;
    let hashes = known.hashes(sync, connection);
    let erasure = tombstone(sync, tx, connection, &hashes).await?;
    let in_ashby = texts(&known.in_ashby);
    store::erasure::extend(tx, connection, erasure, &hashes, &in_ashby).await?;
    let listed = known.digests(sync, connection);
    store::exclusion_import::forget_person(tx, connection, &listed).await?;
    let decisions = store::erasure::clear(tx, erasure, &ids).await?;
    let now = sync.clock.now();
    let deliveries = store::erasure::empty_deliveries_of(tx, connection, &candidates, now).await?;
    let of_ashby =
        store::erasure::empty_ashby_deliveries_of(tx, connection, &in_ashby, now).await?;
    Ok(Erased {
        id: erasure,
        prospects: ids.len(),
        deliveries: deliveries + of_ashby,
        decisions,
    })
}

/// The tombstone that knows one of these already, or a new one.
async fn tombstone(
    sync: &Sync,
    tx: &mut PgConnection,
    connection: ConnectionId,
    hashes: &[Vec<u8>],
) -> Result<ErasureId, StoreError> {
    let known = store::erasure::known(&mut *tx, connection, hashes).await?;
    match known.into_values().min() {
        Some(erasure) => Ok(erasure),
        None => store::erasure::create(tx, connection, sync.clock.now()).await,
    }
}

/// Who they are in Ashby: whom they are linked to, and who has one of their addresses.
async fn in_ashby(
    tx: &mut PgConnection,
    connection: ConnectionId,
    hashes: &[Vec<u8>],
    standing: &[Standing],
) -> Result<BTreeSet<CandidateId>, StoreError> {
    let who = store::mirror::who(&mut *tx, connection, hashes).await?;
    let linked = standing
        .iter()
        .filter_map(|prospect| prospect.ashby_candidate.clone());
    Ok(who.into_values().flatten().chain(linked).collect())
}

fn texts(candidates: &BTreeSet<CandidateId>) -> Vec<String> {
    candidates.iter().map(|id| id.0.clone()).collect()
}

/// Somebody who was erased shows up under a Dover id that the tombstone does not know yet, or was told of meanwhile: it
/// is taken in, and all that was kept under it is emptied.
pub(super) async fn extend(
    sync: &Sync,
    tx: &mut PgConnection,
    connection: ConnectionId,
    who: &BTreeMap<DoverCandidateId, ErasureId>,
) -> Result<(), StoreError> {
    for (candidate, erasure) in who {
        let candidates = [candidate.0.clone()];
        let standing = store::erasure::prospects_of(tx, connection, &candidates).await?;
        let ids: Vec<ProspectId> = standing.iter().map(|prospect| prospect.id).collect();
        let in_ashby = in_ashby(tx, connection, &[], &standing).await?;
        let known = Known {
            candidates: BTreeSet::from([candidate.clone()]),
            in_ashby,
            ..Known::default()
        };
        let hashes = known.hashes(sync, connection);
        let in_ashby = texts(&known.in_ashby);
        store::erasure::extend(tx, connection, *erasure, &hashes, &in_ashby).await?;
        store::erasure::clear(tx, *erasure, &ids).await?;
        let now = sync.clock.now();
        store::erasure::empty_deliveries_of(tx, connection, &candidates, now).await?;
        store::erasure::empty_ashby_deliveries_of(tx, connection, &in_ashby, now).await?;
    }
    Ok(())
}

/// Somebody who was erased was met in a prospect of whom something is kept: it goes.
pub(super) async fn found(
    sync: &Sync,
    connection: ConnectionId,
    candidate: &DoverCandidateId,
    erasure: ErasureId,
) -> Result<(), StoreError> {
    let mut tx = sync.pool.begin().await?;
    let who = BTreeMap::from([(candidate.clone(), erasure)]);
    extend(sync, &mut tx, connection, &who).await?;
    tx.commit().await?;
    Ok(())
}

/// Of these, those who were erased.
pub(super) async fn erased<Who: Eq + std::hash::Hash + Clone>(
    db: impl sqlx::PgExecutor<'_>,
    connection: ConnectionId,
    hashes: &[(Who, Vec<Vec<u8>>)],
) -> Result<HashMap<Who, ErasureId>, StoreError> {
    let all: Vec<Vec<u8>> = hashes.iter().flat_map(|(_, of)| of.clone()).collect();
    let known = store::erasure::known(db, connection, &all).await?;
    let found = hashes.iter().filter_map(|(who, of)| {
        let erasure = of.iter().find_map(|hash| known.get(hash))?;
        Some((who.clone(), *erasure))
    });
    Ok(found.collect())
}
