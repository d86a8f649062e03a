//! What people read: every reason's sentence, with its code, its outcome and its rule. A recruiter who knows nothing of
//! this program must understand it and know what to do next.

use std::collections::BTreeSet;

use chrono::DateTime;

use super::world::at;
use crate::plan::{
    Action, Departure, Plan, Reason, Withheld,
    brake::{Exceeded, Limit, Would},
    exclusion::{Exclusion, FoundBy, Hit},
    policy::Trigger,
    says::{Stage, Status},
    settings::layers::Changed,
    situation::Creation,
};

const WOULD: Withheld = Withheld {
    action: Action::Archive,
    because: Reason::Archived(Departure::Rejected),
};

const fn exceeded(limit: Limit, archives: u32, moves: u32, most: u32) -> Exceeded {
    Exceeded {
        limit,
        would: Would {
            creates: 1,
            moves,
            archives,
        },
        active: 12,
        most,
    }
}

/// One example or more of each variant.
fn every_reason() -> Vec<Reason> {
    [
        of_the_rules(),
        of_settings(),
        of_fields(),
        of_notes(),
        withheld_or_undone(),
    ]
    .concat()
}

fn of_notes() -> Vec<Reason> {
    vec![
        Reason::NoteInDoubt { since: at(60) },
        Reason::NoteUndecided { since: at(60) },
        Reason::NotesLeft { written: 20 },
    ]
}

fn of_settings() -> Vec<Reason> {
    let triggers = [Trigger::Replied, Trigger::Interested, Trigger::Never];
    let waiting = triggers.into_iter().flat_map(|trigger| {
        [false, true].map(|known| Reason::WaitingForTrigger { trigger, known })
    });
    let gone = Reason::MappedStageGone {
        key: "stages.interested",
    };
    let others = [Reason::NoApplicationFor(Status::Snoozed), gone];
    waiting.chain(others).collect()
}

fn of_fields() -> Vec<Reason> {
    let text = str::to_owned;
    let option = |choices: &[&str]| Reason::FieldOptionUnknown {
        variable: text("fields.seniority"),
        field: text("Seniority"),
        value: text("staff"),
        choices: choices.iter().copied().map(text).collect(),
    };
    vec![
        option(&["Junior", "Senior"]),
        option(&[]),
        Reason::FieldGone {
            variable: text("fields.seniority"),
            field: text("Seniority"),
        },
        Reason::FieldMisfit {
            variable: text("fields.notice_days"),
            field: text("Notice period"),
            expected: text("a number"),
        },
    ]
}

fn withheld_or_undone() -> Vec<Reason> {
    let text = str::to_owned;
    vec![
        Reason::Shadow {
            would: Box::new(WOULD),
        },
        Reason::HeldByBrake {
            title: text("Staff Engineer"),
            exceeded: exceeded(Limit::Archives, 300, 0, 25),
            would: Box::new(WOULD),
        },
        Reason::HeldByBrake {
            title: text("Staff Engineer"),
            exceeded: exceeded(Limit::ArchiveShare, 5, 0, 2),
            would: Box::new(WOULD),
        },
        Reason::HeldByBrake {
            title: text("Staff Engineer"),
            exceeded: exceeded(Limit::Moves, 0, 501, 500),
            would: Box::new(WOULD),
        },
        Reason::RefusedByAdmin {
            would: Box::new(WOULD),
        },
        Reason::Undone {
            to: text("Replied"),
        },
        Reason::TouchedSince {
            now: Some(text("Onsite")),
        },
        Reason::TouchedSince { now: None },
        Reason::CannotBeUndone,
        Reason::Updated {
            what: vec![text("the tag \u{201c}Dover\u{201d}")],
        },
    ]
}

