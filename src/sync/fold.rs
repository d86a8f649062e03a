//! Folds waiting deliveries into prospects, a page at a time. Any number may fold at once: what one has taken the
//! others pass over, and the fold does not care about order.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, SubsecRound, Utc};

use super::{Sync, SyncError, erase};
use crate::{
    dover::payload::{self, Delivery, Kind, PayloadPaths},
    ids::{ConnectionId, DoverCandidateId, DoverJobId, ProspectId},
    plan::{
        notes::Event,
        says::{DoverSays, Stamp},
    },
    store::{
        self,
        connection::Connection,
        inbox::Unfolded,
        note::{EventKey, Told},
        prospect::Folded,
    },
};

/// Deliveries a page: enough to make the statements' fixed costs small, few enough to keep memory and locks short.
const PAGE: i64 = 1_000;

/// Bytes of bodies a page: a body may be a thousand times as large as most are.
const PAGE_BYTES: i64 = 16 << 20;

/// News of one prospect within a page: the fold of its deliveries, and which those are.
#[derive(Default)]
struct News {
    says: DoverSays,
    deliveries: Vec<i64>,
    activities: Vec<Happened>,
}

/// An activity that a note may be written upon.
struct Happened {
    key: EventKey,
    event: Event,
    at: DateTime<Utc>,
    delivery: i64,
    said_at: DateTime<Utc>,
}

/// Folds everything that waits on `connection`. Answers how many deliveries that were.
pub async fn fold(sync: &Sync, connection: &Connection) -> Result<usize, SyncError> {
    fold_pages(sync, connection, usize::MAX).await
}

/// Folds at most a page of what waits: for a reader, who must not pay for a whole backlog.
pub async fn fold_a_page(sync: &Sync, connection: &Connection) -> Result<usize, SyncError> {
    fold_pages(sync, connection, 1).await
}

async fn fold_pages(sync: &Sync, connection: &Connection, most: usize) -> Result<usize, SyncError> {
    if !store::inbox::has_unfolded(&sync.pool, connection.id).await? {
        return Ok(0);
    }
    let paths = payload_paths(connection)?;
    let aliases = aliases(sync, connection.id).await?;
    let mut folded = 0;
    for _ in 0..most {
        let count = fold_page(sync, connection.id, &paths, &aliases).await?;
        folded += count;
        if count == 0 {
            break;
        }
    }
    Ok(folded)
}

/// Where this connection's payloads keep what we read.
pub fn payload_paths(connection: &Connection) -> Result<PayloadPaths, SyncError> {
    let paths = serde_json::from_value(connection.payload_paths.clone());
    Ok(paths.map_err(|error| store::StoreError::Unreadable {
        what: "the payload paths",
        detail: error.to_string(),
    })?)
}

/// A delivery may name a registered job by its Ashby id: same job, same prospect.
pub(super) async fn aliases(
    sync: &Sync,
    connection: ConnectionId,
) -> Result<HashMap<String, DoverJobId>, SyncError> {
    let jobs = store::job::all(&sync.pool, connection).await?;
    Ok(jobs
        .into_iter()
        .map(|job| (job.ashby_job_id.0, job.dover_job_id))
        .collect())
}

