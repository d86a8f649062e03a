//! The closed vocabularies of the delivery contract, with the synonyms that Dover has used over the years. Case,
//! spaces, `_` and `-` do not matter; a word that is not here is kept as it was said and never guessed.

use std::fmt;

use crate::plan::says::{Stage, Status, Word};

const STAGES: [(&str, Stage); 8] = [
    ("newlead", Stage::NewLead),
    ("queued", Stage::NewLead),
    ("reachedout", Stage::ReachedOut),
    ("contacted", Stage::ReachedOut),
    ("replied", Stage::Replied),
    ("responded", Stage::Replied),
    ("interested", Stage::Interested),
    ("interviewing", Stage::Interviewing),
];

const STATUSES: [(&str, Status); 7] = [
    ("active", Status::Active),
    ("withdrew", Status::Withdrew),
    ("withdrawn", Status::Withdrew),
    ("rejected", Status::Rejected),
    ("hired", Status::Hired),
    ("snoozed", Status::Snoozed),
    ("notinterested", Status::NotInterested),
];

const SENTIMENTS: [(&str, Sentiment); 3] = [
    ("positive", Sentiment::Positive),
    ("neutral", Sentiment::Neutral),
    ("negative", Sentiment::Negative),
];

/// What kind of thing happened between the sourcer and the candidate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ActivityKind {
    /// The sourcer wrote.
    EmailSent,
    /// The candidate answered.
    EmailReplied,
    /// A message on LinkedIn.
    LinkedInMessage,
    /// A call.
    Call,
    /// A note.
    Note,
    /// Something else, as it was said.
    Other(String),
}

impl ActivityKind {
    const KNOWN: [Self; 5] = [
        Self::EmailSent,
        Self::EmailReplied,
        Self::LinkedInMessage,
        Self::Call,
        Self::Note,
    ];

    /// The word of the delivery contract, or the one that was said instead.
    pub fn word(&self) -> &str {
        match self {
            Self::EmailSent => "email_sent",
            Self::EmailReplied => "email_replied",
            Self::LinkedInMessage => "linkedin_message",
            Self::Call => "call",
            Self::Note => "note",
            Self::Other(word) => word,
        }
    }

    pub(super) fn read(said: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|kind| letters(said).eq(letters(kind.word())))
            .unwrap_or_else(|| Self::Other(said.to_owned()))
    }
}

impl fmt::Display for ActivityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a candidate's answer sounds, in Dover's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sentiment {
    /// Wants to hear more.
    Positive,
    /// Neither.
    Neutral,
    /// Does not.
    Negative,
}

impl Sentiment {
    /// The word of the delivery contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
        }
    }

    pub(super) fn read(said: &str) -> Option<Self> {
        find(&SENTIMENTS, said)
    }
}

/// A stage, whichever of its names was used.
pub fn stage(said: &str) -> Word<Stage> {
    word(&STAGES, said)
}

/// A status, whichever of its names was used.
pub fn status(said: &str) -> Word<Status> {
    word(&STATUSES, said)
}

fn word<T: Copy>(vocabulary: &[(&str, T)], said: &str) -> Word<T> {
    find(vocabulary, said).map_or_else(|| Word::Unknown(said.to_owned()), Word::Known)
}

fn find<T: Copy>(vocabulary: &[(&str, T)], said: &str) -> Option<T> {
    vocabulary
        .iter()
        .find(|(name, _)| letters(said).eq(name.chars()))
        .map(|(_, value)| *value)
}

/// What is left of a word when case and punctuation are taken away.
fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars()
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '_' | '-'))
        .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_stage_is_understood() {
        for (said, expected) in [
            ("new_lead", Stage::NewLead),
            ("New Lead", Stage::NewLead),
            ("newLead", Stage::NewLead),
            ("queued", Stage::NewLead),
            ("QUEUED", Stage::NewLead),
            ("reached_out", Stage::ReachedOut),
            ("Reached-Out", Stage::ReachedOut),
            ("contacted", Stage::ReachedOut),
            ("replied", Stage::Replied),
            ("Responded", Stage::Replied),
            (" interested ", Stage::Interested),
            ("interviewing", Stage::Interviewing),
            ("INTER VIEW-ING", Stage::Interviewing),
        ] {
            assert_eq!(stage(said), Word::Known(expected), "{said}");
        }
    }

    #[test]
    fn every_name_of_a_status_is_understood() {
        for (said, expected) in [
            ("active", Status::Active),
            ("withdrew", Status::Withdrew),
            ("Withdrawn", Status::Withdrew),
            ("rejected", Status::Rejected),
            ("hired", Status::Hired),
            ("snoozed", Status::Snoozed),
            ("not_interested", Status::NotInterested),
            ("Not Interested", Status::NotInterested),
            ("NOT-INTERESTED", Status::NotInterested),
        ] {
            assert_eq!(status(said), Word::Known(expected), "{said}");
        }
    }

    #[test]
    fn each_word_of_the_contract_reads_as_itself() {
        for (_, value) in STAGES {
            assert_eq!(stage(value.word()), Word::Known(value));
        }
        for (_, value) in STATUSES {
            assert_eq!(status(value.word()), Word::Known(value));
        }
        for (_, value) in SENTIMENTS {
            assert_eq!(Sentiment::read(value.word()), Some(value));
        }
        for kind in ActivityKind::KNOWN {
            assert_eq!(ActivityKind::read(&kind.word().to_uppercase()), kind);
        }
    }

    #[test]
    fn a_word_that_only_resembles_one_is_not_guessed() {
        for said in [
            "",
            "lead",
            "new_leads",
            "interview",
            "on site",
            "réplied",
            "_",
        ] {
            assert_eq!(stage(said), Word::Unknown(said.to_owned()));
            assert_eq!(status(said), Word::Unknown(said.to_owned()));
        }
        let sms = ActivityKind::read("sms_sent");
        assert_eq!(sms, ActivityKind::Other("sms_sent".to_owned()));
    }
}