fn of_the_rules() -> Vec<Reason> {
    let text = str::to_owned;
    vec![
        Reason::Created {
            stage: text("Replied"),
            known: false,
        },
        Reason::Created {
            stage: text("Replied"),
            known: true,
        },
        Reason::Moved {
            from: text("New Lead"),
            to: text("Replied"),
        },
        Reason::Archived(Departure::Withdrew),
        Reason::Archived(Departure::Rejected),
        Reason::AlreadyThere {
            stage: text("Replied"),
        },
        Reason::Superseded {
            said: at(60),
            applied: at(60),
            in_place: true,
        },
        Reason::Superseded {
            said: at(0),
            applied: at(60),
            in_place: false,
        },
        Reason::AshbyIsNewer {
            said: at(0),
            changed: at(60),
        },
        Reason::NotForward {
            now: text("Phone Screen"),
            target: text("Replied"),
        },
        Reason::ArchivedInAshby,
        Reason::HiredInAshby,
        Reason::NothingToArchive(Departure::Withdrew),
        Reason::NothingToArchive(Departure::Rejected),
        Reason::HeldStatus(Status::NotInterested),
        Reason::NoStageYet,
        Reason::JobNotRegistered,
        Reason::JobNotOpen {
            title: text("Staff Engineer"),
            status: text("closed"),
        },
        Reason::JobNotVisible {
            title: text("Staff Engineer"),
        },
        Reason::AmbiguousIdentity(vec!["ada-1".into(), "ada-2".into()]),
        Reason::MandatoryFieldMissing(vec![text("a name (candidate.name)")]),
        Reason::LearningAshby { read: 1700 },
        Reason::CreateInDoubt { since: at(60) },
        Reason::CreateUndecided {
            since: at(60),
            creation: Creation::Candidate,
        },
        Reason::CreateUndecided {
            since: at(60),
            creation: Creation::Application,
        },
        Reason::GoneFromAshby,
        Reason::SourceMissing,
        Reason::SourceAmbiguous,
        Reason::ArchiveReasonMissing(Departure::Withdrew),
        Reason::UnknownStage(text("dreaming")),
        Reason::UnknownStatus(text("lost")),
        Reason::StageNotMapped(Stage::Interviewing),
        Reason::StageNotMapped(Stage::ReachedOut),
        Reason::NoArchivedStage,
        Reason::StageNotInPlan,
        Reason::RefusedByAshby {
            code: text("invalid_input"),
            message: text("phoneNumber is not valid"),
            request_id: Some(text("01HZX")),
        },
        Reason::RefusedByAshby {
            code: text("invalid_input"),
            message: text("no"),
            request_id: None,
        },
        Reason::AshbyUnavailable {
            what: text("Ashby answered application.create with HTTP 503"),
        },
        Reason::StaleId {
            code: text("interview_stage_not_found"),
        },
        Reason::TransferredInAshby,
        Reason::Erased,
        excluded_by_a_row(),
        excluded_by_a_rule(),
        Reason::UnclearInAshby,
    ]
}

fn excluded_by_a_row() -> Reason {
    Reason::Excluded(Exclusion::Row {
        list: "Ashby, November".to_owned(),
        imported_at: DateTime::UNIX_EPOCH,
        line: 17,
        by: FoundBy::Email,
    })
}

fn excluded_by_a_rule() -> Reason {
    Reason::Excluded(Exclusion::Rule {
        hit: Hit::Tag {
            tag: "Do not contact".to_owned(),
        },
        by: Some(FoundBy::Linkedin),
        changed: Some(Changed {
            at: DateTime::UNIX_EPOCH,
            by: "admin".to_owned(),
        }),
    })
}

/// How many variants [`Reason`] has.
pub(super) const VARIANTS: usize = 52;

