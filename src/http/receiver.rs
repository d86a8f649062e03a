//! The waiting room in front of the inbox. Deliveries that arrive while the last commit is under way go into the next
//! one, together; nobody waits for a timer. A request is answered only after its commit.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures::{FutureExt, future::join_all};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{
    clock::{Clock, SystemClock},
    store::{
        StoreError,
        receipt::{self, Incoming, Receipt},
    },
};

/// Requests that may wait for a commit. Beyond it they are sent away with 503, and their sender tries again.
const WAITING_ROOM: usize = 4_096;

/// Deliveries in one commit: beyond this a single database session gains nothing and everyone waits longer.
const BATCH: usize = 256;

/// A second commit runs beside the first once this many wait: with fewer, halving the batch costs more than it gains.
const DEEP: usize = 64;

/// Why a delivery was not stored. It was not acknowledged either, so its sender keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// The waiting room is full, or closes.
    Full,
    /// The database is away.
    DatabaseAway,
    /// The connection was removed meanwhile.
    NoSuchConnection,
    /// The database refused this one delivery.
    Refused,
}

struct Waiting {
    /// In a place of its own: a batch is moved several times, and is large.
    incoming: Box<Incoming>,
    answer: oneshot::Sender<Result<Receipt, NotStored>>,
}

impl Waiting {
    /// Answers. Whoever asked may have hung up; what is stored is stored all the same.
    fn tell(self, result: Result<Receipt, NotStored>) {
        let _ = self.answer.send(result);
    }
}

/// Stores deliveries, many in one commit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Receiver {
    waiting: mpsc::Sender<Waiting>,
    commits: Arc<Commits>,
}

impl Receiver {
    /// Starts the receiver on a pool of its own. It ends when its last clone is dropped and everyone has been answered.
    pub fn start(pool: PgPool) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_ROOM);
        let commits = Arc::new(Commits::over(pool));
        tokio::spawn(serve(Arc::clone(&commits), queue));
        Self { waiting, commits }
    }

    /// Stores a delivery, and answers once that is committed.
    pub async fn store(&self, incoming: Box<Incoming>) -> Result<Receipt, NotStored> {
        if let Some(turn) = self.commits.turn_alone() {
            return turn.alone(&incoming).await;
        }
        let (answer, answered) = oneshot::channel();
        self.commits.gathering.fetch_add(1, SeqCst);
        self.waiting
            .try_send(Waiting { incoming, answer })
            .map_err(|_| {
                self.commits.gathering.fetch_sub(1, SeqCst);
                NotStored::Full
            })?;
        answered.await.unwrap_or(Err(NotStored::Full))
    }
}

/// How often it is looked whether the database sessions at hand were used: those that were not go back to the pool. It
/// asks a session whether it still lives before it hands it out and when it gets it back: a round trip each, which under
/// load nobody should wait for.
const AT_HAND: Duration = Duration::from_secs(1);

type Session = PoolConnection<Postgres>;

/// The commits that are under way, and the sessions for the next ones.
#[derive(Debug)]
struct Commits {
    pool: PgPool,
    under_way: AtomicUsize,
    /// Deliveries that wait for a commit to begin.
    gathering: AtomicUsize,
    /// Told when a commit has ended while others wait.
    ended: Notify,
    at_hand: Mutex<Vec<Session>>,
    was_used: AtomicBool,
}

impl Commits {
    fn over(pool: PgPool) -> Self {
        Self {
            pool,
            under_way: AtomicUsize::new(0),
            gathering: AtomicUsize::new(0),
            ended: Notify::new(),
            at_hand: Mutex::default(),
            was_used: AtomicBool::new(false),
        }
    }

    /// The right to commit beside `others`, and no more than these.
    fn turn_beside(self: &Arc<Self>, others: usize) -> Option<Turn> {
        self.under_way
            .compare_exchange(others, others + 1, SeqCst, SeqCst)
            .ok()?;
        Some(Turn(Arc::clone(self)))
    }

