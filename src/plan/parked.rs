//! What each kind of parked prospect waits for, who ends that, and how: a reason by its code, whatever its details.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reason::{API_KEYS_MENU, ARCHIVE_REASONS_MENU, PLANS_MENU, SOURCES_MENU};

/// What lets a parked prospect go on. Newer news and a resync always do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GoesOn {
    /// The flush that sees the cause gone.
    ByItself,
    /// Newer news from Dover.
    WithNews,
    /// Somebody's word: a resync, a replay or an answer.
    ByHand,
}

/// A kind of parked prospect.
#[derive(Clone, Copy, Debug)]
pub struct Parked {
    /// The code of the reason.
    pub code: &'static str,
    /// What it waits for.
    pub waits_for: &'static str,
    /// What to do; `None` where nobody has to do anything.
    pub remedy: Option<Remedy>,
    /// What lets it go on.
    pub goes_on: GoesOn,
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub enum Remedy {
    /// In words.
    Do(&'static str),
    /// In words, in Ashby under a menu.
    InAshby(&'static str, &'static str),
}

impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Do(what) => f.write_str(what),
            Self::InAshby(what, menu) => write!(f, "{what} in Ashby under {menu}."),
        }
    }
}

const fn parked(
    code: &'static str,
    waits_for: &'static str,
    remedy: Option<Remedy>,
    goes_on: GoesOn,
) -> Parked {
    Parked {
        code,
        waits_for,
        remedy,
        goes_on,
    }
}

use GoesOn::{ByHand, ByItself, WithNews};
use Remedy::{Do, InAshby};

/// Every kind.
#[rustfmt::skip]
pub const KINDS: &[Parked] = &[
    parked("job-not-registered", "the registration of its Dover job", Some(Do("Register the job, or leave it if it is not to be synced.")), ByItself),
    parked("job-not-open", "its job to be open in Ashby", Some(Do("Open the job in Ashby, or remove its registration.")), ByItself),
    parked("job-not-visible", "its job to be visible to the API key", Some(InAshby("Remove the registration of a job that was deleted, or allow the key confidential jobs", API_KEYS_MENU)), ByItself),
    parked("unknown-stage", "a stage that is known", Some(Do("Have the sender use a stage of the contract.")), WithNews),
    parked("unknown-status", "a status that is known", Some(Do("Have the sender use a status of the contract.")), WithNews),
    parked("ambiguous-identity", "one match instead of several in Ashby", Some(Do("Merge the candidates in Ashby, or correct the address in Dover.")), ByItself),
    parked("mandatory-field-missing", "a name, and an e-mail address or a LinkedIn profile", Some(Do("Add what is missing in Dover.")), WithNews),
    parked("learning-ashby", "Ashby's candidates to be read for the first time", None, ByItself),
    parked("create-in-doubt", "the outcome of a create whose answer was lost", None, ByItself),
    parked("create-undecided", "somebody's word: whether a create whose answer was lost was done cannot be told", Some(Do("Look in Ashby for what the sentence of the prospect names, and answer as it says.")), ByHand),
    parked("stage-not-mapped", "a stage in the job's interview plan", Some(InAshby("Add the Lead stages, one of type Active and one of type Archived", PLANS_MENU)), ByItself),
    parked("mapped-stage-gone", "a setting to name a stage that the job's interview plan has", Some(Do("Set another stage for what the sentence of the prospect names, in the settings of the job.")), ByItself),
    parked("stage-not-in-plan", "the application to stand in its job's interview plan", Some(Do("Move it to a stage of that plan in Ashby, or leave it where it is.")), ByItself),
    parked("unclear-in-ashby", "Ashby to show the application in a stage, in a status that we know", Some(Do("Look at it in Ashby; if it is a new status of Ashby's, upgrade.")), ByItself),
    parked("source-missing", "the source Dover", Some(InAshby("Add the source Dover, of type Sourced,", SOURCES_MENU)), ByItself),
    parked("source-ambiguous", "a single source Dover", Some(InAshby("Keep one source Dover of type Sourced and archive the others", SOURCES_MENU)), ByItself),
    parked("archive-reason-missing", "an archive reason", Some(InAshby("Add Withdrew in Dover and Rejected in Dover, spelt exactly so,", ARCHIVE_REASONS_MENU)), ByItself),
    parked("gone-from-ashby", "somebody who asks for it to be made again", Some(Do("Nothing if the deletion was meant; else resync it.")), ByHand),
    parked("field-option-unknown", "an option of a field in Ashby that Dover's value names", Some(Do("Add the option in Ashby, or change the field map or what Dover says, as the sentence of the prospect names it.")), ByItself),
    parked("field-gone", "a field of the field map to be there again", Some(Do("Restore the field in Ashby, or map the variable to another one.")), ByItself),
    parked("field-misfit", "a value in Dover that fits its field in Ashby", Some(Do("Correct the value in Dover, or change the field map.")), ByItself),
    parked("refused-by-ashby", "the cause of Ashby's refusal to be mended", Some(Do("Mend what the sentence of the prospect names, then resync or replay it.")), ByHand),
    parked("note-undecided", "somebody's word: whether a note whose answer was lost was written cannot be told", Some(Do("Look at the notes of the candidate in Ashby, and answer as the sentence of the prospect says.")), ByHand),
    parked("shadow", "its job to go live: in shadow everything is decided and nothing is written", Some(Do("Set the mode of the job to live once its decisions are as they should be.")), ByItself),
    parked("held-by-brake", "an answer: its job's part of a flush would do unusually much", Some(Do("Look at the flush that asked, and approve or refuse.")), ByHand),
];

/// The kind of that code.
pub fn kind(code: &str) -> Option<&'static Parked> {
    KINDS.iter().find(|kind| kind.code == code)
}
