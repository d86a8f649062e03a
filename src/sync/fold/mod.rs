//! Folds waiting deliveries into prospects, a page at a time. Any number may fold at once: what one has taken the
//! others pass over, and the fold does not care about order.

mod page;

use std::collections::{BTreeMap, HashMap};

use futures::future::try_join_all;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use super::{
    Sync, SyncError, erase,
    merge::{keep, merge},
    yielding,
};
use crate::{
    dover::payload::PayloadPaths,
    ids::{ConnectionId, DoverJobId},
    store::{self, StoreError, connection::Connection, fold::Who, inbox::Place},
};
use page::{News, Page};

/// Deliveries a page: enough to make the statements' fixed costs small, few enough to keep memory and locks short.
const PAGE: i64 = 2_000;

/// Pages that are folded at once: one is read while two others are written. With a fourth hardly anything is faster.
const PAGES_AT_ONCE: usize = 3;

/// Stretches of the queue that are folded at once, so that a prospect with news in several is written once. Where a page ends is
/// found by looking a page ahead in each.
const STRETCHES: usize = 4;

/// How often a run takes a page again that met somebody who wanted the same prospects in another order.
const GIVES_WAY: u32 = 3;

/// Folds everything that waits on `connection`. Answers how many deliveries that were.
pub async fn fold(sync: &Sync, connection: &Connection) -> Result<usize, SyncError> {
    let Some(folding) = Folding::of(sync, connection).await? else {
        return Ok(0);
    };
    let mut folded = 0;
    for stretches in folding.stretches.chunks(STRETCHES) {
        let pages = Pages::of(stretches);
        let at_once = (0..PAGES_AT_ONCE).map(|_| Box::pin(folding.pages(&pages)));
        folded += try_join_all(at_once).await?.into_iter().sum::<usize>();
    }
    Ok(folded)
}

/// Folds at most a page of what waits: for a reader, who must not pay for a whole backlog.
pub async fn fold_a_page(sync: &Sync, connection: &Connection) -> Result<usize, SyncError> {
    let Some(folding) = Folding::of(sync, connection).await? else {
        return Ok(0);
    };
    let first = folding.stretches.chunks(STRETCHES).next();
    let first = Pages::of(first.unwrap_or_default());
    let Some(page) = folding.next(&first).await? else {
        return Ok(0);
    };
    match folding.page(&page).await {
        // A flush is at it.
        Err(SyncError::Store(StoreError::Contended(_))) => Ok(0),
        folded => Ok(folded?.unwrap_or_default()),
    }
}

/// Where this connection's payloads keep what we read.
pub fn payload_paths(connection: &Connection) -> Result<PayloadPaths, SyncError> {
    let paths = serde_json::from_value(connection.payload_paths.clone());
    Ok(paths.map_err(|error| store::StoreError::Unreadable {
        what: "the payload paths",
        detail: error.to_string(),
    })?)
}

/// Registered jobs by their Ashby ids.
pub(super) type Aliases = HashMap<String, DoverJobId>;

/// A delivery may name a registered job by its Ashby id: same job, same prospect.
pub(super) async fn aliases(sync: &Sync, connection: ConnectionId) -> Result<Aliases, SyncError> {
    let jobs = store::job::all(&sync.pool, connection).await?;
    Ok(jobs
        .into_iter()
        .map(|job| (job.ashby_job_id.0, job.dover_job_id))
        .collect())
}

/// The pages of some stretches, for whoever asks next.
struct Pages<'s> {
    stretches: &'s [i64],
    /// Where the next one begins, unless there is none.
    next: Mutex<Option<Place>>,
}

impl<'s> Pages<'s> {
    fn of(stretches: &'s [i64]) -> Self {
        Self {
            stretches,
            next: Mutex::new(Some(Place::default())),
        }
    }
}

/// A page: what waits in some stretches beyond one place, to another or to the end.
struct Extent<'s> {
    stretches: &'s [i64],
    after: Place,
    until: Option<Place>,
}

/// What folding on a connection goes by.
struct Folding<'a> {
    sync: &'a Sync,
    connection: ConnectionId,
    paths: PayloadPaths,
    /// Their fingerprint.
    read_by: i32,
    aliases: Aliases,
    /// In which something waits when it begins. What comes in meanwhile lies in the last one or beyond it, so that a fold ends.
    stretches: Vec<i64>,
}

impl<'a> Folding<'a> {
    /// What folding on `connection` goes by; `None` where nothing waits.
    async fn of(sync: &'a Sync, connection: &Connection) -> Result<Option<Self>, SyncError> {
        let stretches = store::inbox::stretches(&sync.pool, connection.id).await?;
        if stretches.is_empty() {
            return Ok(None);
        }
        let paths = payload_paths(connection)?;
        Ok(Some(Self {
            sync,
            connection: connection.id,
            read_by: paths.fingerprint(),
            paths,
            aliases: aliases(sync, connection.id).await?,
            stretches,
        }))
    }

    /// Folds page by page until there is none. Answers how many deliveries that were.
    async fn pages(&self, pages: &Pages<'_>) -> Result<usize, SyncError> {
        let mut folded = 0;
        while let Some(page) = self.next(pages).await? {
            match yielding::page(self.sync, self.page_patiently(&page)).await? {
                Some(count) => folded += count,
                None => break,
            }
        }
        Ok(folded)
    }

    /// The next page, and none to whoever asks after the last one.
    async fn next<'s>(&self, pages: &Pages<'s>) -> Result<Option<Extent<'s>>, StoreError> {
        let mut next = pages.next.lock().await;
        let Some(after) = next.take() else {
            return Ok(None);
        };
        let pool = &self.sync.pool;
        let size = yielding::page_size(self.sync, PAGE);
        let stretches = pages.stretches;
        let until = store::inbox::page_end(pool, self.connection, stretches, &after, size).await?;
        next.clone_from(&until);
        Ok(Some(Extent {
            stretches,
            after,
            until,
        }))
    }

    async fn page_patiently(&self, page: &Extent<'_>) -> Result<Option<usize>, SyncError> {
        for _ in 0..GIVES_WAY {
            match self.page(page).await {
                // Whoever it met is through with them by now.
                Err(SyncError::Store(StoreError::Contended(_))) => {}
                ended => return ended,
            }
        }
        self.page(page).await
    }

    /// Folds a page. Answers how many deliveries it had; `None`: the connection is gone.
    async fn page(&self, page: &Extent<'_>) -> Result<Option<usize>, SyncError> {
        let mut tx = store::begin_redoable_page(&self.sync.pool).await?;
        if !store::connection::hold(&mut tx, self.connection).await? {
            return Ok(None);
        }
        let extent = (&page.after, page.until.as_ref());
        let taken = store::inbox::take(&mut tx, self.connection, page.stretches, extent).await?;
        if taken.is_empty() {
            return Ok(Some(0));
        }
        let count = taken.iter().map(|taken| taken.deliveries.len()).sum();
        let mut page = Page::of(taken, self.read_by, &self.aliases);
        loop {
            let slices = page.slices();
            if slices.is_empty() {
                break;
            }
            for slice in slices {
                let bodies = store::inbox::bodies(&mut *tx, self.connection, &slice).await?;
                page.read(&bodies, &self.paths, &self.aliases);
            }
        }
        let (news, unreadable) = page.come_to();
        for (delivery, faults) in unreadable {
            store::delivery::reject(&mut tx, self.connection, delivery, &faults).await?;
        }
        self.keep(&mut tx, news).await?;
        tx.commit().await?;
        Ok(Some(count))
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
