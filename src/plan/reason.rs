//! Why something was done, or was not. A closed set: each reason has a code that machines rely on, a sentence that a
//! recruiter understands, and the rule that gave it.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{
    action::Action,
    brake::{Exceeded, Limit},
    exclusion::Exclusion,
    policy::Trigger,
    says::{Stage, Status},
    situation::{Creation, Untold},
};
use crate::ids::CandidateId;

/// Where an admin finds the API keys in Ashby. The menus are those that Ashby's help centre names (docs.ashbyhq.com).
pub const API_KEYS_MENU: &str = "Admin \u{203a} Integrations \u{203a} API Keys";
/// Where an admin adds a source in Ashby.
pub const SOURCES_MENU: &str = "Admin \u{203a} Organization Setup \u{203a} Sources";
/// Where an admin adds an archive reason in Ashby.
pub const ARCHIVE_REASONS_MENU: &str =
    "Admin \u{203a} Jobs & Applications \u{203a} Archive Reasons";
/// Where an admin changes an interview plan in Ashby.
pub const PLANS_MENU: &str = "Admin \u{203a} Interview Plans";

/// Why Dover has given up on a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// The candidate stepped back.
    Withdrew,
    /// The employer said no.
    Rejected,
}

impl Departure {
    /// The title of the archive reason in Ashby.
    pub const fn archive_reason(self) -> &'static str {
        match self {
            Self::Withdrew => "Withdrew in Dover",
            Self::Rejected => "Rejected in Dover",
        }
    }
}

/// What a reason leaves a prospect as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Ashby was told.
    Acted,
    /// Ashby is already as Dover and the rules want it.
    Unchanged,
    /// A rule said no.
    Skipped,
    /// Waits for a person or for configuration, and goes on by itself when the cause is gone.
    Parked,
    /// Tried and not through: it is decided again with the next flush.
    Retried,
}

/// A decision whose steps are withheld: what it would come to, and why that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// What would be done, in a word.
    pub action: Action,
    /// Why that.
    pub because: Reason,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the sentence names")]
pub enum Reason {
    /// New application, and a new candidate unless Ashby knew the person.
    Created { stage: String, known: bool },
    /// Moved on.
    Moved { from: String, to: String },
    /// Archived.
    Archived(Departure),
    /// Dover's news is newer, and Ashby is already there.
    AlreadyThere { stage: String },

    /// Dover said nothing newer than what was last applied.
    Superseded {
        said: DateTime<Utc>,
        applied: DateTime<Utc>,
        in_place: bool,
    },
    /// Somebody changed the application in Ashby since.
    AshbyIsNewer {
        said: DateTime<Utc>,
        changed: DateTime<Utc>,
    },
    /// The target is not further on.
    NotForward { now: String, target: String },
    /// Archived in Ashby, which nothing undoes.
    ArchivedInAshby,
    /// Hired in Ashby, which nothing undoes.
    HiredInAshby,
    /// Transferred to another job in Ashby, which nothing undoes.
    TransferredInAshby,
    /// Over in Dover before it came to Ashby.
    NothingToArchive(Departure),
    /// A status that has no place in Ashby.
    HeldStatus(Status),
    /// A status that only moves an application, and there is none.
    NoApplicationFor(Status),
    /// What has to happen in Dover first has not. `known`: the application is in Ashby, and was not synced so far.
    WaitingForTrigger { trigger: Trigger, known: bool },
    /// Dover has named neither a stage nor a status so far.
    NoStageYet,
    /// The person was erased at their request.
    Erased,
    /// The person is on the exclusion list.
    Excluded(Exclusion),

