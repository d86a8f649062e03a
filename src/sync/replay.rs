//! Reads deliveries again, through today's settings: whatever fits a filter, in bounded steps, and first as a preview.
//! Nothing is dated anew, so that what is older never beats what is newer, and doing it twice does nothing twice.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    Sync, SyncError,
    fold::{aliases, payload_paths},
    lease::Stop,
    prepare,
    preview::{Preview, shown},
    release, resolve,
};
use crate::{
    dover::payload::{self, Document, PayloadPaths},
    ids::{DoverCandidateId, DoverJobId, ProspectId},
    plan::{plan, says::DoverSays},
    store::{
        self, StoreError,
        connection::Connection,
        delivery::Verdict,
        flush::Counts,
        intent::Intent,
        prospect::{Prospect, State},
        replay::{Filter, Found},
    },
};

/// Deliveries looked at in one step.
const PAGE: i64 = 1_000;

/// Prospects of which the deliveries are looked for at once: in each stretch, which may be hundreds.
const PROSPECTS: i64 = 200;

/// Bodies read at once: each may have 1 MiB.
const BODIES: usize = 20;

/// The reason that only somebody's word ends, and so only a replay that names it.
const GONE: &str = "gone-from-ashby";

/// What a replay comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Deliveries that are read again.
    pub deliveries: u64,
    /// Those among them that were rejected and read now.
    pub recovered: u64,
    /// Deliveries that still cannot be read, or say nothing that is decided.
    pub unreadable: u64,
    /// Prospects that they are about.
    pub prospects: u64,
}

type Who = (DoverCandidateId, DoverJobId);

/// Puts whatever fits `filter` back in the queue, to be decided with the next flush.
pub async fn replay(
    sync: &Sync,
    connection: &Connection,
    filter: &Filter,
) -> Result<Replayed, SyncError> {
    let mut run = Run::new(sync, connection, filter, 0).await?;
    run.go().await?;
    Ok(run.replayed())
}

/// What [`replay`] would come to, and what the next flush would then do with the first `limit` prospects. The brake is not
/// asked: it counts all that waits, and not only these.
pub async fn preview(
    sync: &Sync,
    connection: &Connection,
    filter: &Filter,
    limit: usize,
) -> Result<(Replayed, Preview), Stop> {
    let mut run = Run::new(sync, connection, filter, limit).await?;
    run.is_preview = true;
    run.go().await?;
    let decided = run.decided().await?;
    Ok((run.replayed(), decided))
}

/// One replay on its way.
struct Run<'a> {
    sync: &'a Sync,
    connection: &'a Connection,
    filter: &'a Filter,
    paths: PayloadPaths,
    aliases: HashMap<String, DoverJobId>,
    is_preview: bool,
    so_far: Replayed,
    /// Hashes of the prospects that were met: a number each, whatever their ids are like.
    met: HashSet<u64>,
    /// The first of them, with what is news of them; at most so many.
    first: Vec<(Who, DoverSays)>,
    limit: usize,
    /// In a preview: whose creates would count as not made.
    refuted: HashSet<ProspectId>,
}

impl<'a> Run<'a> {
    async fn new(
        sync: &'a Sync,
        connection: &'a Connection,
        filter: &'a Filter,
        limit: usize,
    ) -> Result<Self, SyncError> {
        Ok(Self {
            sync,
            connection,
            filter,
            paths: payload_paths(connection)?,
            aliases: aliases(sync, connection.id).await?,
            is_preview: false,
            so_far: Replayed::default(),
            met: HashSet::new(),
            first: Vec::new(),
            limit,
            refuted: HashSet::new(),
        })
    }

    fn replayed(&self) -> Replayed {
        Replayed {
            prospects: u64::try_from(self.met.len()).unwrap_or(u64::MAX),
            ..self.so_far
        }
    }

    async fn go(&mut self) -> Result<(), SyncError> {
        if self.filter.is_of_prospects() {
            self.by_prospect().await
        } else {
            self.by_delivery().await
        }
    }

