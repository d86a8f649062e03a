//! Rule 1: what is kept of many deliveries, and by whose clock.

use std::sync::Arc;

use chrono::{SubsecRound, TimeDelta};

use super::world::{at, said, stamp, world};
use crate::plan::{
    plan,
    says::{Contact, Dated, DoverSays, Stage, Stamp, Status, Word},
};

/// When, stage, status.
type Said = (i64, &'static str, &'static str);

fn fold(deliveries: impl IntoIterator<Item = DoverSays>) -> DoverSays {
    let mut all = DoverSays::default();
    for delivery in deliveries {
        all.fold(delivery);
    }
    all
}

/// The words that stand, as `stage status`.
fn words(says: &DoverSays) -> String {
    let stage = says.stage.as_ref().map(|said| match &said.value.stage {
        Word::Known(stage) => stage.word(),
        Word::Unknown(word) => word,
    });
    let status = says.status.as_ref().map(|said| match &said.value {
        Word::Known(status) => status.word(),
        Word::Unknown(word) => word,
    });
    format!("{} {}", stage.unwrap_or("-"), status.unwrap_or("-"))
}

#[test]
fn the_later_word_of_dovers_own_clock_stands_whatever_the_order_of_arrival() {
    // In order of arrival; what stands.
    let cases: [(&[Said], &str); 12] = [
        (&[], "- -"),
        (&[(1, "replied", "")], "replied active"),
        (&[(1, "", "snoozed")], "- snoozed"),
        (
            &[(1, "reached_out", ""), (2, "replied", "")],
            "replied active",
        ),
        (
            &[(2, "replied", ""), (1, "reached_out", "")],
            "replied active",
        ),
        (
            &[(1, "replied", ""), (1, "interested", "")],
            "interested active",
        ),
        (
            &[(1, "interested", ""), (1, "replied", "")],
            "replied active",
        ),
        (
            &[(1, "replied", ""), (2, "", "withdrew")],
            "replied withdrew",
        ),
        (
            &[(2, "", "withdrew"), (1, "replied", "")],
            "replied withdrew",
        ),
        (&[(1, "", "withdrew"), (2, "replied", "")], "replied active"),
        (
            &[(1, "replied", "rejected"), (2, "", "active")],
            "replied active",
        ),
        (
            &[(1, "replied", ""), (2, "dreaming", "")],
            "dreaming active",
        ),
    ];
    for (deliveries, stands) in cases {
        let says = fold(
            (1..)
                .zip(deliveries)
                .map(|(arrival, (seconds, stage, status))| {
                    said(stage, status, stamp(*seconds, arrival))
                }),
        );
        assert_eq!(words(&says), stands, "{deliveries:?}");
    }
}

#[test]
fn a_clock_that_runs_ahead_is_believed_for_five_minutes_and_no_longer() {
    for (ahead_s, counts_s, believed) in [
        (-3600, -3600, true),
        (0, 0, true),
        (300, 300, true),
        (301, 0, false),
    ] {
        let stamp = Stamp::new(at(ahead_s), at(0), 1);
        assert_eq!(stamp.at, at(counts_s), "{ahead_s} s ahead");
        assert_eq!(
            stamp.claimed,
            (!believed).then(|| at(ahead_s)),
            "{ahead_s} s ahead"
        );
    }
}

#[test]
fn a_clock_that_ran_ahead_once_does_not_win_for_ever() {
    let world = world()
        .says_ahead(1_000_000, 100, "interviewing")
        .says_at(101, "replied", "");
    assert_eq!(words(&world.situation.dover), "replied active");
    assert_eq!(plan(&world.situation).clock_ahead, None);
}

#[test]
fn the_reason_says_when_the_time_of_receipt_counts() {
    let plan = plan(&world().says_ahead(1_000_000, 100, "replied").situation);
    assert_eq!(plan.clock_ahead, Some(at(1_000_000)));
    insta::assert_snapshot!(
        plan.sentence(),
        @"New in Ashby: created at “Replied” with source Dover. Dover dated its update 3 December 2026, 01:46:40 UTC, which lay ahead of the clock; the time of receipt counts."
    );
}

#[test]
fn each_contact_field_is_kept_by_its_own_time() {
    let text = |value: &str, seconds| Some(Dated::new(value.to_owned(), stamp(seconds, seconds)));
    let early = Contact {
        name: text("Ada", 1),
        email: text("ada@old.example", 1),
        phone: text("1", 1),
        ..Contact::default()
    };
    let late = Contact {
        name: text("Ada Lovelace", 3),
        company: text("Engines", 3),
        ..Contact::default()
    };
    let between = Contact {
        name: text("A. Lovelace", 2),
        email: text("ada@new.example", 2),
        ..Contact::default()
    };
    let says =
        fold([late, early, between].map(|contact| DoverSays::default().with_contact(contact)));
    let kept = |field: &Option<Dated<String>>| {
        field
            .as_ref()
            .map(|said| said.value.clone())
            .unwrap_or_default()
    };
    assert_eq!(kept(&says.contact.name), "Ada Lovelace");
    assert_eq!(kept(&says.contact.email), "ada@new.example");
    assert_eq!(kept(&says.contact.phone), "1");
    assert_eq!(kept(&says.contact.company), "Engines");
}

#[test]
fn news_of_contact_fields_makes_a_stage_no_newer() {
    let mut world = world().says_at(100, "replied", "").situation;
    let name = Some(Dated::new("Ada King".to_owned(), stamp(500, 9)));
    Arc::make_mut(&mut world.dover).fold(DoverSays::default().with_contact(Contact {
        name,
        ..Contact::default()
    }));
    assert_eq!(world.dover.said_at(), Some(at(100)));
}

#[test]
fn a_fold_survives_storage() {
    let says = world()
        .says("replied", "")
        .says_ahead(900, 100, "dreaming")
        .situation
        .dover;
    let stored = serde_json::to_string(&*says).unwrap();
    assert_eq!(serde_json::from_str::<DoverSays>(&stored).unwrap(), *says);
}

#[test]
fn every_word_is_stored_as_the_contract_writes_it() {
    for stage in [
        Stage::NewLead,
        Stage::ReachedOut,
        Stage::Replied,
        Stage::Interested,
        Stage::Interviewing,
    ] {
        assert_eq!(serde_json::to_value(stage).unwrap(), stage.word());
    }
    for status in [
        Status::Active,
        Status::Withdrew,
        Status::Rejected,
        Status::Hired,
        Status::Snoozed,
        Status::NotInterested,
    ] {
        assert_eq!(serde_json::to_value(status).unwrap(), status.word());
    }
}

#[test]
fn nothing_of_a_person_shows_in_debug_output() {
    let says = world().says("replied", "").situation.dover;
    assert!(!format!("{says:?}").contains("ada@example.com"));
}

/// The database keeps microseconds. A word that came with finer digits would stay newer than its own applied time.
#[test]
fn times_are_as_fine_as_the_database_keeps_them() {
    let fine = at(100) + TimeDelta::nanoseconds(123_456_789);
    let stamp = Stamp::new(fine, at(100), 1);
    assert_eq!(stamp.at, fine.trunc_subsecs(6));
    let ahead = Stamp::new(fine, at(-1000), 1);
    assert_eq!(ahead.claimed, Some(fine.trunc_subsecs(6)));
}