    /// Nobody registered the job.
    JobNotRegistered,
    /// The job is closed, archived or a draft.
    JobNotOpen { title: String, status: String },
    /// The key cannot see the job.
    JobNotVisible { title: String },
    /// Several people in Ashby have that e-mail or profile.
    AmbiguousIdentity(Vec<CandidateId>),
    /// What creating a candidate needs is missing.
    MandatoryFieldMissing(Vec<String>),
    /// Ashby's candidates are being read for the first time.
    LearningAshby { read: i64 },
    /// A create whose answer was lost, and whose result cannot be seen yet.
    CreateInDoubt { since: DateTime<Utc> },
    /// A create of which looking has not shown what became of it.
    CreateUndecided {
        since: DateTime<Utc>,
        creation: Creation,
    },
    /// The candidate or application was deleted in Ashby.
    GoneFromAshby,
    /// No source *Dover*.
    SourceMissing,
    /// Several sources *Dover*.
    SourceAmbiguous,
    /// No such archive reason.
    ArchiveReasonMissing(Departure),
    /// A stage word that is not in the contract.
    UnknownStage(String),
    /// A status word that is not in the contract.
    UnknownStatus(String),
    /// The plan has no stage for it.
    StageNotMapped(Stage),
    /// The plan has no longer the stage that a setting names.
    MappedStageGone { key: &'static str },
    /// The plan has no Archived stage.
    NoArchivedStage,
    /// Ashby shows a stage that the plan does not list.
    StageNotInPlan,
    /// Ashby shows the application without a stage, or in a status that we do not know.
    UnclearInAshby,
    /// A field that chooses has no such option.
    FieldOptionUnknown {
        variable: String,
        field: String,
        value: String,
        choices: Vec<String>,
    },
    /// A field of the map is no longer there, or was put away.
    FieldGone { variable: String, field: String },
    /// What Dover says is nothing that the field takes.
    FieldMisfit {
        variable: String,
        field: String,
        expected: String,
    },
    /// Ashby did not answer, or not usefully.
    AshbyUnavailable { what: String },
    /// Ashby no longer takes an id that we kept of its setup.
    StaleId { code: String },
    /// A note whose answer was lost, and that cannot be seen yet.
    NoteInDoubt { since: DateTime<Utc> },
    /// A note of which looking has not shown what became of it.
    NoteUndecided { since: DateTime<Utc> },
    /// More notes are owed than are written at once.
    NotesLeft { written: usize },
    /// The job is in shadow: decided, and nothing written.
    Shadow { would: Box<Withheld> },
    /// The job's part of the flush is over a limit, and an admin is asked.
    HeldByBrake {
        title: String,
        exceeded: Exceeded,
        would: Box<Withheld>,
    },
    /// An admin was asked, and said no.
    RefusedByAdmin { would: Box<Withheld> },
    /// What a flush did was put back.
    Undone { to: String },
    /// Something beside the stage was written.
    Updated { what: Vec<String> },
    /// Somebody has changed since what a flush did: it is not put back.
    TouchedSince { now: Option<String> },
    /// A creation or an addition, which cannot be taken back.
    CannotBeUndone,
    /// Ashby refused for good.
    RefusedByAshby {
        code: String,
        message: String,
        request_id: Option<String>,
    },
}

impl From<Untold> for Reason {
    fn from(untold: Untold) -> Self {
        match untold {
            Untold::Unanswered { what } => Self::AshbyUnavailable { what },
            Untold::Refused {
                code,
                message,
                request_id,
            } => Self::RefusedByAshby {
                code,
                message,
                request_id,
            },
        }
    }
}

impl Reason {
    /// The stable code: in the API, metrics and logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Moved { .. } => "moved-forward",
            Self::Archived(Departure::Withdrew) => "withdrew-in-dover",
            Self::Archived(Departure::Rejected) => "rejected-in-dover",
            Self::AlreadyThere { .. } => "already-there",
            Self::Superseded { .. } => "superseded",
            Self::AshbyIsNewer { .. } => "ashby-is-newer",
            Self::NotForward { .. } => "not-forward",
            Self::ArchivedInAshby => "archived-in-ashby",
            Self::HiredInAshby => "hired-in-ashby",
            Self::TransferredInAshby => "transferred-in-ashby",
            Self::NothingToArchive(_) => "nothing-to-archive",
            Self::HeldStatus(_) | Self::NoApplicationFor(_) => "held-status",
            Self::WaitingForTrigger { .. } => "waiting-for-trigger",
            Self::NoStageYet => "no-stage-yet",
            Self::Erased => "erased",
            Self::Excluded(_) => "excluded",
            Self::JobNotRegistered => "job-not-registered",
            Self::JobNotOpen { .. } => "job-not-open",
            Self::JobNotVisible { .. } => "job-not-visible",
            Self::AmbiguousIdentity(_) => "ambiguous-identity",
            Self::MandatoryFieldMissing(_) => "mandatory-field-missing",
            Self::LearningAshby { .. } => "learning-ashby",
            Self::CreateInDoubt { .. } => "create-in-doubt",
            Self::CreateUndecided { .. } => "create-undecided",
            Self::GoneFromAshby => "gone-from-ashby",
            Self::SourceMissing => "source-missing",
            Self::SourceAmbiguous => "source-ambiguous",
            Self::ArchiveReasonMissing(_) => "archive-reason-missing",
            Self::UnknownStage(_) => "unknown-stage",
            Self::UnknownStatus(_) => "unknown-status",
            Self::StageNotMapped(_) | Self::NoArchivedStage => "stage-not-mapped",
            Self::MappedStageGone { .. } => "mapped-stage-gone",
            Self::StageNotInPlan => "stage-not-in-plan",
            Self::UnclearInAshby => "unclear-in-ashby",
            Self::FieldOptionUnknown { .. } => "field-option-unknown",
            Self::FieldGone { .. } => "field-gone",
            Self::FieldMisfit { .. } => "field-misfit",
            Self::AshbyUnavailable { .. } => "ashby-unavailable",
            Self::StaleId { .. } => "stale-id",
            Self::RefusedByAshby { .. } => "refused-by-ashby",
            Self::NoteInDoubt { .. } => "note-in-doubt",
            Self::NoteUndecided { .. } => "note-undecided",
            Self::NotesLeft { .. } => "notes-left",
            Self::Shadow { .. } => "shadow",
            Self::HeldByBrake { .. } => "held-by-brake",
            Self::RefusedByAdmin { .. } => "refused-by-admin",
            Self::Undone { .. } => "undone",
            Self::Updated { .. } => "updated",
            Self::TouchedSince { .. } => "touched-since",
            Self::CannotBeUndone => "cannot-be-undone",
        }
    }

    /// Whether an application that was met for the first time is left unlinked: it is not synced yet.
    pub const fn leaves_unlinked(&self) -> bool {
        matches!(self, Self::WaitingForTrigger { .. })
    }

    /// Whether the record that the prospect has in Ashby may be added to: fields, notes, the tag. Not where somebody is
    /// asked first, nor where the record is left alone as a whole.
    pub const fn lets_add(&self) -> bool {
        match self {
            Self::NotForward { .. }
            | Self::AshbyIsNewer { .. }
            | Self::Superseded { .. }
            | Self::ArchivedInAshby
            | Self::HiredInAshby
            | Self::HeldStatus(_)
            | Self::NoStageYet => true,
            because => matches!(because.outcome(), Outcome::Acted | Outcome::Unchanged),
        }
    }

    /// What it leaves the prospect as.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Created { .. }
            | Self::Moved { .. }
            | Self::Archived(_)
            | Self::Updated { .. } => Outcome::Acted,
            Self::AlreadyThere { .. } | Self::Superseded { in_place: true, .. } => {
                Outcome::Unchanged
            }
            Self::Superseded {
                in_place: false, ..
            }
            | Self::AshbyIsNewer { .. }
            | Self::NotForward { .. }
            | Self::ArchivedInAshby
            | Self::HiredInAshby
            | Self::TransferredInAshby
            | Self::NothingToArchive(_)
            | Self::HeldStatus(_)
            | Self::NoApplicationFor(_)
            | Self::WaitingForTrigger { .. }
            | Self::NoStageYet
            | Self::Erased
            | Self::Excluded(_)
            | Self::RefusedByAdmin { .. }
            | Self::Undone { .. }
            | Self::TouchedSince { .. }
            | Self::CannotBeUndone => Outcome::Skipped,
            Self::AshbyUnavailable { .. }
            | Self::StaleId { .. }
            | Self::NoteInDoubt { .. }
            | Self::NotesLeft { .. } => Outcome::Retried,
            _ => Outcome::Parked,
        }
    }

    /// The number of the rule that decided, as `docs/rules.md` counts them.
    pub const fn rule(&self) -> i16 {
        match self {
            Self::UnknownStage(_) | Self::UnknownStatus(_) | Self::NoStageYet => 1,
            Self::JobNotRegistered | Self::JobNotOpen { .. } | Self::JobNotVisible { .. } => 2,
            Self::Erased | Self::Excluded(_) => 4,
            Self::AmbiguousIdentity(_)
            | Self::LearningAshby { .. }
            | Self::CreateInDoubt { .. }
            | Self::CreateUndecided { .. } => 5,
            Self::NothingToArchive(_) | Self::NoApplicationFor(_) => 6,
            Self::Created { .. }
            | Self::WaitingForTrigger { .. }
            | Self::MandatoryFieldMissing(_) => 7,
            Self::StageNotMapped(_)
            | Self::MappedStageGone { .. }
            | Self::StageNotInPlan
            | Self::UnclearInAshby => 8,
            Self::Superseded { .. } | Self::AshbyIsNewer { .. } => 9,
            Self::Moved { .. }
            | Self::NotForward { .. }
            | Self::AlreadyThere { .. }
            | Self::ArchivedInAshby
            | Self::HiredInAshby
            | Self::TransferredInAshby => 10,
            Self::Archived(_)
            | Self::HeldStatus(_)
            | Self::ArchiveReasonMissing(_)
            | Self::NoArchivedStage => 11,
            Self::SourceMissing | Self::SourceAmbiguous => 12,
            Self::GoneFromAshby
            | Self::AshbyUnavailable { .. }
            | Self::StaleId { .. }
            | Self::RefusedByAshby { .. } => 13,
            Self::Updated { .. }
            | Self::FieldOptionUnknown { .. }
            | Self::FieldGone { .. }
            | Self::FieldMisfit { .. }
            | Self::NoteInDoubt { .. }
            | Self::NoteUndecided { .. }
            | Self::NotesLeft { .. } => 14,
            Self::Shadow { .. } | Self::HeldByBrake { .. } | Self::RefusedByAdmin { .. } => 15,
            Self::Undone { .. } | Self::TouchedSince { .. } | Self::CannotBeUndone => 16,
        }
    }
}

