//! The laws of fields: what holds whatever Dover says and Ashby holds.

use chrono::DateTime;
use proptest::{option, prelude::*, sample::select};
use serde_json::json;

use super::{
    decide::{Before, Held, Question, Said, Verdict, Write, decide},
    map::{Entry, FieldMap, Target, check, without_place},
    *,
};
use crate::plan::fields::catalogue::{Choice, Kind};

fn said() -> impl Strategy<Value = Said> {
    (0..6_i64, 0..3_i64)
        .prop_map(|(at, arrival)| (DateTime::from_timestamp(at, 0).unwrap(), arrival))
}

fn before() -> impl Strategy<Value = Before> {
    (said(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(said, is_same, same_variable, is_ours)| Before {
            said,
            is_same,
            same_variable: same_variable || is_same,
            is_ours,
        },
    )
}

fn question() -> impl Strategy<Value = Question> {
    let policy = select(vec![Write::Always, Write::IfBlank, Write::Never]);
    let held = select(vec![Held::Blank, Held::Wanted, Held::Before, Held::Other]);
    let changed_at = option::of((0..6_i64).prop_map(|at| DateTime::from_timestamp(at, 0).unwrap()));
    (
        policy,
        any::<bool>(),
        said(),
        held,
        option::of(before()),
        changed_at,
        any::<bool>(),
    )
        .prop_map(
            |(policy, is_careful, said, held, before, changed_at, is_new)| Question {
                policy,
                is_careful,
                said,
                held,
                before,
                changed_at,
                is_new,
            },
        )
}

proptest! {
    #[test]
    fn a_protected_field_is_never_written(question in question()) {
        let protected = Question { policy: Write::Never, ..question };
        prop_assert_eq!(decide(&protected), Verdict::Leave);
    }

    #[test]
    fn if_blank_never_replaces_anything(question in question()) {
        let question = Question { policy: Write::IfBlank, ..question };
        if decide(&question) == Verdict::Write {
            prop_assert_eq!(question.held, Held::Blank);
        }
    }

    #[test]
    fn what_is_there_is_not_written_again(question in question()) {
        let there = Question { held: Held::Wanted, ..question };
        prop_assert_ne!(decide(&there), Verdict::Write);
    }

    #[test]
    fn what_was_decided_once_is_not_decided_again(question in question()) {
        let verdict = decide(&question);
        let settled = Before {
            said: question.said,
            is_same: true,
            same_variable: true,
            is_ours: question.is_ours(verdict),
        };
        let held = if verdict == Verdict::Write { Held::Wanted } else { question.held };
        let again = Question { held, before: Some(settled), ..question };
        prop_assert_eq!(decide(&again), Verdict::Leave);
        // Nor where that decision was not kept: what was written is there then.
        let lost = Question { held, ..question };
        if verdict == Verdict::Write {
            prop_assert_ne!(decide(&lost), Verdict::Write);
        }
    }

    #[test]
    fn what_somebody_else_did_since_stays(question in question()) {
        let theirs = question.held == Held::Other
            || question.held == Held::Before && question.before.is_none_or(|before| !before.is_ours);
        let emptied = question.held == Held::Blank && question.before.is_some_and(|before| before.is_ours);
        if (theirs || emptied) && !question.is_newer() {
            prop_assert_eq!(decide(&question), Verdict::Leave);
        }
    }

    #[test]
    fn what_somebody_typed_before_dover_said_it_is_not_ours(question in question(), later in said()) {
        let typed = Question { held: Held::Wanted, is_new: false, before: None, ..question };
        let ours = typed.is_ours(decide(&typed));
        prop_assert_eq!(ours, decide(&typed) == Verdict::There && typed.is_newer());
        // Later news that is no newer than their hand does not replace it.
        let before = Before { said: typed.said, is_same: false, same_variable: true, is_ours: ours };
        let then = Question { said: later, held: Held::Before, before: Some(before), ..typed };
        if !ours && !then.is_newer() {
            prop_assert_eq!(decide(&then), Verdict::Leave);
        }
    }

    #[test]
    fn older_news_never_wins(question in question()) {
        if let Some(before) = question.before && before.same_variable && before.said > question.said {
            prop_assert_eq!(decide(&question), Verdict::Leave);
        }
    }

    #[test]
    fn a_link_that_somebody_else_put_there_stays(question in question()) {
        let theirs = Question { is_careful: true, held: Held::Other, ..question };
        prop_assert_eq!(decide(&theirs), Verdict::Leave);
    }
}

fn field(id: &str, title: &str, object: Object, kind: Kind) -> Field {
    Field {
        id: id.into(),
        title: title.to_owned(),
        object: Some(object),
        of_other: None,
        kind,
        is_archived: false,
    }
}

fn catalogue() -> Catalogue {
    let choice = Choice {
        value: "staff".to_owned(),
        label: "Staff".to_owned(),
        is_archived: false,
    };
    Catalogue(vec![
        field("f-title", "title", Object::Candidate, Kind::Text),
        field(
            "f-level",
            "Seniority",
            Object::Candidate,
            Kind::Select(vec![choice]),
        ),
        field("f-owner", "Sourcer", Object::Application, Kind::Email),
        field("f-twin-1", "Twin", Object::Candidate, Kind::Text),
        field("f-twin-2", "Twin", Object::Application, Kind::Text),
        field(
            "f-pay",
            "Pay",
            Object::Candidate,
            Kind::Other("Currency".to_owned()),
        ),
        Field {
            is_archived: true,
            ..field("f-old", "Old", Object::Candidate, Kind::Text)
        },
        Field {
            object: None,
            of_other: Some("Job".to_owned()),
            ..field("f-job", "Budget", Object::Candidate, Kind::Text)
        },
    ])
}

fn asked(entries: &[(&str, &str)]) -> Vec<Entry<String>> {
    let entries = entries.iter().map(|(variable, to)| Entry {
        variable: Variable::parse(variable).unwrap(),
        to: (*to).to_owned(),
        policy: Write::Always,
    });
    entries.collect()
}

#[test]
fn fields_are_named_by_id_or_title_and_kept_by_id() {
    let entries = asked(&[
        ("fields.seniority", "seniority"),
        ("owner.email", "f-owner"),
        ("phone", "candidate.phone"),
    ]);
    let kept = check(&entries, &catalogue()).unwrap();
    let kept: Vec<String> = kept.iter().map(|entry| entry.to.to_string()).collect();
    assert_eq!(kept, ["f-level", "f-owner", "candidate.phone"]);
}

#[test]
fn what_cannot_be_is_told_with_what_can() {
    let mut lines = Vec::new();
    for entries in [
        &[("fields.x", "Old")][..],
        &[("fields.x", "f-job")],
        &[("fields.x", "Pay")],
        &[("fields.x", "Twin")],
        &[("fields.x", "Nowhere")],
        &[("fields.x", "Seniority"), ("fields.y", "f-level")],
        &[("title", "f-twin-1"), ("title", "f-twin-2")],
        &[("phone", "Sourcer")],
        &[("fields.x", "candidate.location")],
        &[("email", "candidate.alternate_emails")],
    ] {
        for (pointer, detail) in check(&asked(entries), &catalogue()).unwrap_err() {
            lines.push(format!("{pointer} {detail}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_list_goes_into_several_fields() {
    let entries = asked(&[
        ("fields.skills[]", "f-twin-1"),
        ("fields.skills[]", "f-twin-2"),
    ]);
    assert_eq!(check(&entries, &catalogue()).unwrap().len(), 2);
}

#[test]
fn a_default_counts_until_its_variable_or_its_field_is_set() {
    let goes = |map: &FieldMap| -> Vec<String> {
        let entries = map.in_force(&catalogue()).into_iter();
        let entries = entries.map(|entry| format!("{} -> {}", entry.variable, entry.to));
        entries.collect()
    };
    let usual = goes(&FieldMap::default());
    assert!(usual.contains(&"title -> f-title".to_owned()), "{usual:?}");
    assert!(usual.contains(&"social_urls.github -> candidate.github_url".to_owned()));
    let set = check(
        &asked(&[("fields.mobile", "candidate.phone"), ("title", "f-twin-1")]),
        &catalogue(),
    );
    let map = FieldMap {
        entries: set.unwrap(),
        ..FieldMap::default()
    };
    let set = goes(&map);
    assert_eq!(set.len(), usual.len());
    assert!(set.contains(&"fields.mobile -> candidate.phone".to_owned()));
    assert!(!set.contains(&"phone -> candidate.phone".to_owned()));
    assert!(!set.contains(&"title -> f-title".to_owned()));
}

#[test]
fn title_and_company_have_no_place_unless_a_field_takes_them() {
    let usual = FieldMap::default();
    assert_eq!(without_place(&usual, &catalogue()), [Variable::Company]);
    assert_eq!(
        without_place(&usual, &Catalogue::default()),
        [Variable::Title, Variable::Company]
    );
    let hidden = FieldMap {
        displayed: Some(vec![Target::Native(Native::Phone)]),
        ..FieldMap::default()
    };
    assert_eq!(
        without_place(&hidden, &catalogue()),
        [Variable::Title, Variable::Company]
    );
}

#[test]
fn a_map_is_read_as_it_was_kept() {
    let entries = check(&asked(&[("fields.skills[]", "f-twin-1")]), &catalogue()).unwrap();
    let kept = super::map::kept(&entries);
    assert_eq!(
        kept,
        json!([{"variable": "fields.skills[]", "to": "f-twin-1", "policy": "always"}])
    );
    assert_eq!(serde_json::from_value::<Vec<Entry>>(kept).unwrap(), entries);
}
