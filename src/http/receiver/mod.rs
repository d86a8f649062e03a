//! The waiting room in front of the inbox. Deliveries that arrive while the last commit is under way go into the next
//! one, together, which begins as soon as that has ended; nobody waits for a timer. A request is answered only after its
//! commit.

mod sessions;

use std::{
    collections::VecDeque,
    fmt,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use futures::{FutureExt, future::join_all, poll};
use sqlx::{PgConnection, PgPool};
use tokio::{runtime::Handle, sync::oneshot};

use crate::store::{
    StoreError,
    receipt::{self, Copies, Incoming, Receipt},
};
use sessions::{Session, Sessions, Unfinished};

/// Requests that may wait for a commit. Beyond it they are sent away with 503, and their sender tries again.
const WAITING_ROOM: usize = 4_096;

/// Deliveries in one commit: beyond this a single database session gains nothing and everyone waits longer.
const BATCH: usize = 256;

/// A second commit runs beside the first once this many wait: with fewer, halving the batch costs more than it gains.
const DEEP: usize = 128;

/// Why a delivery was not stored. It was not acknowledged either, so its sender keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// The waiting room is full or closes, or whoever was to store it failed, which is a bug.
    Full,
    /// The database is away.
    DatabaseAway,
    /// The connection was removed meanwhile.
    NoSuchConnection,
    /// The database refused this one delivery.
    Refused,
}

type Answer = Result<Receipt, NotStored>;

struct Waiting {
    /// In a place of its own: a batch is moved several times, and is large.
    incoming: Box<Incoming>,
    answer: oneshot::Sender<Answer>,
}

impl Waiting {
    /// Answers. Whoever asked may have hung up; what is stored is stored all the same.
    fn tell(self, result: Answer) {
        let _ = self.answer.send(result);
    }
}

/// Stores deliveries, many in one commit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Receiver(Arc<Commits>);

impl Receiver {
    /// A receiver on a pool of its own. Whoever waits in it is answered, also once its last clone is dropped.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(pool: PgPool) -> Self {
        let commits = Arc::new(Commits::over(pool));
        tokio::spawn(sessions::rest_when_unused(Arc::downgrade(
            &commits.sessions,
        )));
        Self(commits)
    }

    /// Stores a delivery, and answers once that is committed.
    pub async fn store(&self, incoming: Box<Incoming>) -> Answer {
        match self.0.enter(incoming) {
            // Apart, so that whoever waits with others does not carry the room that this takes.
            Entered::Alone(turn, incoming) => Box::pin(turn.alone(&incoming)).await,
            Entered::Waits(answered) => answered.await.unwrap_or(Err(NotStored::Full)),
            Entered::SentAway => Err(NotStored::Full),
        }
    }
}

/// Who waits, and how many commits are under way.
#[derive(Default)]
struct Room {
    waiting: VecDeque<Waiting>,
    under_way: usize,
}

impl fmt::Debug for Room {
    /// Without what waits, which is of people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("waiting", &self.waiting.len())
            .field("under_way", &self.under_way)
            .finish()
    }
}

impl Room {
    /// The deliveries of the commit that is to begin now, where it is time for one. It counts as under way.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let batch = self.next_beside(self.under_way)?;
        self.under_way += 1;
        Some(batch)
    }

    /// The deliveries of the commit that is to follow at once on one that has ended, and counts as under way in its place.
    fn following(&mut self) -> Option<Vec<Waiting>> {
        self.next_beside(self.under_way - 1)
    }

    /// The deliveries of the next commit, where it is time for one beside so many others.
    fn next_beside(&mut self, others: usize) -> Option<Vec<Waiting>> {
        let is_time = match others {
            0 => !self.waiting.is_empty(),
            1 => self.waiting.len() >= DEEP,
            _ => false,
        };
        is_time.then(|| {
            let many = self.waiting.len().min(BATCH);
            self.waiting.drain(..many).collect()
        })
    }
}

/// What becomes of a delivery that has just come.
enum Entered {
    /// Nobody else is there.
    Alone(Turn, Box<Incoming>),
    /// It waits for a commit.
    Waits(oneshot::Receiver<Answer>),
    /// There is no room.
    SentAway,
}

/// The commits that are under way, who waits for the next ones, and the sessions for them.
#[derive(Debug)]
struct Commits {
    sessions: Arc<Sessions>,
    copies: Copies,
    /// Where commits are worked on.
    runtime: Handle,
    room: Mutex<Room>,
}

