//! Notes that are owed to people in Ashby and that were written: one an event of a prospect, whatever comes twice. Holds no
//! text: an activity is read from its delivery again when it is written.

mod keep;
mod write;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgExecutor, types::Json};
use uuid::Uuid;

pub use keep::{Told, deed, drop_all, fold, forget, hand_over, in_doubt, is_wanted};
pub use write::{
    Intended, ask, give_up, intend, known, looked_for, refute, unsent, vouch, written,
};

use super::StoreError;
use crate::{
    ids::{ArchiveReasonId, NoteId, ProspectId, StageId},
    plan::notes::Event,
};

/// What a note is upon: an activity or a deed of ours. Names it among those of its prospect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(pub(super) String);

impl EventKey {
    /// Of an activity, by Dover's id.
    pub fn activity(id: &str) -> Self {
        Self(format!("activity:{id}"))
    }

    /// It, to be shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the service did to an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Where it stood.
    #[serde(default)]
    pub from: Option<StageId>,
    /// Where it was left.
    #[serde(default)]
    pub to: Option<StageId>,
    /// Why it was archived.
    #[serde(default)]
    pub reason: Option<ArchiveReasonId>,
}

/// From where it is known what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A delivery tells it.
    Delivery(i64),
    /// The service did it.
    Deed(Deed),
}

/// How far a note is that is not done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is to be written.
    Owed,
    /// It was about to be written, and it is not known whether it was.
    Intended(Intended),
}

/// A note that is not done with.
#[derive(Clone, Debug)]
pub struct Open {
    /// What it is upon.
    pub key: EventKey,
    /// Of what kind that is.
    pub event: Event,
    /// When it happened: the time that the note shows.
    pub at: DateTime<Utc>,
    /// From where it is known.
    pub source: Source,
    /// How far it is.
    pub progress: Progress,
    /// How often it was taken not to have been written.
    pub given_up: i16,
}

/// What is open of a prospect.
#[derive(Clone, Debug, Default)]
pub struct OpenNotes {
    /// When the service made the application; none where it was in Ashby before.
    pub made_at: Option<DateTime<Utc>>,
    /// Whether one was written before.
    pub has_written: bool,
    /// The notes, of what happened first before others.
    pub notes: Vec<Open>,
}

/// The first `limit` open notes of each of these prospects.
pub async fn open(
    db: impl PgExecutor<'_>,
    prospects: &[ProspectId],
    limit: i64,
) -> Result<Vec<(ProspectId, OpenNotes)>, StoreError> {
    let ids: Vec<Uuid> = prospects.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        SELECT p.id AS prospect_id, p.application_made_at,
               EXISTS (SELECT FROM note w WHERE w.prospect_id = p.id AND w.state = 'written') AS "has_written!", n.event, n.kind, n.happened_at, n.delivery_id,
               n.deed AS "deed: Json<Deed>", n.intended_at, n.content_hash, n.looked_for_since, n.given_up, n.undecided
        FROM prospect p CROSS JOIN LATERAL (
            SELECT * FROM note WHERE prospect_id = p.id AND state IN ('owed', 'intended')
            ORDER BY happened_at, event LIMIT $2
        ) AS n
        WHERE p.id = ANY($1) ORDER BY p.id, n.happened_at, n.event
        "#,
        &ids,
        limit
    )
    .fetch_all(db)
    .await?;
    let mut all: Vec<(ProspectId, OpenNotes)> = Vec::new();
    for row in rows {
        let prospect: ProspectId = row.prospect_id.into();
        let source = match (row.delivery_id, row.deed) {
            (Some(delivery), _) => Source::Delivery(delivery),
            (None, Some(deed)) => Source::Deed(deed.0),
            (None, None) => return Err(unreadable("what it tells of", &row.event)),
        };
        let progress = match (row.intended_at, row.content_hash) {
            (Some(at), Some(content_hash)) => Progress::Intended(Intended {
                at,
                content_hash,
                looked_for_since: row.looked_for_since,
                is_undecided: row.undecided,
            }),
            _ => Progress::Owed,
        };
        let event = Event::parse(&row.kind).ok_or_else(|| unreadable("its kind", &row.kind))?;
        let note = Open {
            key: EventKey(row.event),
            event,
            at: row.happened_at,
            source,
            progress,
            given_up: row.given_up,
        };
        match all.last_mut() {
            Some((last, open)) if *last == prospect => open.notes.push(note),
            _ => all.push((
                prospect,
                OpenNotes {
                    made_at: row.application_made_at,
                    has_written: row.has_written,
                    notes: vec![note],
                },
            )),
        }
    }
    Ok(all)
}

fn unreadable(what: &str, detail: &str) -> StoreError {
    StoreError::Unreadable {
        what: "a note",
        detail: format!("{what}: {detail}"),
    }
}

/// A note as an explanation shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What it is upon.
    pub event: String,
    /// Of what kind that is.
    pub kind: String,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// How far it is: owed, intended, written or dropped.
    pub state: String,
    /// Its id in Ashby.
    pub note_id: Option<NoteId>,
    /// Why it is not written.
    pub dropped_because: Option<String>,
}

/// The latest `limit` notes of a prospect, latest first.
pub async fn latest(
    db: impl PgExecutor<'_>,
    prospect: ProspectId,
    limit: i64,
) -> Result<Vec<Shown>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT event, kind, happened_at, state, note_id, dropped_because FROM note
        WHERE prospect_id = $1 ORDER BY happened_at DESC, event DESC LIMIT $2
        "#,
        prospect.0,
        limit
    )
    .fetch_all(db)
    .await?;
    let shown = rows.into_iter().map(|row| Shown {
        event: row.event,
        kind: row.kind,
        happened_at: row.happened_at,
        state: row.state,
        note_id: row.note_id.map(NoteId),
        dropped_because: row.dropped_because,
    });
    Ok(shown.collect())
}
