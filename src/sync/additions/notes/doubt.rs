//! A note whose answer was lost: looked for before it is written again. Ashby takes the same note twice, and tells nobody.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Done, Noting};
use crate::{
    ashby::{AshbyError, Disposition, Note},
    ids::NoteId,
    plan::notes::Gist,
    store::{
        self, StoreError,
        note::{Intended, Open},
    },
    sync::{
        apply::Interrupted,
        doubt::{GIVEN_UP_AT_MOST, SHOWS_WITHIN},
        lease::Stop,
    },
};

/// How exactly Ashby keeps the time that a note was sent with: to the second, should it drop the fractions.
const DATED_WITHIN: TimeDelta = TimeDelta::seconds(1);

/// What looking for a note showed.
pub(super) enum Looked {
    /// What became of it.
    Settled(Done),
    /// It is taken not to have been written: it may be tried again.
    NotWritten,
}

impl Noting<'_> {
    /// Looks right after the answer was lost.
    pub(super) async fn look_at_once(
        &self,
        note: &Open,
        content_hash: String,
        at: DateTime<Utc>,
    ) -> Result<Done, Interrupted> {
        let intended = Intended {
            at,
            content_hash,
            looked_for_since: None,
            is_undecided: false,
        };
        match self.look_into(note, &intended).await? {
            Looked::Settled(done) => Ok(done),
            Looked::NotWritten => Ok(Done::InDoubt(at)),
        }
    }

    /// Looks for a note that may have been written, and keeps what was found.
    pub(super) async fn look_into(
        &self,
        note: &Open,
        intended: &Intended,
    ) -> Result<Looked, Interrupted> {
        let (pool, prospect) = (&self.scene.sync.pool, self.case.prospect.id);
        let since = if let Some(since) = intended.looked_for_since {
            since
        } else {
            let now = self.scene.sync.clock.now();
            store::note::looked_for(pool, prospect, &note.key, now).await?
        };
        let asked_at = self.scene.sync.clock.now();
        let looked_for = asked_at - since;
        let is_seen = match self.look(note, intended).await {
            Ok(found) => found,
            Err(Unseen::Ashby(error)) => {
                let is_long = looked_for > self.scene.ask_after;
                return self.unseen(&error, note, intended, is_long).await;
            }
            Err(Unseen::By(interrupted)) => return Err(interrupted),
        };
        if let Some(found) = is_seen {
            self.written(&note.key, &found).await?;
            return Ok(Looked::Settled(Done::Written));
        }
        if intended.is_undecided {
            return Ok(Looked::Settled(Done::Undecided(intended.at)));
        }
        if looked_for <= SHOWS_WITHIN {
            return Ok(Looked::Settled(Done::InDoubt(intended.at)));
        }
        if note.given_up >= GIVEN_UP_AT_MOST {
            return self.ask(note, intended).await;
        }
        let mut tx = self.scene.fenced().await?;
        store::note::give_up(&mut tx, prospect, &note.key).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Looked::NotWritten)
    }

    /// Ashby did not show the notes. Somebody is asked once that goes on for long.
    async fn unseen(
        &self,
        error: &AshbyError,
        note: &Open,
        intended: &Intended,
        is_long: bool,
    ) -> Result<Looked, Interrupted> {
        match error.disposition() {
            Disposition::Key { .. } => Err(Interrupted::By(Stop::Key(error.to_string()))),
            Disposition::Withheld => {
                self.hold().await?;
                Ok(Looked::Settled(Done::InDoubt(intended.at)))
            }
            _ if intended.is_undecided => Ok(Looked::Settled(Done::Undecided(intended.at))),
            _ if is_long => self.ask(note, intended).await,
            _ => Ok(Looked::Settled(Done::InDoubt(intended.at))),
        }
    }

    async fn ask(&self, note: &Open, intended: &Intended) -> Result<Looked, Interrupted> {
        let (pool, prospect) = (&self.scene.sync.pool, self.case.prospect.id);
        store::note::ask(pool, prospect, &note.key).await?;
        Ok(Looked::Settled(Done::Undecided(intended.at)))
    }

    /// The note in Ashby, if it is to be seen: of the same time and with the same letters, and upon nothing else.
    async fn look(&self, note: &Open, intended: &Intended) -> Result<Option<NoteId>, Unseen> {
        let is_dated = |kept: &Note| (kept.created_at - note.at).abs() < DATED_WITHIN;
        let mut found = self.ashby.notes(self.candidate, is_dated).await?;
        found.retain(|kept| self.says_it(kept, intended));
        if found.is_empty() {
            return Ok(None);
        }
        let ids: Vec<String> = found.iter().map(|kept| kept.id.0.clone()).collect();
        let (pool, connection) = (&self.scene.sync.pool, self.scene.connection);
        let known = store::note::known(pool, connection, &ids).await;
        let known = known.map_err(|error| Unseen::By(error.into()))?;
        let found = found.into_iter().map(|kept| kept.id);
        Ok(found.into_iter().find(|id| !known.contains(id)))
    }

    /// Whether a note says what was sent. Where Ashby does not give back what it says, its time has to do.
    fn says_it(&self, kept: &Note, intended: &Intended) -> bool {
        kept.content.as_ref().is_none_or(|content| {
            [Gist::of_html(content), Gist::of_text(content)]
                .iter()
                .any(|gist| self.hash(gist) == intended.content_hash)
        })
    }
}

/// Why the notes were not seen.
enum Unseen {
    /// Ashby did not show them.
    Ashby(AshbyError),
    /// The database.
    By(Interrupted),
}

impl From<AshbyError> for Unseen {
    fn from(error: AshbyError) -> Self {
        Self::Ashby(error)
    }
}
