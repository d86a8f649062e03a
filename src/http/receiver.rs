//! The waiting room in front of the inbox. Deliveries that arrive while the last commit is under way go into the next
//! one, together; nobody waits for a timer. A request is answered only after its commit.

use futures::future::join_all;
use sqlx::PgPool;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

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
    incoming: Incoming,
    answer: oneshot::Sender<Result<Receipt, NotStored>>,
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
    pub async fn store(&self, incoming: Incoming) -> Result<Receipt, NotStored> {
        let (answer, answered) = oneshot::channel();
        self.waiting
            .try_send(Waiting { incoming, answer })
            .map_err(|_| NotStored::Full)?;
        answered.await.unwrap_or(Err(NotStored::Full))
    }
}

async fn serve(pool: PgPool, mut queue: mpsc::Receiver<Waiting>) {
    let mut gathered = Vec::with_capacity(BATCH);
    let mut commits: JoinSet<()> = JoinSet::new();
    let mut open = true;
    while open || !gathered.is_empty() || !commits.is_empty() {
        let room = BATCH - gathered.len();
        tokio::select! {
            taken = queue.recv_many(&mut gathered, room), if open && room > 0 => open = taken > 0,
            Some(_) = commits.join_next(), if !commits.is_empty() => {}
        }
        let enough = match commits.len() {
            0 => 1,
            1 => DEEP,
            _ => usize::MAX,
        };
        if gathered.len() >= enough {
            let batch = std::mem::replace(&mut gathered, Vec::with_capacity(BATCH));
            commits.spawn(commit(pool.clone(), batch));
        }
    }
}

async fn commit(pool: PgPool, batch: Vec<Waiting>) {
    let (incoming, answers): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|one| (one.incoming, one.answer))
        .unzip();
    let results = match store(&pool, &incoming).await {
        Ok(receipts) => receipts.into_iter().map(Ok).collect(),
        Err(StoreError::Unavailable(error)) => {
            tracing::warn!("{} deliveries were not stored: {error}", incoming.len());
            vec![Err(NotStored::DatabaseAway); incoming.len()]
        }
        // One of them is at fault, or met another's: each by itself, so that it harms none of its neighbours.
        Err(_) => join_all(incoming.iter().map(|one| alone(&pool, one))).await,
    };
    for (answer, result) in answers.into_iter().zip(results) {
        // Whoever asked may have hung up; the delivery is stored all the same.
        let _ = answer.send(result);
    }
}

async fn store(pool: &PgPool, batch: &[Incoming]) -> Result<Vec<Receipt>, StoreError> {
    let mut session = pool.acquire().await?;
    receipt::receive(&mut session, batch).await
}

async fn alone(pool: &PgPool, incoming: &Incoming) -> Result<Receipt, NotStored> {
    match store(pool, std::slice::from_ref(incoming)).await {
        Ok(receipts) => receipts.first().copied().ok_or(NotStored::Refused),
        Err(StoreError::Unavailable(_) | StoreError::Contended(_)) => Err(NotStored::DatabaseAway),
        Err(error) if error.is_constraint("delivery_connection_id_fkey") => {
            Err(NotStored::NoSuchConnection)
        }
        Err(error) => {
            tracing::error!("a delivery was refused by the database: {error}");
            Err(NotStored::Refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Bytes;
    use futures::{FutureExt, stream::FuturesUnordered};

    use super::*;
    use crate::{ids::ConnectionId, store};

    fn incoming(number: usize) -> Incoming {
        Incoming {
            connection: ConnectionId::fresh(),
            sender: store::delivery::Sender::Dover,
            webhook_id: format!("msg_{number}"),
            body_hash: [0; 32],
            received_at: chrono::DateTime::UNIX_EPOCH,
            kind: None,
            about: None,
            ashby_candidate: None,
            told: None,
            headers: "{}".to_owned(),
            body: Bytes::new(),
            faults: None,
            keys: Vec::new(),
            is_erased: false,
        }
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
