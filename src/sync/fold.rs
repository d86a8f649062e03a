//! Folds waiting deliveries into prospects, a page at a time. Any number may fold at once: what one has taken the
//! others pass over, and the fold does not care about order.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;

use super::{
    Sync, SyncError, erase,
    merge::{Said, keep, merge},
};
use crate::{
    dover::payload::{self, Delivery, Kind, PayloadPaths},
    ids::{ConnectionId, DoverCandidateId, DoverJobId, ProspectId},
    plan::{
        notes::Event,
        says::{DoverSays, Stamp},
    },
    store::{
        self, StoreError,
        connection::Connection,
        fold::Who,
        inbox::{Place, Unfolded},
        note::{EventKey, Told},
    },
};

/// Deliveries a page: enough to make the statements' fixed costs small, few enough to keep memory and locks short.
const PAGE: i64 = 1_000;

/// How often a run takes a page again that met somebody who wanted the same prospects in another order.
const GIVES_WAY: u32 = 3;

/// Bytes of bodies a page: a body may be a thousand times as large as most are.
const PAGE_BYTES: i64 = 16 << 20;

/// News of one prospect within a page: the fold of its deliveries, which those are, and what happened.
#[derive(Default)]
struct News {
    said: Said,
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
    let Some(folding) = Folding::of(sync, connection).await? else {
        return Ok(0);
    };
    // Two at a time: one page is read while the other is written. What one has taken the other passes over.
    let all = || Box::pin(folding.behind(Place::default()));
    let (one, other) = tokio::try_join!(all(), all())?;
    Ok(one + other)
}

/// Folds at most a page of what waits: for a reader, who must not pay for a whole backlog.
pub async fn fold_a_page(sync: &Sync, connection: &Connection) -> Result<usize, SyncError> {
    let Some(folding) = Folding::of(sync, connection).await? else {
        return Ok(0);
    };
    let page = folding.page(&Place::default()).await?;
    Ok(page.map_or(0, |(count, _)| count))
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

/// What folding on a connection goes by.
struct Folding<'a> {
    sync: &'a Sync,
    connection: ConnectionId,
    paths: PayloadPaths,
    aliases: HashMap<String, DoverJobId>,
}

impl<'a> Folding<'a> {
    /// What folding on `connection` goes by; `None` where nothing waits.
    async fn of(sync: &'a Sync, connection: &Connection) -> Result<Option<Self>, SyncError> {
        if !store::inbox::has_unfolded(&sync.pool, connection.id).await? {
            return Ok(None);
        }
        Ok(Some(Self {
            sync,
            connection: connection.id,
            paths: payload_paths(connection)?,
            aliases: aliases(sync, connection.id).await?,
        }))
    }