impl Commits {
    fn over(pool: PgPool) -> Self {
        Self {
            sessions: Arc::new(Sessions::of(pool)),
            copies: Copies::default(),
            runtime: Handle::current(),
            room: Mutex::default(),
        }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a delivery wait for a commit, unless it can be stored by whoever brought it.
    fn enter(self: &Arc<Self>, incoming: Box<Incoming>) -> Entered {
        let mut room = self.room();
        if room.under_way == 0 && room.waiting.is_empty() {
            room.under_way = 1;
            return Entered::Alone(Turn(Arc::clone(self)), incoming);
        }
        if room.waiting.len() >= WAITING_ROOM {
            return Entered::SentAway;
        }
        let (answer, answered) = oneshot::channel();
        room.waiting.push_back(Waiting { incoming, answer });
        let next = room.next();
        drop(room);
        self.begin(next);
        Entered::Waits(answered)
    }

    /// Begins a commit that counts as under way.
    fn begin(self: &Arc<Self>, batch: Option<Vec<Waiting>>) {
        if let Some(batch) = batch {
            let turn = Turn(Arc::clone(self));
            self.runtime.spawn(turn.together(batch));
        }
    }
}

/// A place among the commits that are under way: one follows the other in it. When it is given up the next one begins, if
/// anybody waits.
struct Turn(Arc<Commits>);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut room = self.0.room();
        room.under_way -= 1;
        let next = room.next();
        drop(room);
        self.0.begin(next);
    }
}

impl Turn {
    /// Stores a delivery that came while no commit was under way, by whoever brought it: to hand it to another task and wait
    /// for its answer would take longer than many a commit.
    async fn alone(self, incoming: &Incoming) -> Answer {
        let sessions = &self.0.sessions;
        let stored = async {
            // One that is not given back, because whoever sent this hung up, is not used again.
            let mut session = Unfinished::of(sessions.take().await?);
            let mut receipt = store_by(session.get(), incoming).await;
            if matches!(receipt, Err(StoreError::Contended(_))) {
                // Whoever was in the way is through by now.
                receipt = store_by(session.get(), incoming).await;
            }
            if !matches!(receipt, Err(StoreError::Unavailable(_))) {
                sessions.keep(session.finish());
            }
            receipt
        };
        answer_alone(stored.await)
    }

    /// Stores a batch, and after it whatever came meanwhile, for as long as anything does.
    async fn together(self, batch: Vec<Waiting>) {
        let (mut next, mut untold) = (Some(batch), Vec::new());
        while let Some(batch) = next {
            // A panic, which would be a bug, is that of this batch alone.
            let work = AssertUnwindSafe(commit(&self.0, batch)).catch_unwind();
            let mut work = pin!(work);
            // As far as its statement, on which the database works while the batch before it is told. The other way round
            // those who are told take the processor that the database was to work on.
            let ended = poll!(&mut work);
            tell(untold);
            let ended = match ended {
                Poll::Ready(ended) => ended,
                Poll::Pending => work.await,
            };
            untold = ended.unwrap_or_default();
            next = self.0.room().following();
        }
        drop(self);
        tell(untold);
    }
}

/// Whoever is stored and not yet told, and what they are to be told.
type Untold = Vec<(Waiting, Receipt)>;

fn tell(untold: Untold) {
    for (one, receipt) in untold {
        one.tell(Ok(receipt));
    }
}

/// Stores a batch and answers everyone in it but those that it returns. The session is kept, if it still serves.
async fn commit(commits: &Commits, batch: Vec<Waiting>) -> Untold {
    let sessions = &commits.sessions;
    let mut session = match sessions.take().await {
        Ok(session) => session,
        Err(error) => {
            turn_away(batch, &error);
            return Untold::new();
        }
    };
    match store_all(&mut session, batch, &commits.copies).await {
        Ok(stored) => {
            sessions.keep(session);
            return stored;
        }
        Err(Failed::Away) => session.close_on_drop(),
        Err(Failed::Refused(left)) => {
            sessions.keep(session);
            each_alone(sessions.pool(), left).await;
        }
    }
    Untold::new()
}

