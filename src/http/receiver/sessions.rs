//! The database sessions of the inbox. They are kept at hand while deliveries come: the pool asks a session whether it still
//! lives before it hands it out and when it gets it back, a round trip each, which under load nobody should wait for.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use sqlx::{PgPool, Postgres, pool::PoolConnection};

use crate::{
    clock::{Clock, SystemClock},
    store::StoreError,
};

/// How often it is looked whether the sessions at hand were used: those that were not go back to the pool.
const AT_HAND: Duration = Duration::from_secs(1);

/// A session out of the pool.
pub(super) type Session = PoolConnection<Postgres>;

/// The pool, and the sessions at hand.
#[derive(Debug)]
pub(super) struct Sessions {
    pool: PgPool,
    at_hand: Mutex<Vec<Session>>,
    was_used: AtomicBool,
}

impl Sessions {
    pub(super) fn of(pool: PgPool) -> Self {
        Self {
            pool,
            at_hand: Mutex::default(),
            was_used: AtomicBool::new(false),
        }
    }

    pub(super) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    fn at_hand(&self) -> MutexGuard<'_, Vec<Session>> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session that is at hand, or one of the pool's.
    pub(super) async fn take(&self) -> Result<Session, StoreError> {
        let at_hand = self.at_hand().pop();
        match at_hand {
            Some(session) => Ok(session),
            None => Ok(self.pool.acquire().await?),
        }
    }

    /// Keeps a session at hand.
    pub(super) fn keep(&self, session: Session) {
        self.was_used.store(true, SeqCst);
        self.at_hand().push(session);
    }

    /// Gives sessions back that nobody has used of late.
    fn rest(&self) {
        if !self.was_used.swap(false, SeqCst) {
            let unused = std::mem::take(&mut *self.at_hand());
            drop(unused);
        }
    }
}

/// Has unused sessions given back, for as long as there is anybody to use them.
pub(super) async fn rest_when_unused(sessions: Weak<Sessions>) {
    // In real time: a socket that stands open knows no other.
    SystemClock.sleep(AT_HAND).await;
    while let Some(sessions) = sessions.upgrade() {
        sessions.rest();
        drop(sessions);
        SystemClock.sleep(AT_HAND).await;
    }
}

/// A session in the middle of something: closed unless that is finished, for nobody can tell what it would answer next.
pub(super) struct Unfinished(Option<Session>);

impl Unfinished {
    pub(super) const fn of(session: Session) -> Self {
        Self(Some(session))
    }

    pub(super) fn get(&mut self) -> &mut Session {
        self.0.as_mut().expect("it is there until it is finished")
    }

    pub(super) fn finish(mut self) -> Session {
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