    /// Folds whatever waits beyond `after`, page by page. Answers how many deliveries that were.
    async fn behind(&self, mut after: Place) -> Result<usize, SyncError> {
        let (mut folded, mut given_way) = (0, 0);
        loop {
            match self.page(&after).await {
                Ok(Some((count, last))) => {
                    folded += count;
                    after = last;
                }
                Ok(None) => return Ok(folded),
                // Whoever it met is through with them by now.
                Err(SyncError::Store(StoreError::Contended(_))) if given_way < GIVES_WAY => {
                    given_way += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Folds the page beyond `after`. Answers how many deliveries it had, and where it ended; `None` where there was none.
    async fn page(&self, after: &Place) -> Result<Option<(usize, Place)>, SyncError> {
        let mut tx = store::begin_redoable_page(&self.sync.pool).await?;
        if !store::connection::hold(&mut tx, self.connection).await? {
            return Ok(None);
        }
        let taken = store::inbox::take(&mut tx, self.connection, after, PAGE, PAGE_BYTES).await?;
        let Some(last) = taken.last() else {
            return Ok(None);
        };
        let (count, last) = (taken.len(), (last.dover_candidate_id.clone(), last.id));
        let (news, unreadable) = self.read(taken);
        for (delivery, faults) in unreadable {
            store::delivery::reject(&mut tx, self.connection, delivery, &faults).await?;
        }
        self.keep(&mut tx, news).await?;
        tx.commit().await?;
        Ok(Some((count, last)))
    }

    /// Reads a page: what is news of whom, and which deliveries no longer read because the payload paths have changed.
    fn read(&self, taken: Vec<Unfolded>) -> (BTreeMap<Who, News>, Vec<(i64, serde_json::Value)>) {
        let mut news: BTreeMap<Who, News> = BTreeMap::new();
        let mut unreadable = Vec::new();
        let nobody = || serde_json::json!([{ "pointer": "", "detail": "it is about nobody" }]);
        for delivery in taken {
            let read = match read(&delivery, &self.paths) {
                Err(faults) => {
                    unreadable.push((delivery.id, serde_json::json!(faults)));
                    continue;
                }
                Ok(read) => read,
            };
            let Some((candidate, job)) = read.about else {
                unreadable.push((delivery.id, nobody()));
                continue;
            };
            let job = self.aliases.get(job.as_str()).cloned().unwrap_or(job);
            let news = news.entry((candidate, job)).or_default();
            news.said.says.fold(read.says);
            news.said.waiting.take(delivery.id, delivery.waits_since);
            news.activities.extend(read.happened);
        }
        (news, unreadable)
    }

    async fn keep(
        &self,
        tx: &mut PgConnection,
        news: BTreeMap<Who, News>,
    ) -> Result<(), StoreError> {
        let (sync, connection) = (self.sync, self.connection);
        let mut activities = HashMap::new();
        let said = news.into_iter().map(|(who, news)| {
            if !news.activities.is_empty() {
                activities.insert(who.clone(), news.activities);
            }
            (who, news.said)
        });
        let said = said.collect();
        let mut merged = merge(tx, connection, said, sync.clock.now()).await?;
        let known_by = merged.iter().map(|one| {
            let (candidate, _) = &one.who;
            let hashes = erase::hashes(sync, connection, candidate, &one.folded.says.contact);
            (candidate.clone(), hashes)
        });
        let known_by: Vec<_> = known_by.collect();
        // Asked once the prospects are locked: an erasure that came between is seen.
        let erased = erase::erased(&mut *tx, connection, &known_by).await?;
        for one in &mut merged {
            if erased.contains_key(&one.who.0) {
                one.forget();
            }
        }
        keep(tx, &merged).await?;
        let told = merged
            .iter()
            .filter(|one| !erased.contains_key(&one.who.0))
            .filter_map(|one| Some((one.folded.id, activities.remove(&one.who)?)))
            .flat_map(|(id, happened)| happened.into_iter().map(move |one| one.of(id)));
        let told: Vec<_> = told.collect();
        if !told.is_empty() && store::note::is_wanted(&mut *tx, connection).await? {
            store::note::fold(tx, connection, &told, sync.clock.now()).await?;
        }
        erase::extend(sync, tx, connection, &erased.into_iter().collect()).await
    }
}

/// A delivery as it was read.
struct Read {
    about: Option<Who>,
    says: DoverSays,
    happened: Option<Happened>,
}

/// What a delivery says, and of whom. One that was emptied says nothing, and is still about somebody.
fn read(delivery: &Unfolded, paths: &PayloadPaths) -> Result<Read, Vec<payload::Fault>> {
    if delivery.is_erased {
        let candidate = DoverCandidateId(delivery.dover_candidate_id.clone());
        let job = delivery.dover_job_id.clone().map(DoverJobId);
        return Ok(Read {
            about: job.map(|job| (candidate, job)),
            says: DoverSays::default(),
            happened: None,
        });
    }
    let read = payload::read(&delivery.body, paths)?;
    let about = read.about();
    Ok(Read {
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