async fn store_all(
    session: &mut Session,
    batch: Vec<Waiting>,
    copies: &Copies,
) -> Result<Untold, Failed> {
    let (stored, left) = store_new(session, batch, copies).await?;
    if left.is_empty() {
        return Ok(stored);
    }
    tell(stored);
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

/// Stores what is new. What is left needs a closer look.
async fn store_new(
    session: &mut Session,
    batch: Vec<Waiting>,
    copies: &Copies,
) -> Result<(Untold, Vec<Waiting>), Failed> {
    let incoming: Vec<&Incoming> = batch.iter().map(|one| &*one.incoming).collect();
    let receipts = match receipt::store_new(session, &incoming, copies).await {
        Ok(receipts) => receipts,
        Err(error) => return Err(Failed::of(&error, batch)),
    };
    let (mut stored, mut left) = (Untold::with_capacity(batch.len()), Vec::new());
    for (one, receipt) in batch.into_iter().zip(receipts) {
        match receipt {
            Some(receipt) => stored.push((one, receipt)),
            None => left.push(one),
        }
    }
    Ok((stored, left))
}

/// Settles what was left.
async fn settle(session: &mut Session, left: Vec<Waiting>) -> Result<Untold, Failed> {
    let incoming: Vec<&Incoming> = left.iter().map(|one| &*one.incoming).collect();
    match receipt::settle(session, &incoming).await {
        Ok(receipts) => Ok(left.into_iter().zip(receipts).collect()),
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

async fn alone(pool: &PgPool, incoming: &Incoming) -> Answer {
    let stored = async { store_by(&mut *pool.acquire().await?, incoming).await };
    answer_alone(stored.await)
}

/// What is answered to a delivery that was tried by itself.
fn answer_alone(stored: Result<Option<Receipt>, StoreError>) -> Answer {
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
    let stored = receipt::store_one(session, incoming).await?;
    if stored.is_some() {
        return Ok(stored);
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
        assert_eq!(in_the_room(&receiver.0), (0, 0));
    }

    fn away() -> Arc<Commits> {
        let pool = store::pool("postgres://nobody@127.0.0.1:1/nothing", 2, Duration::ZERO);
        Arc::new(Commits::over(pool.unwrap()))
    }

    /// Lets so many more come, none of whom is alone.
    fn come(commits: &Arc<Commits>, many: usize) -> Vec<oneshot::Receiver<Answer>> {
        let each = (0..many).map(|number| match commits.enter(incoming(number)) {
            Entered::Waits(answered) => answered,
            Entered::Alone(..) | Entered::SentAway => panic!("it does not wait"),
        });
        each.collect()
    }

    fn in_the_room(commits: &Commits) -> (usize, usize) {
        let room = commits.room();
        (room.under_way, room.waiting.len())
    }

    #[tokio::test]
    async fn a_second_commit_begins_beside_the_first_once_many_wait() {
        let commits = away();
        let first = commits.enter(incoming(0));
        assert!(matches!(first, Entered::Alone(..)));
        let _waiting = come(&commits, DEEP - 1);
        assert_eq!(in_the_room(&commits), (1, DEEP - 1));
        let _waiting = come(&commits, 1);
        assert_eq!(in_the_room(&commits), (2, 0));
        let _waiting = come(&commits, 10 * DEEP);
        assert_eq!(in_the_room(&commits), (2, 10 * DEEP), "and no third one");
    }

    #[tokio::test]
    async fn a_commit_follows_on_one_as_one_would_begin_beside_the_others() {
        let commits = away();
        let _first = commits.enter(incoming(0));
        assert!(commits.room().following().is_none(), "nobody waits");
        let _waiting = come(&commits, DEEP - 1);
        let following = commits.room().following();
        assert_eq!(following.map(|batch| batch.len()), Some(DEEP - 1));
        assert_eq!(in_the_room(&commits), (1, 0));

        commits.room().under_way = 2;
        let _waiting = come(&commits, DEEP - 1);
        assert!(commits.room().following().is_none(), "too few for a second");
        let _waiting = come(&commits, 1);
        let following = commits.room().following();
        assert_eq!(following.map(|batch| batch.len()), Some(DEEP));
        assert_eq!(in_the_room(&commits), (2, 0));
    }

    #[tokio::test]
    async fn whoever_came_during_a_commit_goes_into_the_next_one_and_is_answered() {
        let commits = away();
        let first = commits.enter(incoming(0));
        let waiting = come(&commits, 3);
        drop(first);
        assert_eq!(in_the_room(&commits), (1, 0));
        for answer in join_all(waiting).await {
            assert_eq!(answer.unwrap(), Err(NotStored::DatabaseAway));
        }
        let next = commits.enter(incoming(4));
        assert!(matches!(next, Entered::Alone(..)), "the way is free");
    }

    #[tokio::test]
    async fn no_commit_is_larger_than_it_may_be() {
        let commits = away();
        let first = commits.enter(incoming(0));
        commits.room().under_way = 2;
        let _waiting = come(&commits, BATCH + 1);
        drop(first);
        assert_eq!(in_the_room(&commits), (2, 1));
    }

    #[test]
    fn a_server_that_goes_down_leaves_nobody_without_an_answer() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let commits = runtime.block_on(async { away() });
        let first = commits.enter(incoming(0));
        let waiting = come(&commits, DEEP - 1);
        runtime.shutdown_background();
        drop(first);
        for answer in waiting {
            assert!(answer.blocking_recv().is_err(), "it is hung up on");
        }
        assert_eq!(in_the_room(&commits), (0, 0));
    }

    #[tokio::test]
    async fn what_waits_is_not_shown() {
        let commits = away();
        let _first = commits.enter(incoming(0));
        let _waiting = come(&commits, 2);
        let shown = format!("{commits:?}");
        assert!(shown.contains("waiting: 2"), "{shown}");
        assert!(!shown.contains("msg_"), "{shown}");
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
