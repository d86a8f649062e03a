//! Writes the notes that are owed to one prospect, each once: an intent, the call, the outcome. What is written upon, and
//! what it says, `plan::notes` decides.

mod doubt;
mod text;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use self::doubt::Looked;
use super::{Added, Record, hold, refused, unavailable};
use crate::{
    ashby::{AshbyClient, AshbyError, Disposition, NewNote},
    ids::{ApplicationId, CandidateId, LeaseToken, StageId},
    plan::{
        Action, Outcome, Plan, Reason,
        notes::{Dropped, Event, Gist, judge, may_be_noted},
        policy::Policy,
        settings::keys::NOTES_ON,
        situation::Person,
    },
    store::{
        self, StoreError,
        mirror::Seen,
        note::{EventKey, Open, OpenNotes, Progress, Source},
        prospect::Prospect,
    },
    sync::{
        SyncError,
        apply::Interrupted,
        gather::{Case, NOTES_AT_ONCE, Scene},
        lease::{Lease, Stop},
        look,
        person::untold,
    },
};

/// Notes that are written or looked for of one prospect in one flush. A long history goes over several, so that nobody else
/// waits for it.
const WRITTEN_AT_ONCE: usize = 20;

/// Whose notes are to be written, and where.
pub(in crate::sync) struct Noting<'a> {
    pub(super) scene: &'a Scene<'a>,
    ashby: &'a AshbyClient,
    lease: Option<&'a Arc<Lease>>,
    pub(super) case: &'a Case,
    /// Who they are in Ashby.
    pub(super) candidate: &'a CandidateId,
    /// Their application, where they have one.
    application: Option<&'a ApplicationId>,
    /// Whether the service made the application.
    is_made: bool,
    /// Whether something was just written that a note may be wanted upon.
    has_written: bool,
}

/// The writes of ours that notes are wanted upon.
fn deeds(policy: &Policy) -> Vec<Event> {
    let deeds = Event::ALL.into_iter().filter(|event| event.is_deed());
    deeds.filter(|event| policy.notes_on(*event)).collect()
}

/// Owes a note upon the write that was intended for a prospect at `at`, and was done, if one is wanted. Comes before the
/// intent is settled, in the same transaction. `to`: the stage of an application that was made.
pub(in crate::sync) async fn owe(
    scene: &Scene<'_>,
    tx: &mut PgConnection,
    prospect: &Prospect,
    at: DateTime<Utc>,
    to: Option<&StageId>,
) -> Result<(), StoreError> {
    let wanted = deeds(&scene.policies.of(prospect));
    owe_if(tx, prospect, at, to, &wanted, scene.sync.clock.now()).await
}

/// The same, of these kinds.
async fn owe_if(
    tx: &mut PgConnection,
    prospect: &Prospect,
    at: DateTime<Utc>,
    to: Option<&StageId>,
    wanted: &[Event],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    store::note::deed(tx, prospect.id, at, to, wanted, now).await
}

