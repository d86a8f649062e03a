//! The second half of rule 14: which events become a note on a person in Ashby, and what it says. Everything that Dover
//! writes is text here, whatever it looks like.

mod gist;
mod render;
mod template;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use gist::Gist;
pub use render::{MAX_TEXT, Values, render};
pub use template::{ELEMENTS, MAX_TEMPLATE, Template, TemplateFault, Variable};

use super::{policy::Policy, says::DoverSays, situation::Person};

/// Something that a note can be written upon: what happened in Dover between the sourcer and the candidate, and what the
/// service did in Ashby because of Dover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The sourcer wrote.
    EmailSent,
    /// The candidate answered.
    EmailReplied,
    /// A message on LinkedIn.
    LinkedInMessage,
    /// A call.
    Call,
    /// A note in Dover.
    Note,
    /// The application was moved.
    StageChanged,
    /// The application was archived.
    Archived,
    /// The application was made.
    Created,
}

impl Event {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::EmailSent,
        Self::EmailReplied,
        Self::LinkedInMessage,
        Self::Call,
        Self::Note,
        Self::StageChanged,
        Self::Archived,
        Self::Created,
    ];

    /// Their words, as the settings name them.
    pub const WORDS: [&'static str; 8] = [
        Self::ALL[0].word(),
        Self::ALL[1].word(),
        Self::ALL[2].word(),
        Self::ALL[3].word(),
        Self::ALL[4].word(),
        Self::ALL[5].word(),
        Self::ALL[6].word(),
        Self::ALL[7].word(),
    ];

    /// Its word; of an activity the one of the delivery contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::EmailSent => "email_sent",
            Self::EmailReplied => "email_replied",
            Self::LinkedInMessage => "linkedin_message",
            Self::Call => "call",
            Self::Note => "note",
            Self::StageChanged => "stage_changed",
            Self::Archived => "archived",
            Self::Created => "created",
        }
    }

    /// The event of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.word() == word)
    }

    /// The event of a kind of activity. What the service does is none that Dover could tell of.
    pub fn of_activity(word: &str) -> Option<Self> {
        Self::parse(word).filter(|event| !event.is_deed())
    }

    /// Whether it is something that the service does.
    pub const fn is_deed(self) -> bool {
        matches!(self, Self::StageChanged | Self::Archived | Self::Created)
    }

    /// What happened, as the variable `kind` says it.
    pub const fn said(self) -> &'static str {
        match self {
            Self::EmailSent => "E-mail sent (Dover)",
            Self::EmailReplied => "E-mail received (Dover)",
            Self::LinkedInMessage => "LinkedIn message (Dover)",
            Self::Call => "Call (Dover)",
            Self::Note => "Note (Dover)",
            Self::StageChanged => "Moved (Dover)",
            Self::Archived => "Archived (Dover)",
            Self::Created => "Added (Dover)",
        }
    }

    /// What a note upon it says where no setting says otherwise. Of the elements that Ashby keeps only `pre` keeps the lines
    /// of a text apart.
    pub const fn usual_template(self) -> &'static str {
        match self {
            Self::EmailSent | Self::LinkedInMessage | Self::Call | Self::Note => {
                "<b>{{kind}}</b> <i>{{subject}}</i><pre>{{body}}</pre>"
            }
            Self::EmailReplied => {
                "<b>{{kind}}</b> <i>{{subject}}</i> <code>{{sentiment}}</code><pre>{{body}}</pre>"
            }
            Self::StageChanged => "<b>{{kind}}</b> from <i>{{from}}</i> to <i>{{to}}</i>",
            Self::Archived => "<b>{{kind}}</b> with the reason <i>{{reason}}</i>",
            Self::Created => "<b>{{kind}}</b> at <i>{{to}}</i>",
        }
    }
}

/// Why no note is written upon an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The setting `notes.on` does not name it.
    NotChosen,
    /// It happened before the application was made, and the setting `notes.backfill` is off.
    BeforeRecord,
    /// What was said is no longer kept.
    TextGone,
    /// By its template there is nothing to say.
    NothingToSay,
    /// It was not to be seen whether it was written, and somebody said that nothing more is to be done.
    VouchedFor,
}

impl Dropped {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotChosen => "not-chosen",
            Self::BeforeRecord => "before-record",
            Self::TextGone => "text-gone",
            Self::NothingToSay => "nothing-to-say",
            Self::VouchedFor => "vouched-for",
        }
    }
}

/// Whether a note is to be written upon an event that happened at `at`. `made_at`: when the service made the application;
/// none where it was in Ashby before.
pub fn judge(
    event: Event,
    at: DateTime<Utc>,
    made_at: Option<DateTime<Utc>>,
    policy: &Policy,
) -> Result<(), Dropped> {
    if !policy.notes_on(event) {
        return Err(Dropped::NotChosen);
    }
    let is_before = !event.is_deed() && made_at.is_some_and(|made_at| at < made_at);
    if is_before && !policy.backfills_notes() {
        return Err(Dropped::BeforeRecord);
    }
    Ok(())
}

/// Whether notes may be written on somebody at all: on whom the service is linked to, and on whom Ashby had before.
///
/// With `notes.only_synced` a record that the service has not made gets none until the trigger is reached; with
/// `sync.only_synced` one that it is not linked to either. `is_made`: the service made the application.
pub fn may_be_noted(person: &Person, dover: &DoverSays, policy: &Policy, is_made: bool) -> bool {
    let waits = match person {
        _ if is_made => false,
        Person::Linked(_) => policy.notes_only_synced(),
        Person::Found { .. } => policy.notes_only_synced() || policy.only_synced(),
        _ => return false,
    };
    !waits || policy.trigger().is_reached(dover)
}
