//! What happened between the sourcer and the candidate: the part of a delivery that becomes a note.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{
    Field, MAX_ID, MAX_WORD,
    reader::Reader,
    vocabulary::{ActivityKind, Sentiment},
};

/// Length of the longest subject line, in characters.
const MAX_SUBJECT: usize = 1_000;
/// Length of the longest text, in characters.
const MAX_BODY: usize = 100_000;

/// A message, a call or a note.
#[derive(Clone, PartialEq, Eq)]
pub struct Activity {
    /// Dover's name for it; the same activity sent twice has the same.
    pub id: String,
    /// What kind of thing happened.
    pub kind: ActivityKind,
    /// When.
    pub at: DateTime<Utc>,
    /// The subject line.
    pub subject: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// How the candidate sounds.
    pub sentiment: Option<Sentiment>,
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activity")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Activity {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let id = reader.name(Field::ActivityId, MAX_ID);
        let kind = reader.name(Field::ActivityKind, MAX_WORD);
        let at = reader.required_moment(Field::ActivityAt);
        let subject = reader.owned_text(Field::ActivitySubject, MAX_SUBJECT);
        let body = reader.owned_text(Field::ActivityBody, MAX_BODY);
        let sentiment = sentiment(reader);
        Some(Self {
            id: id?.to_owned(),
            kind: ActivityKind::read(kind?),
            at: at?,
            subject,
            body,
            sentiment,
        })
    }
}

fn sentiment(reader: &mut Reader<'_, '_>) -> Option<Sentiment> {
    let said = reader.text(Field::ActivitySentiment, MAX_WORD)?;
    let sentiment = Sentiment::read(said);
    if sentiment.is_none() {
        reader.fault(
            Field::ActivitySentiment,
            "expected one of positive, neutral, negative",
        );
    }
    sentiment
}