/// A number for each variant. A new one does not compile until it has a number here, and then a sentence above.
pub(super) fn variant(reason: &Reason) -> usize {
    match reason {
        Reason::Created { .. } => 0,
        Reason::Moved { .. } => 1,
        Reason::Archived(_) => 2,
        Reason::AlreadyThere { .. } => 3,
        Reason::Superseded { .. } => 4,
        Reason::AshbyIsNewer { .. } => 5,
        Reason::NotForward { .. } => 6,
        Reason::ArchivedInAshby => 7,
        Reason::HiredInAshby => 8,
        Reason::NothingToArchive(_) => 9,
        Reason::HeldStatus(_) => 10,
        Reason::NoStageYet => 11,
        Reason::JobNotRegistered => 12,
        Reason::JobNotOpen { .. } => 13,
        Reason::JobNotVisible { .. } => 14,
        Reason::AmbiguousIdentity(_) => 15,
        Reason::MandatoryFieldMissing(_) => 16,
        Reason::LearningAshby { .. } => 17,
        Reason::CreateInDoubt { .. } => 18,
        Reason::GoneFromAshby => 19,
        Reason::SourceMissing => 20,
        Reason::SourceAmbiguous => 21,
        Reason::ArchiveReasonMissing(_) => 22,
        Reason::UnknownStage(_) => 23,
        Reason::UnknownStatus(_) => 24,
        Reason::StageNotMapped(_) => 25,
        Reason::NoArchivedStage => 26,
        Reason::StageNotInPlan => 27,
        Reason::RefusedByAshby { .. } => 28,
        Reason::AshbyUnavailable { .. } => 29,
        Reason::StaleId { .. } => 30,
        Reason::TransferredInAshby => 31,
        Reason::Shadow { .. } => 32,
        Reason::HeldByBrake { .. } => 33,
        Reason::RefusedByAdmin { .. } => 34,
        Reason::Undone { .. } => 35,
        Reason::TouchedSince { .. } => 36,
        Reason::CannotBeUndone => 37,
        Reason::CreateUndecided { .. } => 38,
        Reason::Erased => 39,
        Reason::UnclearInAshby => 40,
        Reason::NoApplicationFor(_) => 41,
        Reason::WaitingForTrigger { .. } => 42,
        Reason::MappedStageGone { .. } => 43,
        Reason::Excluded(_) => 44,
        Reason::Updated { .. } => 45,
        Reason::FieldOptionUnknown { .. } => 46,
        Reason::FieldGone { .. } => 47,
        Reason::FieldMisfit { .. } => 48,
        Reason::NoteInDoubt { .. } => 49,
        Reason::NoteUndecided { .. } => 50,
        Reason::NotesLeft { .. } => 51,
    }
}

#[test]
fn every_reason_has_a_sentence_that_was_read_by_a_person() {
    let reasons = every_reason();
    let seen: BTreeSet<_> = reasons.iter().map(variant).collect();
    assert_eq!(seen, (0..VARIANTS).collect());
    let lines: Vec<_> = reasons
        .iter()
        .map(|reason| {
            format!(
                "{} (rule {}, {:?})\n    {reason}",
                reason.code(),
                reason.rule(),
                reason.outcome()
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_sentence_says_at_once_whether_anything_happened_or_somebody_must_act() {
    for reason in every_reason() {
        let sentence = reason.to_string();
        let waits = sentence.starts_with("Waiting: ");
        let parked = reason.outcome() == crate::plan::Outcome::Parked;
        assert_eq!(waits, parked, "{sentence}");
        assert!(sentence.ends_with('.'), "{sentence}");
    }
}

#[test]
fn every_kind_of_parked_prospect_is_told_what_it_waits_for() {
    let parked = every_reason()
        .into_iter()
        .filter(|reason| reason.outcome() == crate::plan::Outcome::Parked);
    let parked: BTreeSet<_> = parked.map(|reason| reason.code()).collect();
    let told: BTreeSet<_> = crate::plan::parked::KINDS
        .iter()
        .map(|kind| kind.code)
        .collect();
    assert_eq!(parked, told, "plan::parked::KINDS has one for each");
}

#[test]
fn what_the_clock_did_is_added_to_any_sentence() {
    let plan = Plan {
        clock_ahead: Some(at(1_000_000)),
        ..Plan::nothing(Reason::HiredInAshby)
    };
    assert!(
        plan.sentence()
            .starts_with(&Reason::HiredInAshby.to_string())
    );
    assert!(plan.sentence().contains("3 December 2026, 01:46:40 UTC"));
}

#[test]
fn the_rules_page_lists_every_code_and_no_other() {
    let page = include_str!("../../../docs/rules.md");
    let listed: BTreeSet<_> = page
        .lines()
        .skip_while(|line| *line != "## Every reason")
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let known: BTreeSet<_> = every_reason().iter().map(Reason::code).collect();
    assert_eq!(listed, known);
}
