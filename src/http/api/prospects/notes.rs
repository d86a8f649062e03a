//! Notes upon what happened to a prospect, as an explanation shows them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::note::Shown;

/// A note that is owed, was written, or is not to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Note)]
pub struct NoteBody {
    /// What it is upon: `activity:` and Dover's id of it, or `deed:` and when the service did it.
    pub event: String,
    /// Of what kind that is, as the setting `notes.on` names it.
    pub kind: String,
    /// When it happened: the time that the note shows.
    pub happened_at: DateTime<Utc>,
    /// `owed`, `intended` (it is not known yet whether it was written), `written` or `dropped`.
    pub state: String,
    /// Its id in Ashby, once it is written.
    #[schema(required)]
    pub note_id: Option<String>,
    /// Why it is not written: `not-chosen`, `before-record`, `text-gone`, `nothing-to-say` or `vouched-for`.
    #[schema(required)]
    pub dropped_because: Option<String>,
}

impl NoteBody {
    pub(super) fn of(note: Shown) -> Self {
        Self {
            event: note.event,
            kind: note.kind,
            happened_at: note.happened_at,
            state: note.state,
            note_id: note.note_id.map(|id| id.0),
            dropped_because: note.dropped_because,
        }
    }
}