/// A moment as people read it.
pub(in crate::plan) fn moment(at: DateTime<Utc>) -> impl fmt::Display {
    at.format("%-d %B %Y, %H:%M:%S UTC")
}

/// What would be too much, with the figures.
struct TooMuch<'a> {
    title: &'a str,
    exceeded: &'a Exceeded,
}

impl fmt::Display for TooMuch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exceeded {
            limit,
            would,
            active,
            most,
        } = self.exceeded;
        let (title, key) = (self.title, limit.key());
        match limit {
            Limit::Archives => write!(
                f,
                "archive {} candidates on \u{201c}{title}\u{201d}",
                would.archives
            ),
            Limit::ArchiveShare => write!(
                f,
                "archive {} of the {active} active candidates on \u{201c}{title}\u{201d}",
                would.archives
            ),
            Limit::Moves => write!(
                f,
                "move {} candidates on \u{201c}{title}\u{201d}",
                would.moves
            ),
        }?;
        write!(f, ", more than the {most} that the setting {key} allows")
    }
}

/// What a trigger waits for, as something that a candidate does.
const fn happens(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Added => "are added in Dover",
        Trigger::Replied => "reply",
        Trigger::Interested => "show interest",
        Trigger::Never => "never",
    }
}

/// How many choices a sentence names.
const LISTED: usize = 5;

