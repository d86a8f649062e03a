//! The waiting room in front of the inbox. Deliveries that arrive while the last commit is under way go into the next
//! one, together; nobody waits for a timer. A request is answered only after its commit.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, StreamExt, future::join_all, stream::FuturesUnordered};
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tokio::sync::{mpsc, oneshot};

use crate::store::{
    StoreError,
    receipt::{self, Incoming, Receipt},
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
}

impl Receiver {
    /// Starts the receiver on a pool of its own. It ends when its last clone is dropped and everyone has been answered.
    pub fn start(pool: PgPool) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_ROOM);
        tokio::spawn(serve(pool, queue));
        Self { waiting }
    }

    /// Stores a delivery, and answers once that is committed.
    pub async fn store(&self, incoming: Box<Incoming>) -> Result<Receipt, NotStored> {
        let (answer, answered) = oneshot::channel();
        self.waiting
            .try_send(Waiting { incoming, answer })
            .map_err(|_| NotStored::Full)?;
        answered.await.unwrap_or(Err(NotStored::Full))
    }
}

/// How often it is looked whether the database sessions at hand were used: those that were not go back to the pool. It
/// asks a session whether it still lives before it hands it out and when it gets it back: a round trip each, which under
/// load nobody should wait for.
const AT_HAND: Duration = Duration::from_secs(1);

type Session = PoolConnection<Postgres>;

async fn serve(pool: PgPool, mut queue: mpsc::Receiver<Waiting>) {
    let mut gathered = Vec::with_capacity(BATCH);
    // Driven from here and not by tasks of their own: whoever waits for a commit should not wait for tasks to wake each
    // other as well.
    let mut commits = FuturesUnordered::new();
    let mut at_hand: Vec<Session> = Vec::new();
    let mut was_used = false;
    let mut rest = Box::pin(past(AT_HAND));
    let mut open = true;
    while open || !gathered.is_empty() || !commits.is_empty() {
        let room = BATCH - gathered.len();
        let is_idle = commits.is_empty() && !at_hand.is_empty();
        tokio::select! {
            taken = queue.recv_many(&mut gathered, room), if open && room > 0 => open = taken > 0,
            Some(session) = commits.next(), if !commits.is_empty() => at_hand.extend(session),
            () = &mut rest, if is_idle => {
                if !was_used {
                    at_hand.clear();
                }
                was_used = false;
                rest.set(past(AT_HAND));
            }
        }
        let enough = match commits.len() {
            0 => 1,
            1 => DEEP,
            _ => usize::MAX,
        };
        if gathered.len() >= enough {
            let batch = std::mem::replace(&mut gathered, Vec::with_capacity(BATCH));
            was_used = true;
            commits.push(commit_apart(&pool, at_hand.pop(), batch));
        }
    }
}

/// Returns after `duration`, in real time: a socket that stands open knows no other.
async fn past(duration: Duration) {
    let _ = tokio::time::timeout(duration, std::future::pending::<()>()).await;
}

/// Commits a batch. A panic, which would be a bug, is that of this batch alone.
async fn commit_apart(
    pool: &PgPool,
    session: Option<Session>,
    batch: Vec<Waiting>,
) -> Option<Session> {
    let commit = AssertUnwindSafe(commit(pool, session, batch));
    commit.catch_unwind().await.ok().flatten()
}

/// Stores a batch and answers everyone in it. Gives back the session, if it still serves.
async fn commit(pool: &PgPool, session: Option<Session>, batch: Vec<Waiting>) -> Option<Session> {
    let mut session = match session {
        Some(session) => session,
        None => match pool.acquire().await {
            Ok(session) => session,
            Err(error) => {
                turn_away(batch, &error.into());
                return None;
            }
        },
    };
    let left = match store_new(&mut session, batch).await {
        Ok(left) => left,
        Err(Failed::Away) => return drop_broken(session),
        Err(Failed::Refused(batch)) => {
            each_alone(pool, batch).await;
            return Some(session);
        }
    };
    if left.is_empty() {
        return Some(session);
    }
    match settle(&mut session, left).await {
        Ok(()) => Some(session),
        Err(Failed::Away) => drop_broken(session),
        Err(Failed::Refused(left)) => {
            each_alone(pool, left).await;
            Some(session)
        }
    }
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

/// A session that failed is not used again.
fn drop_broken(mut session: Session) -> Option<Session> {
    session.close_on_drop();
    None
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
    match store_alone(pool, incoming).await {
        Ok(receipt) => receipt.ok_or(NotStored::Refused),
        Err(StoreError::Unavailable(_) | StoreError::Contended(_)) => Err(NotStored::DatabaseAway),
        Err(StoreError::Gone(_)) => Err(NotStored::NoSuchConnection),
        Err(error) => {
            tracing::error!("a delivery was refused by the database: {error}");
            Err(NotStored::Refused)
        }
    }
}

async fn store_alone(pool: &PgPool, incoming: &Incoming) -> Result<Option<Receipt>, StoreError> {
    let mut session = pool.acquire().await?;
    let stored = receipt::store_new(&mut session, &[incoming]).await?;
    if let [Some(receipt)] = stored[..] {
        return Ok(Some(receipt));
    }
    let settled = receipt::settle(&mut session, &[incoming]).await?;
    Ok(settled.first().copied())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Bytes;

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
