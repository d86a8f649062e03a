//! Notes on people: Ashby keeps each one that it is sent, also a second time, so that one whose answer was lost has to be
//! looked for before it is sent again.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{AshbyClient, AshbyError, ErrorKind, Next, PageFrom, endpoint};
use crate::ids::{CandidateId, NoteId};

/// Pages of a person's notes that are read at most: ten thousand notes. Whoever has more is beyond looking through.
const PAGES: usize = 100;

/// A note, as Ashby keeps it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// The time that it shows: the one that it was sent with, where it was.
    pub created_at: DateTime<Utc>,
    /// What it says. Ashby's document does not promise it, nor in which form it comes back.
    #[serde(default)]
    pub content: Option<String>,
}

/// A note to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct NewNote {
    /// On whom.
    pub candidate: CandidateId,
    /// What it says, as HTML. Of elements Ashby keeps `b`, `i`, `u`, `a`, `ul`, `ol`, `li`, `code` and `pre`, and strips
    /// others.
    pub html: String,
    /// The time that it is to show, which may lie in the past.
    pub created_at: DateTime<Utc>,
}

impl AshbyClient {
    /// Writes a note on a person (`candidate.createNote`) and tells nobody of it by mail. Ashby writes always, also the same
    /// one again: look with [`AshbyClient::notes`] after [`Disposition::InDoubt`](super::Disposition::InDoubt).
    pub async fn create_note(&self, new: &NewNote) -> Result<Note, AshbyError> {
        let question = json!({
            "candidateId": new.candidate,
            "note": { "type": "text/html", "value": new.html },
            "createdAt": new.created_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "sendNotifications": false,
        });
        let answer = self
            .call(endpoint::CANDIDATE_CREATE_NOTE, &question)
            .await?;
        Ok(answer.results)
    }

    /// The notes on a person (`candidate.listNotes`) that `wanted` picks out, page by page through all of them.
    pub async fn notes(
        &self,
        candidate: &CandidateId,
        wanted: impl Fn(&Note) -> bool,
    ) -> Result<Vec<Note>, AshbyError> {
        let endpoint = endpoint::CANDIDATE_LIST_NOTES;
        let mut found = Vec::new();
        let mut from = PageFrom::Start;
        for _ in 0..PAGES {
            let page = self.page_about(endpoint, &from, candidate).await?;
            found.extend(page.items.into_iter().filter(|note| wanted(note)));
            match page.next {
                Next::More(cursor) => {
                    from = PageFrom::Cursor {
                        cursor,
                        since: None,
                    };
                }
                Next::Done(_) => return Ok(found),
            }
        }
        // A list that was not read to its end does not say that something is missing.
        let message = "the list of notes does not come to an end";
        Err(AshbyError::new(endpoint, ErrorKind::Unreadable, message))
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Note")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewNote")
            .field("candidate", &self.candidate)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_with_and_without_its_content() {
        let bare = json!({ "id": "n-1", "createdAt": "2026-11-20T09:00:00.123Z", "isPrivate": false, "author": {} });
        let bare: Note = serde_json::from_value(bare).unwrap();
        assert_eq!(bare.content, None);
        assert_eq!(bare.created_at.timestamp_subsec_millis(), 123);
    }

    #[test]
    fn what_a_note_says_is_in_no_log() {
        let new = NewNote {
            candidate: "c-1".into(),
            html: "<b>Hello</b>".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
        };
        assert!(!format!("{new:?}").contains("Hello"));
    }
}