/// The same of a decision that is being kept.
pub(in crate::sync) async fn owe_decided(
    tx: &mut PgConnection,
    case: &Case,
    (seen, at): &(Seen, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let to = seen.standing.as_ref().map(|standing| &standing.stage);
    let wanted = deeds(&case.situation.policy);
    owe_if(tx, &case.prospect, *at, to, &wanted, now).await
}

fn is_begun(note: &Open) -> bool {
    note.progress != Progress::Owed
}

fn upon(event: Event) -> String {
    format!("a note upon {}", event.word())
}

/// What became of a note.
enum Done {
    /// Ashby has it.
    Written,
    /// It may have been written at this time, and cannot be seen yet.
    InDoubt(DateTime<Utc>),
    /// The same, and somebody has to say.
    Undecided(DateTime<Utc>),
    /// There is nothing to write.
    LetGo,
}

impl<'a> Noting<'a> {
    /// On the person of a record for the job.
    pub(super) fn of(record: &'a Record<'_>) -> Self {
        Self {
            scene: record.scene,
            ashby: record.ashby,
            lease: record.lease,
            case: record.case,
            candidate: &record.candidate,
            application: Some(&record.application),
            is_made: record.is_made || record.case.notes.made_at.is_some(),
            has_written: record.has_written,
        }
    }

    /// On somebody whom Ashby has and who is not on the job, where that may be and something is due.
    pub(super) fn person(
        scene: &'a Scene<'a>,
        ashby: &'a AshbyClient,
        lease: Option<&'a Arc<Lease>>,
        case: &'a Case,
        plan: &Plan,
    ) -> Option<Self> {
        let situation = &case.situation;
        let Person::Found {
            candidate,
            application: None,
        } = &situation.person
        else {
            return None;
        };
        let is_left_alone = plan.because.outcome() == Outcome::Skipped
            && !matches!(plan.because, Reason::RefusedByAdmin { .. });
        let noting = Self {
            scene,
            ashby,
            lease,
            case,
            candidate,
            application: None,
            is_made: false,
            has_written: false,
        };
        (is_left_alone && noting.is_due()).then_some(noting)
    }
}

impl Noting<'_> {
    /// Whether something may be owed.
    pub(super) fn is_due(&self) -> bool {
        let is_deed = || !deeds(&self.case.situation.policy).is_empty();
        let mut open = self.case.notes.notes.iter();
        if self.waits() {
            return open.any(is_begun);
        }
        open.next().is_some() || (self.has_written && is_deed())
    }

    /// Whether nothing new is begun until the trigger is reached.
    fn waits(&self) -> bool {
        let situation = &self.case.situation;
        let (dover, policy) = (&situation.dover, &situation.policy);
        !may_be_noted(&situation.person, dover, policy, self.is_made)
    }

    async fn hold(&self) -> Result<LeaseToken, Stop> {
        hold(self.lease).await
    }

    /// What would be written, in words: what is owed, and what is owed once `plan` was carried out.
    pub(super) fn foresee(&self, plan: &Plan) -> Added {
        let policy = &self.case.situation.policy;
        let open = &self.case.notes;
        let waits = self.waits();
        let due = open.notes.iter().filter(|note| {
            let is_due = || judge(note.event, note.at, open.made_at, policy).is_ok();
            is_begun(note) || !waits && is_due()
        });
        let deed = match plan.action() {
            Action::Create => Some(Event::Created),
            Action::Move => Some(Event::StageChanged),
            Action::Archive => Some(Event::Archived),
            Action::Update | Action::None => None,
        };
        let deed = deed.filter(|deed| self.has_written && !waits && policy.notes_on(*deed));
        let events = due.map(|note| note.event).chain(deed);
        Added::by(NOTES_ON, events.map(upon).collect())
    }

    /// Writes what is owed, oldest first.
    pub(super) async fn add(&self) -> Result<Added, Interrupted> {
        if !self.is_due() {
            return Ok(Added::default());
        }
        let open = self.open().await?;
        let is_more = open.notes.len() >= usize::try_from(NOTES_AT_ONCE).unwrap_or(usize::MAX);
        let mut is_first = !open.has_written;
        let due = self.let_go(open).await?;
        let is_more = is_more || due.len() > WRITTEN_AT_ONCE;
        let mut written = Vec::new();
        let (mut in_doubt, mut undecided) = (None, None);
        for note in due.into_iter().take(WRITTEN_AT_ONCE) {
            match self.see_to(&note, is_first).await? {
                Done::Written => written.push(upon(note.event)),
                Done::InDoubt(since) => in_doubt = in_doubt.or(Some(since)),
                Done::Undecided(since) => undecided = undecided.or(Some(since)),
                Done::LetGo => continue,
            }
            is_first = false;
        }
        let waits = match (in_doubt, undecided) {
            (Some(since), _) => Some(Reason::NoteInDoubt { since }),
            _ if is_more => Some(Reason::NotesLeft {
                written: written.len(),
            }),
            (None, since) => since.map(|since| Reason::NoteUndecided { since }),
        };
        Ok(Added {
            waits,
            ..Added::by(NOTES_ON, written)
        })
    }

    /// What is open, with what was just done.
    async fn open(&self) -> Result<OpenNotes, Interrupted> {
        if !self.has_written {
            return Ok(self.case.notes.clone());
        }
        let (pool, prospect) = (&self.scene.sync.pool, self.case.prospect.id);
        let open = store::note::open(pool, &[prospect], NOTES_AT_ONCE).await?;
        let open = open.into_iter().next();
        Ok(open.map(|(_, open)| open).unwrap_or_default())
    }

    /// Lets go of what is not to be written, and answers the rest.
    async fn let_go(&self, open: OpenNotes) -> Result<Vec<Open>, Interrupted> {
        let (policy, waits) = (&self.case.situation.policy, self.waits());
        let (mut due, mut dropped) = (Vec::new(), Vec::new());
        for note in open.notes {
            // What was begun is seen to its end.
            if is_begun(&note) {
                due.push(note);
                continue;
            }
            match judge(note.event, note.at, open.made_at, policy) {
                Err(why) => dropped.push((note.key, why)),
                Ok(()) if waits => {}
                Ok(()) => due.push(note),
            }
        }
        self.drop(&dropped).await?;
        Ok(due)
    }

    async fn drop(&self, notes: &[(EventKey, Dropped)]) -> Result<(), Interrupted> {
        if notes.is_empty() {
            return Ok(());
        }
        let (pool, prospect) = (&self.scene.sync.pool, self.case.prospect.id);
        Ok(store::note::drop_all(pool, prospect, notes).await?)
    }

    /// Sees to one note: looks for it where it may have been written, else writes it.
    async fn see_to(&self, note: &Open, is_first: bool) -> Result<Done, Interrupted> {
        if let Progress::Intended(intended) = &note.progress {
            match self.look_into(note, intended).await? {
                Looked::Settled(done) => return Ok(done),
                Looked::NotWritten => {}
            }
        }
        self.write(note, is_first).await
    }

    async fn write(&self, note: &Open, is_first: bool) -> Result<Done, Interrupted> {
        let html = match self.html(note, is_first).await? {
            Ok(html) => html,
            Err(why) => {
                self.drop(&[(note.key.clone(), why)]).await?;
                return Ok(Done::LetGo);
            }
        };
        let content_hash = self.hash(&Gist::of_html(&html));
        let lease = self.hold().await?;
        let intended_at = self.scene.sync.clock.now();
        let intent = store::note::intend(
            &self.scene.sync.pool,
            self.scene.connection,
            lease,
            self.case.prospect.id,
            &note.key,
            &content_hash,
            intended_at,
        );
        match intent.await {
            Ok(()) => {}
            // Told anew meanwhile, or the person was erased: then it is decided again.
            Err(StoreError::Gone(_)) => return Ok(Done::LetGo),
            Err(error) => return Err(error.into()),
        }
        let new = NewNote {
            candidate: self.candidate.clone(),
            html,
            created_at: note.at,
        };
        match self.ashby.create_note(&new).await {
            Ok(kept) => {
                self.written(&note.key, &kept.id).await?;
                Ok(Done::Written)
            }
            Err(error) => self.failed(error, note, content_hash, intended_at).await,
        }
    }

    /// What became of a call that failed.
    async fn failed(
        &self,
        error: AshbyError,
        note: &Open,
        content_hash: String,
        intended_at: DateTime<Utc>,
    ) -> Result<Done, Interrupted> {
        let disposition = error.disposition();
        if disposition == Disposition::InDoubt {
            return self.look_at_once(note, content_hash, intended_at).await;
        }
        let (pool, prospect) = (&self.scene.sync.pool, self.case.prospect.id);
        store::note::unsent(pool, prospect, &note.key, intended_at).await?;
        match disposition {
            Disposition::Key { .. } => Err(Interrupted::By(Stop::Key(error.to_string()))),
            Disposition::Permanent => Err(self.refused(error).await?),
            Disposition::Withheld => {
                self.hold().await?;
                Err(unavailable(&error))
            }
            Disposition::Transient | Disposition::InDoubt => Err(unavailable(&error)),
        }
    }

    /// Ashby said no for good. Somebody who is gone may have been merged: their application tells.
    async fn refused(&self, error: AshbyError) -> Result<Interrupted, Interrupted> {
        let (sync, connection) = (self.scene.sync, self.scene.connection);
        if error.code.as_deref() != Some("candidate_not_found") {
            return Ok(refused(error));
        }
        let Some(application) = self.application else {
            let gone = std::slice::from_ref(&self.candidate.0);
            store::mirror::forget_candidates(&sync.pool, connection, gone).await?;
            return Ok(unavailable(&error));
        };
        match look::look_at(sync, connection, self.ashby, application).await {
            Ok(None) => Ok(Interrupted::For(Reason::GoneFromAshby)),
            Ok(Some(_)) => Ok(unavailable(&error)),
            Err(SyncError::Ashby(error)) => Ok(Interrupted::For(untold(error)?.into())),
            Err(error) => Err(error.into()),
        }
    }

    async fn written(&self, key: &EventKey, note: &crate::ids::NoteId) -> Result<(), Interrupted> {
        let mut tx = self.scene.fenced().await?;
        store::note::written(&mut tx, self.case.prospect.id, key, note).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// What it says, or why nothing. The first one also says what has no place among the fields of the candidate.
    async fn html(
        &self,
        note: &Open,
        is_first: bool,
    ) -> Result<Result<String, Dropped>, Interrupted> {
        let said = match &note.source {
            Source::Delivery(delivery) => self.told(*delivery).await?.map(text::Said::Activity),
            Source::Deed(deed) => Some(text::Said::Deed(deed)),
        };
        Ok(match said {
            None => Err(Dropped::TextGone),
            Some(said) => {
                let lines = if is_first {
                    self.without_place().await?
                } else {
                    Vec::new()
                };
                text::html(self, note, &said, &lines).ok_or(Dropped::NothingToSay)
            }
        })
    }

    /// By what a note is known again: nobody can read it off what is kept.
    fn hash(&self, gist: &Gist) -> String {
        self.scene.sync.vault.fingerprint(gist.as_str())
    }
}