/// The first few ids, and whether there are more.
struct Listed<'a>(&'a [CandidateId]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, id) in self.0.iter().take(LISTED).enumerate() {
            write!(f, "{}{id}", if place == 0 { "" } else { ", " })?;
        }
        f.write_str(if self.0.len() > LISTED {
            " and more"
        } else {
            ""
        })
    }
}

/// What can be chosen: the first few, and whether there are more.
struct Options<'a>(&'a [String]);

/// How many options a sentence names: a recruiter is to find theirs among them.
const OPTIONS: usize = 20;

impl fmt::Display for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, option) in self.0.iter().take(OPTIONS).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}\u{201c}{option}\u{201d}")?;
        }
        f.write_str(if self.0.len() > OPTIONS {
            " and more"
        } else {
            ""
        })
    }
}

impl fmt::Display for Reason {
    #[expect(
        clippy::too_many_lines,
        reason = "one sentence a reason, side by side so that they read alike"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { stage, known: false } => {
                write!(f, "New in Ashby: created at \u{201c}{stage}\u{201d} with source Dover.")
            }
            Self::Created { stage, known: true } => write!(
                f,
                "Already a candidate in Ashby: added to this job at \u{201c}{stage}\u{201d} with source Dover; nothing else of them was touched."
            ),
            Self::Moved { from, to } => write!(f, "Moved from \u{201c}{from}\u{201d} to \u{201c}{to}\u{201d}."),
            Self::Archived(departure) => {
                write!(f, "Archived with the reason \u{201c}{}\u{201d}.", departure.archive_reason())
            }
            Self::AlreadyThere { stage } => {
                write!(f, "Nothing to do: Ashby already shows \u{201c}{stage}\u{201d}.")
            }
            Self::Superseded { said, applied, .. } if said == applied => {
                write!(f, "Left alone: Dover has said nothing newer than its update of {}, which was applied.", moment(*applied))
            }
            Self::Superseded { said, applied, .. } => write!(
                f,
                "Left alone: Dover's update of {} is older than the one of {}, which was applied.",
                moment(*said),
                moment(*applied)
            ),
            Self::AshbyIsNewer { said, changed } => write!(
                f,
                "Left alone: Dover's update of {} is not newer than the change made in Ashby on {}. A later update in Dover counts again.",
                moment(*said),
                moment(*changed)
            ),
            Self::NotForward { now, target } => write!(
                f,
                "Left in \u{201c}{now}\u{201d}: \u{201c}{target}\u{201d} would not move the candidate forward."
            ),
            Self::ArchivedInAshby => f.write_str(
                "Left archived: nothing that Dover says brings an application back. If it should go on, take it out of the archive in Ashby.",
            ),
            Self::HiredInAshby => f.write_str("Left hired: nothing that Dover says changes a hire."),
            Self::TransferredInAshby => {
                f.write_str("Left alone: the application was transferred to another job in Ashby.")
            }
            Self::NothingToArchive(Departure::Withdrew) => {
                f.write_str("Not created: the candidate withdrew in Dover before there was an application in Ashby.")
            }
            Self::NothingToArchive(Departure::Rejected) => {
                f.write_str("Not created: the candidate was rejected in Dover before there was an application in Ashby.")
            }
            Self::HeldStatus(status) => {
                write!(f, "Left alone: the status \u{201c}{}\u{201d} is kept in Dover and not carried to Ashby.", status.word())
            }
            Self::NoApplicationFor(status) => write!(
                f,
                "Not created: the status \u{201c}{}\u{201d} moves only candidates who have an application in Ashby already.",
                status.word()
            ),
            Self::WaitingForTrigger { trigger: Trigger::Never, known: false } => {
                f.write_str("Left alone: candidates like this one are not added to Ashby, whatever they do in Dover.")
            }
            Self::WaitingForTrigger { trigger, known: false } => write!(
                f,
                "Left alone for now: candidates are added to Ashby once they {}, and Dover has not said so of this one. Then it goes on by itself.",
                happens(*trigger)
            ),
            Self::WaitingForTrigger { trigger: Trigger::Never, known: true } => f.write_str(
                "Left alone: the application is in Ashby and was never synced, and what was not synced is not touched.",
            ),
            Self::WaitingForTrigger { trigger, known: true } => write!(
                f,
                "Left alone for now: the application is in Ashby and was never synced, and is not touched as long as the candidate does not {}. Then it goes on by itself.",
                happens(*trigger)
            ),
            Self::Erased => f.write_str(
                "Left alone: this person was erased at their request, and nothing that Dover says of them is kept. Only lifting the erasure lets them be synced again.",
            ),
            Self::Excluded(exclusion) => write!(
                f,
                "Left alone: the person is on the exclusion list, and nothing is created or linked. Why: {exclusion}."
            ),
            Self::NoStageYet => f.write_str("Left alone: Dover has named neither a stage nor a status of this candidate yet."),
            Self::JobNotRegistered => f.write_str(
                "Waiting: nobody has registered this Dover job. Register it with its Ashby job, and the candidate goes on by itself.",
            ),
            Self::JobNotOpen { title, status } => write!(
                f,
                "Waiting: the job \u{201c}{title}\u{201d} is not open in Ashby (its status is {status}). Open it there, or remove its registration."
            ),
            Self::JobNotVisible { title } => write!(
                f,
                "Waiting: the API key cannot see the job \u{201c}{title}\u{201d}. If the job is confidential, allow the key confidential jobs in Ashby under {API_KEYS_MENU}; if it was deleted, remove its registration."
            ),
            Self::AmbiguousIdentity(choices) => write!(
                f,
                "Waiting: {} candidates in Ashby match by e-mail or LinkedIn profile ({}). Merge them in Ashby, or correct the address in Dover.",
                choices.len(),
                Listed(choices)
            ),
            Self::MandatoryFieldMissing(fields) => {
                write!(f, "Waiting: creating the candidate needs {}. Add it in Dover, and the candidate goes on by itself.", fields.join(" and "))
            }
            Self::LearningAshby { read } => write!(
                f,
                "Waiting: Ashby's candidates are being read for the first time ({read} so far), so that nobody is created twice. The candidate goes on by itself."
            ),
            Self::CreateInDoubt { since } => write!(
                f,
                "Waiting: Ashby was asked to create this candidate on {} and the answer was lost. We look for the result before asking again; nobody has to do anything.",
                moment(*since)
            ),
            Self::CreateUndecided { since, creation: Creation::Candidate } => write!(
                f,
                "Waiting: Ashby was asked to create this candidate on {} and never said whether it did; looking has not shown it. Look for them in Ashby, then resync the candidate here: with candidate_id if they are there, with create_again if they are not. Should they turn up meanwhile, the candidate goes on by itself.",
                moment(*since)
            ),
            Self::CreateUndecided { since, creation: Creation::Application } => write!(
                f,
                "Waiting: Ashby was asked to add this candidate to the job on {} and never said whether it did; looking has not shown it. Look at them in Ashby, then resync the candidate here: with application_id if they are on the job, with create_again if they are not. Should the application turn up meanwhile, the candidate goes on by itself.",
                moment(*since)
            ),
            Self::GoneFromAshby => f.write_str(
                "Waiting: the candidate or application was deleted in Ashby. It is made again only if somebody asks for it: resync the candidate.",
            ),
            Self::SourceMissing => write!(
                f,
                "Waiting: Ashby has no source \u{201c}Dover\u{201d}. Add it in Ashby under {SOURCES_MENU}, of type Sourced.",
            ),
            Self::SourceAmbiguous => write!(
                f,
                "Waiting: Ashby has several sources \u{201c}Dover\u{201d}. Keep one of type Sourced and archive the others in Ashby under {SOURCES_MENU}.",
            ),
            Self::ArchiveReasonMissing(departure) => write!(
                f,
                "Waiting: Ashby has no archive reason \u{201c}{}\u{201d}. Add it in Ashby under {ARCHIVE_REASONS_MENU}.",
                departure.archive_reason()
            ),
            Self::UnknownStage(word) => write!(
                f,
                "Waiting: Dover sent the stage \u{201c}{word}\u{201d}, which we do not know, and nothing is guessed. Set a stage that we know in Dover, and the candidate goes on by itself."
            ),
            Self::UnknownStatus(word) => write!(
                f,
                "Waiting: Dover sent the status \u{201c}{word}\u{201d}, which we do not know, and nothing is guessed. Set a status that we know in Dover, and the candidate goes on by itself."
            ),
            Self::StageNotMapped(Stage::Interviewing) => write!(
                f,
                "Waiting: the job's interview plan has no stage of type Active. Add one in Ashby under {PLANS_MENU}.",
            ),
            Self::StageNotMapped(stage) => write!(
                f,
                "Waiting: the job's interview plan has no Lead stage for Dover's \u{201c}{}\u{201d}. Give it the Lead stages New Lead, Reached Out and Replied in Ashby under {PLANS_MENU}.",
                stage.word()
            ),
            Self::MappedStageGone { key } => write!(
                f,
                "Waiting: the setting {key} names a stage that the job's interview plan does not have, or not in a place where it may be. Set another stage there.",
            ),
            Self::NoArchivedStage => f.write_str(
                "Waiting: the job's interview plan has no stage of type Archived. Choose another plan for the job in Ashby.",
            ),
            Self::StageNotInPlan => f.write_str(
                "Waiting: Ashby shows the candidate in a stage outside this job's interview plan. Move them to a stage of that plan in Ashby, or leave them where they are.",
            ),
            Self::UnclearInAshby => f.write_str(
                "Waiting: Ashby shows the application without a stage, or in a status that we do not know, and nothing is guessed. It goes on by itself once Ashby shows it in a stage again.",
            ),
            Self::FieldOptionUnknown { variable, field, value, choices } => write!(
                f,
                "Waiting: Dover says \u{201c}{value}\u{201d} for {variable}, which is no option of the field \u{201c}{field}\u{201d} in Ashby; it has {}. Add the option in Ashby, or change the field map or Dover, and the field is filled by itself. Stage and status are not held back by it.",
                Options(choices)
            ),
            Self::FieldGone { variable, field } => write!(
                f,
                "Waiting: {variable} goes into the field \u{201c}{field}\u{201d}, which was archived in Ashby or is no longer there. Restore it in Ashby, or map {variable} to another field. Stage and status are not held back by it.",
            ),
            Self::FieldMisfit { variable, field, expected } => write!(
                f,
                "Waiting: what Dover says for {variable} does not fit the field \u{201c}{field}\u{201d} in Ashby, which takes {expected}. Correct it in Dover, or change the field map. Stage and status are not held back by it.",
            ),
            Self::AshbyUnavailable { what } => write!(
                f,
                "Not through yet: {what}. It is tried again with the next flush; nothing needs to be done."
            ),
            Self::StaleId { code } => write!(
                f,
                "Not through yet: Ashby's setup has changed ({code}). It is read again, and the candidate goes on with the next flush."
            ),
            Self::NoteInDoubt { since } => write!(
                f,
                "Not through yet: Ashby was asked to add a note on {} and the answer was lost. We look for the note before asking again; nobody has to do anything.",
                moment(*since)
            ),
            Self::NoteUndecided { since } => write!(
                f,
                "Waiting: Ashby was asked to add a note on {} and never said whether it did; looking has not shown it. The rest is synced. Look at the candidate's notes in Ashby, then resync the candidate here: with note=written if it is there, with note=write-again if it is not.",
                moment(*since)
            ),
            Self::NotesLeft { written } => write!(
                f,
                "Not through yet: {written} notes were written, as many as are written at once. The others follow with the next flush; nothing needs to be done."
            ),
            Self::Shadow { would } => write!(
                f,
                "Waiting: the job is in shadow, so nothing was written to Ashby. Make the job live, and this one goes on by itself. Decided: {}",
                would.because
            ),
            Self::HeldByBrake { title, exceeded, would } => write!(
                f,
                "Waiting: the flush would {}, so nothing of that job was done. Look at the preview of the flush, then approve or refuse it. Decided: {}",
                TooMuch { title, exceeded },
                would.because
            ),
            Self::RefusedByAdmin { would } => write!(
                f,
                "Left alone: an admin was asked and refused it. Newer news from Dover, a resync or a replay lets it be decided again. Refused: {}",
                would.because
            ),
            Self::Undone { to } => write!(f, "Undone: back in \u{201c}{to}\u{201d}, as before the flush. Newer news from Dover counts again."),
            Self::Updated { what } => write!(f, "Written to Ashby beside the stage: {}.", what.join(", ")),
            Self::TouchedSince { now: Some(now) } => write!(
                f,
                "Not undone: somebody has changed the application since, and it is in \u{201c}{now}\u{201d} now. What they did stays."
            ),
            Self::TouchedSince { now: None } => f.write_str("Not undone: the application is no longer in Ashby."),
            Self::CannotBeUndone => f.write_str(
                "Not undone: Ashby offers no way to take back what was created or written beside the stage. Change it in Ashby by hand.",
            ),
            Self::RefusedByAshby { code, message, request_id } => write!(
                f,
                "Waiting: Ashby refused with {code}: {message} (request {}). Mend the cause, then resync the candidate.",
                request_id.as_deref().unwrap_or("unknown")
            ),
        }
    }
}