    async fn by_delivery(&mut self) -> Result<(), SyncError> {
        let mut after = 0;
        loop {
            let mut session = self.sync.pool.acquire().await?;
            let step = store::replay::deliveries(
                &mut session,
                self.connection.id,
                self.filter,
                after,
                PAGE,
            )
            .await?;
            drop(session);
            self.take(step.found).await?;
            match step.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// By what became of them: they are decided again also where none of their deliveries are left, unless something is
    /// asked of those.
    async fn by_prospect(&mut self) -> Result<(), SyncError> {
        let job = self
            .filter
            .dover_job_ids
            .as_ref()
            .and_then(|ids| ids.first());
        let filter = store::prospect::Filter {
            dover_candidate_id: self.filter.dover_candidate_id.as_deref(),
            dover_job_id: job.map(String::as_str),
            state: self.filter.state,
            reason: self.filter.reason.as_deref(),
            fields: &[],
        };
        let mut after: ProspectId = Uuid::nil().into();
        loop {
            let (pool, connection) = (&self.sync.pool, self.connection.id);
            let mut page =
                store::prospect::list(pool, connection, &filter, after, PROSPECTS).await?;
            let Some(last) = page.last() else {
                return self.refuted_all().await;
            };
            after = last.id;
            let ids: Vec<ProspectId> = page.iter().map(|prospect| prospect.id).collect();
            let found = store::replay::deliveries_of(pool, connection, self.filter, &ids).await?;
            if self.filter.asks_of_deliveries() {
                let with_one: HashSet<_> = found.iter().map(|one| one.prospect).collect();
                page.retain(|prospect| with_one.contains(&Some(prospect.id)));
            }
            let ids: Vec<ProspectId> = page.iter().map(|prospect| prospect.id).collect();
            let refuted = if self.filter.create_again {
                resolve::undecided(self.sync, connection, &page).await?
            } else {
                Vec::new()
            };
            for prospect in page {
                self.meet((prospect.dover_candidate_id, prospect.dover_job_id), None);
            }
            self.take(found).await?;
            if self.is_preview {
                let refuted = refuted.iter().map(|intent| intent.prospect);
                self.refuted.extend(refuted);
            } else {
                self.resume(&ids, &refuted).await?;
            }
        }
    }

    async fn resume(&self, ids: &[ProspectId], refuted: &[Intent]) -> Result<(), SyncError> {
        let mut tx = self.sync.pool.begin().await?;
        store::intent::refute(&mut tx, refuted).await?;
        if self.filter.reason.as_deref() == Some(GONE) {
            store::prospect::unlink_all(&mut *tx, ids).await?;
        }
        store::waiting::resume_all(&mut *tx, ids).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whoever may be the same person as one who was not created goes on too. Not sooner: they may be on a later page.
    async fn refuted_all(&self) -> Result<(), SyncError> {
        if self.filter.create_again && !self.is_preview {
            let mut tx = self.sync.pool.begin().await?;
            release::doubt_settled(&mut tx, self.connection.id).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Takes in what a step found: in a preview it is noted, else queued.
    async fn take(&mut self, found: Vec<Found>) -> Result<(), SyncError> {
        let (rejected, readable): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|one| one.verdict == Verdict::Rejected);
        let ids: Vec<i64> = readable.iter().map(|one| one.id).collect();
        let about = readable.into_iter().filter_map(|one| one.about);
        let about: Vec<Who> = about.collect();
        self.so_far.deliveries += if self.is_preview {
            u64::try_from(about.len()).unwrap_or(u64::MAX)
        } else {
            let mut tx = self.sync.pool.begin().await?;
            let queued =
                store::replay::queue(&mut tx, self.connection.id, &ids, self.sync.clock.now())
                    .await?;
            tx.commit().await?;
            queued
        };
        for who in about {
            self.meet(who, None);
        }
        let rejected: Vec<i64> = rejected.iter().map(|one| one.id).collect();
        for ids in rejected.chunks(BODIES) {
            self.take_rejected(ids).await?;
        }
        Ok(())
    }

    /// Reads what was rejected through today's payload paths.
    async fn take_rejected(&mut self, ids: &[i64]) -> Result<(), SyncError> {
        let bodies = store::replay::bodies(&self.sync.pool, self.connection.id, ids).await?;
        for (id, received_at, body) in bodies {
            let document = Document::of(&body);
            let read = document.read(&self.paths).ok();
            let about = read.as_ref().and_then(payload::Delivery::about);
            let (Some(read), Some((candidate, job))) = (&read, about) else {
                self.so_far.unreadable += 1;
                continue;
            };
            let who = (candidate.clone(), job.clone());
            if !self.is_preview {
                let (connection, kind) = (self.connection.id, read.kind.word());
                let mut tx = self.sync.pool.begin().await?;
                store::delivery::requeue(&mut tx, connection, id, kind, &who).await?;
                store::replay::queue(&mut tx, connection, &[id], self.sync.clock.now()).await?;
                tx.commit().await?;
            }
            self.so_far.deliveries += 1;
            self.so_far.recovered += 1;
            self.meet(who, Some(read.says(received_at, id)));
        }
        Ok(())
    }

    /// A prospect that this is about, with news of it that was not folded before.
    fn meet(&mut self, (candidate, job): Who, news: Option<DoverSays>) {
        let job = self.aliases.get(job.as_str()).cloned().unwrap_or(job);
        let mut hasher = DefaultHasher::new();
        (&candidate, &job).hash(&mut hasher);
        let is_new = self.met.insert(hasher.finish());
        let who = (candidate, job);
        if is_new && self.first.len() < self.limit {
            self.first.push((who, news.unwrap_or_default()));
        } else if let Some(news) = news
            && let Some((_, says)) = self.first.iter_mut().find(|(known, _)| *known == who)
        {
            says.fold(news);
        }
    }

    /// What the next flush would do with the first prospects.
    async fn decided(&self) -> Result<Preview, Stop> {
        let ashby = self.sync.ashby(self.connection.id).await?;
        let mut scene = prepare::set(self.sync, self.connection, ashby).await?;
        scene.refuted.clone_from(&self.refuted);
        let prospects = self.prospects().await?;
        let mut counts = Counts::default();
        let mut previewed = Vec::with_capacity(prospects.len());
        for case in scene.gather(prospects).await? {
            let plan = plan(&case.situation);
            previewed.push(shown(&scene, case, plan, &mut counts).await?);
        }
        Ok(Preview {
            items: previewed,
            counts,
            stopped: Vec::new(),
        })
    }

    /// The first prospects as they would be once everything is folded; those that are not there yet as they would come
    /// to be.
    async fn prospects(&self) -> Result<Vec<Prospect>, StoreError> {
        let who: Vec<Who> = self.first.iter().map(|(who, _)| who.clone()).collect();
        let (pool, connection) = (&self.sync.pool, self.connection.id);
        let found = store::prospect::of(pool, connection, &who).await?;
        let mut found: HashMap<Who, Prospect> = found
            .into_iter()
            .map(|one| {
                (
                    (one.dover_candidate_id.clone(), one.dover_job_id.clone()),
                    one,
                )
            })
            .collect();
        let folded = self.first.iter().map(|(who, news)| {
            let mut prospect = found.remove(who).unwrap_or_else(|| unheard_of(who));
            Arc::make_mut(&mut prospect.says).fold(news.clone());
            if self.filter.reason.as_deref() == Some(GONE) {
                prospect.candidate = None;
                prospect.application = None;
                prospect.applied_at = None;
            }
            prospect
        });
        Ok(folded.collect())
    }
}

/// Somebody who is first heard of by this.
fn unheard_of((candidate, job): &Who) -> Prospect {
    Prospect {
        id: ProspectId::fresh(),
        dover_candidate_id: candidate.clone(),
        dover_job_id: job.clone(),
        says: Arc::default(),
        revision: 0,
        state: State::Pending,
        reason: None,
        applied_at: None,
        candidate: None,
        application: None,
        last_decision: None,
        is_erased: false,
        tagged_as: None,
    }
}