    /// The right to commit `gathered` deliveries, where it is time to.
    fn turn_for(self: &Arc<Self>, gathered: usize) -> Option<Turn> {
        if gathered == 0 {
            return None;
        }
        let beside = || (gathered >= DEEP).then(|| self.turn_beside(1)).flatten();
        let turn = self.turn_beside(0).or_else(beside)?;
        self.gathering.fetch_sub(gathered, SeqCst);
        Some(turn)
    }

    /// The right to commit while nobody else waits or commits: whoever came before goes into the next commit together.
    fn turn_alone(self: &Arc<Self>) -> Option<Turn> {
        let is_quiet = self.gathering.load(SeqCst) == 0;
        is_quiet.then(|| self.turn_beside(0)).flatten()
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Session>> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn session(&self) -> Result<Session, StoreError> {
        let at_hand = self.sessions().pop();
        match at_hand {
            Some(session) => Ok(session),
            None => Ok(self.pool.acquire().await?),
        }
    }

    fn keep(&self, session: Session) {
        self.was_used.store(true, SeqCst);
        self.sessions().push(session);
    }

    /// Gives sessions back that nobody has used of late.
    fn rest(&self) {
        if !self.was_used.swap(false, SeqCst) {
            let unused = std::mem::take(&mut *self.sessions());
            drop(unused);
        }
    }
}

/// The right to commit. It ends with this.
struct Turn(Arc<Commits>);

impl Drop for Turn {
    fn drop(&mut self) {
        let commits = &self.0;
        commits.under_way.fetch_sub(1, SeqCst);
        // Whoever comes to wait after this look finds that no commit is under way.
        if commits.gathering.load(SeqCst) > 0 {
            commits.ended.notify_one();
        }
    }
}

impl Turn {
    /// Stores a delivery that came while no commit was under way, by whoever brought it: to hand it to another task and wait
    /// for its answer would take longer than many a commit.
    async fn alone(self, incoming: &Incoming) -> Result<Receipt, NotStored> {
        let commits = &self.0;
        let stored = async {
            // One that is not given back, because whoever sent this hung up, is not used again.
            let mut session = Unfinished(Some(commits.session().await?));
            let mut receipt = store_by(session.get(), incoming).await;
            if matches!(receipt, Err(StoreError::Contended(_))) {
                // Whoever was in the way is through by now.
                receipt = store_by(session.get(), incoming).await;
            }
            if !matches!(receipt, Err(StoreError::Unavailable(_))) {
                commits.keep(session.finish());
            }
            receipt
        };
        answer_alone(stored.await)
    }

    /// Stores a batch and answers everyone in it. A panic, which would be a bug, is that of this batch alone.
    async fn together(self, batch: Vec<Waiting>) {
        let commit = AssertUnwindSafe(commit(&self.0, batch));
        let _ = commit.catch_unwind().await;
    }
}

/// A session in the middle of something.
struct Unfinished(Option<Session>);

impl Unfinished {
    fn get(&mut self) -> &mut Session {
        self.0.as_mut().expect("it is there until it is finished")
    }