async fn fold_page(
    sync: &Sync,
    connection: ConnectionId,
    paths: &PayloadPaths,
    aliases: &HashMap<String, DoverJobId>,
) -> Result<usize, SyncError> {
    let mut tx = store::begin_page(&sync.pool).await?;
    let taken = store::inbox::take(&mut tx, connection, PAGE, PAGE_BYTES).await?;
    let count = taken.len();
    let (mut news, unreadable) = read(taken, paths, aliases);
    for (delivery, faults) in unreadable {
        store::delivery::reject(&mut tx, delivery, &faults).await?;
    }

    let who: Vec<_> = news.keys().cloned().collect();
    let locked = store::prospect::lock(&mut tx, connection, &who, sync.clock.now()).await?;
    let (mut folds, mut into) = (Vec::with_capacity(locked.len()), Vec::with_capacity(count));
    let mut known_by = Vec::with_capacity(locked.len());
    let mut told = Vec::new();
    for (id, candidate, job, mut says) in locked {
        let Some(fresh) = news.remove(&(candidate.clone(), job)) else {
            continue;
        };
        says.fold(fresh.says);
        let hashes = erase::hashes(sync, connection, &candidate, &says.contact);
        known_by.push(((id, candidate), hashes));
        into.extend(fresh.deliveries.into_iter().map(|delivery| (delivery, id)));
        told.extend(fresh.activities.into_iter().map(|activity| activity.of(id)));
        folds.push(Folded { id, says });
    }
    // Asked once the prospects are locked: an erasure that came between is seen.
    let erased = erase::erased(&mut *tx, connection, &known_by).await?;
    for fold in &mut folds {
        if erased.keys().any(|(id, _)| *id == fold.id) {
            fold.says = DoverSays::default();
        }
    }
    let left_parked = store::prospect::save(&mut tx, &folds).await?;
    told.retain(|told| !erased.keys().any(|(id, _)| *id == told.prospect));
    if !told.is_empty() && store::note::is_wanted(&mut *tx, connection).await? {
        store::note::fold(&mut tx, connection, &told, sync.clock.now()).await?;
    }
    store::inbox::folded(&mut tx, &into).await?;
    if !left_parked.is_empty() {
        store::inbox::decided(&mut tx, &left_parked).await?;
    }
    let erased = erased.into_iter().map(|((_, who), erasure)| (who, erasure));
    erase::extend(sync, &mut tx, connection, &erased.collect()).await?;
    tx.commit().await?;
    Ok(count)
}

type Who = (DoverCandidateId, DoverJobId);

/// Reads a page: what is news of whom, and which deliveries no longer read because the payload paths have changed.
fn read(
    taken: Vec<Unfolded>,
    paths: &PayloadPaths,
    aliases: &HashMap<String, DoverJobId>,
) -> (BTreeMap<Who, News>, Vec<(i64, serde_json::Value)>) {
    let mut news: BTreeMap<Who, News> = BTreeMap::new();
    let mut unreadable = Vec::new();
    let nobody = || serde_json::json!([{ "pointer": "", "detail": "it is about nobody" }]);
    for delivery in taken {
        let id = delivery.id;
        let Said {
            about,
            says,
            happened,
        } = match said(&delivery, paths) {
            Err(faults) => {
                unreadable.push((id, serde_json::json!(faults)));
                continue;
            }
            Ok(said) => said,
        };
        let Some((candidate, job)) = about else {
            unreadable.push((id, nobody()));
            continue;
        };
        let job = aliases.get(job.as_str()).unwrap_or(&job).clone();
        let news = news.entry((candidate, job)).or_default();
        news.says.fold(says);
        news.deliveries.push(id);
        news.activities.extend(happened);
    }
    (news, unreadable)
}

/// What a delivery says.
struct Said {
    about: Option<Who>,
    says: DoverSays,
    happened: Option<Happened>,
}

/// What a delivery says, and of whom. One that was emptied says nothing, and is still about somebody.
fn said(delivery: &Unfolded, paths: &PayloadPaths) -> Result<Said, Vec<payload::Fault>> {
    if delivery.is_erased {
        let candidate = delivery.dover_candidate_id.clone().map(DoverCandidateId);
        let job = delivery.dover_job_id.clone().map(DoverJobId);
        return Ok(Said {
            about: candidate.zip(job),
            says: DoverSays::default(),
            happened: None,
        });
    }
    let read = payload::read(&delivery.body, paths)?;
    let about = read.about();
    Ok(Said {
        about: about.map(|(candidate, job)| (candidate.clone(), job.clone())),
        says: read.says(delivery.received_at, delivery.id),
        happened: Happened::read(&read, delivery),
    })
}

impl Happened {
    /// The activity that a delivery tells of, where it is of a kind that we know. One that is to come counts as of the time
    /// of receipt.
    fn read(read: &Delivery, delivery: &Unfolded) -> Option<Self> {
        let Kind::Activity(activity) = &read.kind else {
            return None;
        };
        let stamp = Stamp::new(read.updated_at?, delivery.received_at, delivery.id);
        Some(Self {
            key: EventKey::activity(&activity.id),
            event: Event::of_activity(activity.kind.word())?,
            at: activity.at.min(delivery.received_at).trunc_subsecs(6),
            delivery: delivery.id,
            said_at: stamp.at,
        })
    }

    fn of(self, prospect: ProspectId) -> Told {
        let Self {
            key,
            event,
            at,
            delivery,
            said_at,
        } = self;
        Told {
            prospect,
            key,
            event,
            at,
            delivery,
            said_at,
        }
    }
}