    fn finish(mut self) -> Session {
        self.0.take().expect("it is there until it is finished")
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(session) = &mut self.0 {
            session.close_on_drop();
        }
    }
}

async fn serve(commits: Arc<Commits>, mut queue: mpsc::Receiver<Waiting>) {
    let mut gathered = Vec::with_capacity(BATCH);
    // In real time: a socket that stands open knows no other.
    let mut rest = SystemClock.sleep(AT_HAND);
    let mut open = true;
    while open || !gathered.is_empty() {
        let room = BATCH - gathered.len();
        tokio::select! {
            taken = queue.recv_many(&mut gathered, room), if open && room > 0 => open = taken > 0,
            () = commits.ended.notified() => {}
            () = &mut rest => {
                commits.rest();
                rest = SystemClock.sleep(AT_HAND);
            }
        }
        if let Some(turn) = commits.turn_for(gathered.len()) {
            let batch = std::mem::replace(&mut gathered, Vec::with_capacity(BATCH));
            tokio::spawn(turn.together(batch));
        }
    }
}

/// Stores a batch and answers everyone in it. The session is kept, if it still serves.
async fn commit(commits: &Commits, batch: Vec<Waiting>) {
    let mut session = match commits.session().await {
        Ok(session) => session,
        Err(error) => return turn_away(batch, &error),
    };
    match store_all(&mut session, batch).await {
        Ok(()) => commits.keep(session),
        Err(Failed::Away) => session.close_on_drop(),
        Err(Failed::Refused(left)) => {
            commits.keep(session);
            each_alone(&commits.pool, left).await;
        }
    }
}

async fn store_all(session: &mut Session, batch: Vec<Waiting>) -> Result<(), Failed> {
    let left = store_new(session, batch).await?;
    if left.is_empty() {
        return Ok(());
    }
    settle(session, left).await
}

/// Why a batch was not stored as a whole.
enum Failed {
    /// The database is away. Everyone was told.
    Away,
    /// One of these is at fault, or met another's.
    Refused(Vec<Waiting>),
}

impl Failed {
    fn of(error: &StoreError, batch: Vec<Waiting>) -> Self {
        if matches!(error, StoreError::Unavailable(_)) {
            turn_away(batch, error);
            Self::Away
        } else {
            Self::Refused(batch)
        }
    }
}

fn turn_away(batch: Vec<Waiting>, error: &StoreError) {
    tracing::warn!("{} deliveries were not stored: {error}", batch.len());
    for one in batch {
        one.tell(Err(NotStored::DatabaseAway));
    }
}

/// Stores what is new and answers it. What is left needs a closer look.
async fn store_new(session: &mut Session, batch: Vec<Waiting>) -> Result<Vec<Waiting>, Failed> {
    let incoming: Vec<&Incoming> = batch.iter().map(|one| &*one.incoming).collect();
    let receipts = match receipt::store_new(session, &incoming).await {
        Ok(receipts) => receipts,
        Err(error) => return Err(Failed::of(&error, batch)),
    };
    let mut left = Vec::new();
    for (one, receipt) in batch.into_iter().zip(receipts) {
        match receipt {
            Some(receipt) => one.tell(Ok(receipt)),
            None => left.push(one),
        }
    }
    Ok(left)
}

/// Settles what was left, and answers it.
async fn settle(session: &mut Session, left: Vec<Waiting>) -> Result<(), Failed> {
    let incoming: Vec<&Incoming> = left.iter().map(|one| &*one.incoming).collect();
    match receipt::settle(session, &incoming).await {
        Ok(receipts) => {
            for (one, receipt) in left.into_iter().zip(receipts) {
                one.tell(Ok(receipt));
            }
            Ok(())
        }
        Err(error) => Err(Failed::of(&error, left)),
    }
}

/// Stores each by itself, so that one that is at fault harms none of its neighbours.
async fn each_alone(pool: &PgPool, batch: Vec<Waiting>) {
    let each = batch.into_iter().map(async |one| {
        let result = alone(pool, &one.incoming).await;
        one.tell(result);
    });
    join_all(each).await;
}

async fn alone(pool: &PgPool, incoming: &Incoming) -> Result<Receipt, NotStored> {
    let stored = async { store_by(&mut *pool.acquire().await?, incoming).await };
    answer_alone(stored.await)
}

/// What is answered to a delivery that was tried by itself.
fn answer_alone(stored: Result<Option<Receipt>, StoreError>) -> Result<Receipt, NotStored> {
    match stored {
        Ok(receipt) => receipt.ok_or(NotStored::Refused),
        Err(StoreError::Gone(_)) => Err(NotStored::NoSuchConnection),
        Err(error @ (StoreError::Unavailable(_) | StoreError::Contended(_))) => {
            tracing::warn!("a delivery was not stored: {error}");
            Err(NotStored::DatabaseAway)
        }
        Err(error) => {
            tracing::error!("a delivery was refused by the database: {error}");
            Err(NotStored::Refused)
        }
    }
}

async fn store_by(
    session: &mut PgConnection,
    incoming: &Incoming,
) -> Result<Option<Receipt>, StoreError> {
    let stored = receipt::store_new(session, &[incoming]).await?;
    if let [Some(receipt)] = stored[..] {
        return Ok(Some(receipt));
    }
    let settled = receipt::settle(session, &[incoming]).await?;
    Ok(settled.first().copied())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Bytes;
    use futures::stream::FuturesUnordered;

    use super::*;
    use crate::{ids::ConnectionId, store};

    fn incoming(number: usize) -> Box<Incoming> {
        Box::new(Incoming {
            connection: ConnectionId::fresh(),
            sender: store::delivery::Sender::Dover,
            webhook_id: format!("msg_{number}"),
            body_hash: [0; 32],
            received_at: chrono::DateTime::UNIX_EPOCH,
            kind: None,
            about: None,
            reading: None,
            ashby_candidate: None,
            told: None,
            headers: "{}".to_owned(),
            body: Bytes::new(),
            faults: None,
            keys: Vec::new(),
            is_erased: false,
        })
    }

    #[tokio::test]
    async fn who_finds_the_waiting_room_full_is_sent_away_at_once() {
        // A server that takes connections and never says a word.
        let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://nobody@{}/nothing", mute.local_addr().unwrap());
        let receiver = Receiver::start(store::pool(&url, 2, Duration::from_mins(1)).unwrap());
        let most = WAITING_ROOM + 4 * BATCH;
        let waiting: FuturesUnordered<_> = (0..most)
            .map(|number| receiver.store(incoming(number)).boxed())
            .collect();
        let mut waiting = Box::pin(waiting);
        // Those who found room wait on; those who did not have their answer already.
        let mut sent_away = 0;
        while let Some(Some(answer)) = futures::StreamExt::next(&mut waiting).now_or_never() {
            assert_eq!(answer, Err(NotStored::Full));
            sent_away += 1;
        }
        assert!(sent_away > 0 && sent_away <= 4 * BATCH, "{sent_away}");
    }

    #[tokio::test]
    async fn whoever_hangs_up_in_mid_commit_leaves_the_way_free() {
        let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://nobody@{}/nothing", mute.local_addr().unwrap());
        let receiver = Receiver::start(store::pool(&url, 2, Duration::from_mins(1)).unwrap());
        assert!(receiver.store(incoming(1)).now_or_never().is_none());
        let commits = &receiver.commits;
        let left = [&commits.under_way, &commits.gathering];
        assert_eq!(left.map(|count| count.load(SeqCst)), [0; 2]);
    }

    #[tokio::test]
    async fn a_second_commit_begins_beside_the_first_once_many_wait() {
        let away = store::pool("postgres://nobody@127.0.0.1:1/nothing", 2, Duration::ZERO);
        let commits = Arc::new(Commits::over(away.unwrap()));
        assert!(commits.turn_for(0).is_none());
        commits.gathering.store(1_000, SeqCst);
        assert!(commits.turn_alone().is_none(), "others wait");
        let first = commits.turn_for(1).unwrap();
        assert!(commits.turn_for(DEEP - 1).is_none());
        let second = commits.turn_for(DEEP).unwrap();
        assert!(commits.turn_for(1_000).is_none());
        drop(first);
        assert!(commits.turn_for(DEEP - 1).is_none());
        drop(second);
        assert!(commits.turn_for(1).is_some());
        commits.gathering.store(0, SeqCst);
        assert!(commits.turn_alone().is_some());
    }

    #[tokio::test]
    async fn nobody_is_acknowledged_by_a_database_that_is_away() {
        let receiver = Receiver::start(
            store::pool(
                "postgres://nobody@127.0.0.1:1/nothing",
                2,
                Duration::from_secs(1),
            )
            .unwrap(),
        );
        assert_eq!(
            receiver.store(incoming(1)).await,
            Err(NotStored::DatabaseAway)
        );
    }
}
