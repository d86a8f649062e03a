//! What a payload that keeps the contract says.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;
use crate::plan::says::{Contact, Dated, Location, Stage};

#[test]
fn the_example_says_everything_that_is_in_it() {
    let delivery = parse(&example()).unwrap();
    assert_eq!(delivery.candidate_id, Some("cand_8f2c".into()));
    assert_eq!(delivery.job_id, Some("job_42".into()));
    assert_eq!(delivery.job_title, Some("Staff Engineer"));
    assert_eq!(delivery.updated_at, Some(moment("2026-11-21T09:59:58Z")));
    assert_eq!(delivery.timestamp, Some(moment("2026-11-21T10:00:02.113Z")));

    let received_at = moment("2026-11-21T10:00:03Z");
    let stamp = Stamp::new(moment("2026-11-21T09:59:58Z"), received_at, 7);
    let text = |text: &str| Some(Dated::new(text.to_owned(), stamp));
    let site = ("github".to_owned(), "https://github.com/ada".to_owned());
    let location = Location {
        city: Some("London".to_owned()),
        region: Some("England".to_owned()),
        country: Some("United Kingdom".to_owned()),
    };
    let fields = json!({"seniority": "staff", "skills": ["rust", "sql"]});
    let contact = Contact {
        name: text("Ada Lovelace"),
        email: text("ada@example.com"),
        alternate_emails: Some(Dated::new(vec!["ada@work.example".to_owned()], stamp)),
        phone: text("+44 20 7946 0000"),
        linkedin_url: text("https://www.linkedin.com/in/ada-lovelace/"),
        social_urls: Some(Dated::new([site].into(), stamp)),
        title: text("Staff Engineer"),
        company: text("Analytical Engines"),
        location: Some(Dated::new(location, stamp)),
        fields: Some(Dated::new(fields.as_object().unwrap().clone(), stamp)),
        owner_email: text("sourcer@example.com"),
    };
    let stage = SaidStage {
        stage: Word::Known(Stage::Replied),
        name: Some("Responded".to_owned()),
    };
    let status = Word::Known(Status::Active);
    let expected = DoverSays::standing(Some(stage), Some(status), stamp).with_contact(contact);
    assert!(delivery.says(received_at, 7) == expected);
}

#[test]
fn a_clock_that_runs_ahead_is_not_believed() {
    let received_at = moment("2026-11-21T10:00:00Z");
    let said_at = |text: &str| {
        let delivery = parse(&with("/data/updated_at", Some(json!(text)))).unwrap();
        let says = delivery.says(received_at, 1);
        let stamps = [says.stage.unwrap().stamp, says.contact.name.unwrap().stamp];
        assert_eq!(stamps[0], stamps[1]);
        (stamps[0].at, stamps[0].claimed)
    };
    let ahead = received_at + TimeDelta::hours(1);
    assert_eq!(said_at("2026-11-21T11:00:00Z"), (received_at, Some(ahead)));
    let little = received_at + TimeDelta::minutes(5);
    assert_eq!(said_at("2026-11-21T10:05:00Z"), (little, None));
    assert_eq!(
        said_at("1970-01-01T00:00:00Z"),
        (DateTime::UNIX_EPOCH, None)
    );
}

#[test]
fn a_time_loses_what_the_database_would_lose() {
    let delivery = parse(&with(
        "/data/updated_at",
        Some(json!("2026-11-21T09:59:58.123456789Z")),
    ));
    assert_eq!(
        delivery.unwrap().updated_at,
        Some(moment("2026-11-21T09:59:58.123456Z"))
    );
}

#[test]
fn null_and_blank_say_nothing() {
    let bare = json!({"type": "candidate.updated", "data": {
        "candidate": {"id": "cand_8f2c"}, "job": {"id": "job_42"}, "updated_at": "2026-11-21T09:59:58Z"}});
    let expected = parse(&bare).unwrap();
    assert_eq!(expected.profile, Profile::default());

    let mut nulls = example();
    nulls["type"] = json!("candidate.updated");
    nulls["timestamp"] = Value::Null;
    nulls["data"]["owner"] = Value::Null;
    nulls["data"]["job"]["title"] = Value::Null;
    for (key, value) in nulls["data"]["candidate"].as_object_mut().unwrap() {
        if key != "id" {
            *value = Value::Null;
        }
    }
    assert_eq!(parse(&nulls).unwrap(), expected);

    let mut blanks = bare;
    for key in ["name", "phone", "linkedin_url", "title", "company"] {
        blanks["data"]["candidate"][key] = json!("  ");
    }
    blanks["data"]["candidate"]["location"] = json!({"city": "", "region": null});
    assert_eq!(parse(&blanks).unwrap(), expected);
}

#[test]
fn an_id_is_taken_exactly_and_never_blank() {
    for pointer in ["/data/candidate/id", "/data/job/id"] {
        for blank in ["", "  "] {
            let found = faults(&with(pointer, Some(json!(blank))));
            assert_eq!(found[0].0, pointer);
            assert!(found[0].1.contains("non-empty"), "{found:?}");
        }
    }
    let delivery = parse(&with("/data/job/id", Some(json!(" job 42 ")))).unwrap();
    assert_eq!(delivery.job_id, Some(" job 42 ".into()));
}

#[test]
fn a_linkedin_address_of_any_shape_is_kept_as_it_came() {
    for address in [
        "/in/ada-lovelace/",
        "linkedin.com/in/ada-lovelace?trk=public",
        "https://uk.linkedin.com/in/ada-lovelace",
        "no address at all",
    ] {
        let delivery = parse(&with("/data/candidate/linkedin_url", Some(json!(address)))).unwrap();
        assert_eq!(delivery.profile.linkedin_url, Some(address));
    }
}

#[test]
fn an_unknown_stage_or_status_is_kept_as_a_word() {
    let payload = changed(
        with("/data/stage", Some(json!("Tech Screen"))),
        "/data/status",
        Some(json!("on hold")),
    );
    let Kind::StageChanged(standing) = parse(&payload).unwrap().kind else {
        panic!("a stage change")
    };
    let stage = standing.stage.unwrap();
    assert_eq!(stage.stage, Word::Unknown("Tech Screen".to_owned()));
    assert_eq!(stage.name.as_deref(), Some("Responded"));
    assert_eq!(standing.status, Some(Word::Unknown("on hold".to_owned())));
}

#[test]
fn a_stage_alone_says_active_and_a_status_alone_says_no_stage() {
    let received_at = moment("2026-11-21T10:00:03Z");
    let says = parse(&with("/data/status", None))
        .unwrap()
        .says(received_at, 1);
    assert_eq!(says.status.unwrap().value, Word::Known(Status::Active));

    let withdrew = changed(
        with("/data/stage", None),
        "/data/status",
        Some(json!("Withdrawn")),
    );
    let says = parse(&withdrew).unwrap().says(received_at, 1);
    assert_eq!(says.stage, None);
    assert_eq!(says.status.unwrap().value, Word::Known(Status::Withdrew));
}

#[test]
fn only_a_stage_change_speaks_of_stage_and_status() {
    let received_at = moment("2026-11-21T10:00:03Z");
    for (kind, stage) in [
        ("candidate.updated", json!("replied")),
        ("candidate.updated", json!(17)),
        ("candidate.activity", json!(17)),
        ("candidate.promoted", json!(17)),
    ] {
        let payload = changed(activity(), "/type", Some(json!(kind)));
        let payload = changed(payload, "/data/stage", Some(stage));
        let says = parse(&payload).unwrap().says(received_at, 1);
        assert!(says.stage.is_none() && says.status.is_none());
        assert_eq!(says.contact.name.unwrap().value, "Ada Lovelace");
    }
}

#[test]
fn a_ping_needs_nothing_and_says_nothing() {
    for payload in [
        json!({"type": "ping"}),
        json!({"type": "ping", "timestamp": 7, "data": "whatever"}),
        with("/type", Some(json!("ping"))),
    ] {
        let delivery = parse(&payload).unwrap();
        assert_eq!(delivery, Delivery::ping());
        let says = delivery.says(moment("2026-11-21T10:00:03Z"), 1);
        assert!(says == DoverSays::default());
    }
}

#[test]
fn an_unknown_type_is_taken_with_whatever_it_carries() {
    let bare = parse(&json!({"type": "invoice.paid"})).unwrap();
    assert_eq!(bare.kind, Kind::Other("invoice.paid".to_owned()));
    assert_eq!((bare.candidate_id, bare.job_id), (None, None));

    let full = parse(&with("/type", Some(json!("candidate.promoted")))).unwrap();
    assert_eq!(full.kind.word(), "candidate.promoted");
    assert_eq!(full.candidate_id, Some("cand_8f2c".into()));
    assert_eq!(full.job_id, Some("job_42".into()));
    assert_eq!(full.profile.name, Some("Ada Lovelace"));

    let other_shape = json!({"type": "invoice.paid", "timestamp": 5, "data": {
        "candidate": {"id": 5, "name": "Ada"}, "job": {"id": "job_42"}, "updated_at": "noon"}});
    let delivery = parse(&other_shape).unwrap();
    assert_eq!(delivery.candidate_id, None);
    assert_eq!(delivery.job_id, Some("job_42".into()));
    assert_eq!(
        delivery.profile,
        Profile::default(),
        "no candidate, no contact"
    );
    assert!(delivery.says(moment("2026-11-21T10:00:03Z"), 1) == DoverSays::default());
}

#[test]
fn unknown_fields_are_no_fault() {
    let payload = with("/data/candidate/pronouns", Some(json!("she/her")));
    assert_eq!(parse(&payload), parse(&example()));
}

#[test]
fn of_a_key_that_occurs_twice_the_last_counts() {
    let body = br#"{"type": "ping", "type": "invoice.paid"}"#;
    let delivery = read(body, &PayloadPaths::default()).unwrap();
    assert_eq!(delivery.kind.word(), "invoice.paid");
}

#[test]
fn an_activity_is_read_in_full() {
    let Kind::Activity(read) = parse(&activity()).unwrap().kind else {
        panic!("an activity")
    };
    assert_eq!(read.id, "act_1");
    assert_eq!(read.kind, ActivityKind::EmailReplied);
    assert_eq!(read.at, moment("2026-11-21T09:59:00Z"));
    assert_eq!(read.subject.as_deref(), Some("Re: Hello"));
    assert_eq!(read.body.as_deref(), Some("Tell me more"));
    assert_eq!(read.sentiment, Some(Sentiment::Positive));
}

#[test]
fn an_activity_of_unknown_kind_is_taken_and_of_unknown_sentiment_is_not() {
    let sms = changed(activity(), "/data/activity/kind", Some(json!("sms_sent")));
    let Kind::Activity(sms) = parse(&sms).unwrap().kind else {
        panic!("an activity")
    };
    assert_eq!(sms.kind, ActivityKind::Other("sms_sent".to_owned()));

    let furious = changed(
        activity(),
        "/data/activity/sentiment",
        Some(json!("furious")),
    );
    assert_eq!(
        faults(&furious),
        [(
            "/data/activity/sentiment".to_owned(),
            "expected one of positive, neutral, negative".to_owned()
        )]
    );
}

#[test]
fn a_payload_of_another_shape_is_read_by_its_field_map() {
    let paths = PayloadPaths::new([
        ("type", "/event"),
        ("candidate.id", "/people/0/uid"),
        ("candidate.email", "/people/0/mail"),
        ("job.id", "/role~1id"),
        ("stage", "/column"),
        ("updated_at", "/at"),
    ])
    .unwrap();
    let mut payload = json!({"event": "candidate.stage_changed", "people": [{"uid": "u1", "mail": "ada@example.com"}],
        "role/id": "r1", "column": "Contacted", "at": "2026-11-21T09:59:58Z"});
    let delivery = read(payload.to_string().as_bytes(), &paths).unwrap();
    assert_eq!(delivery.candidate_id, Some("u1".into()));
    assert_eq!(delivery.job_id, Some("r1".into()));
    assert_eq!(delivery.profile.email, Some("ada@example.com"));

    payload["people"][0]["mail"] = json!("none");
    payload["role/id"] = Value::Null;
    let faults = read(payload.to_string().as_bytes(), &paths).unwrap_err();
    let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/role~1id", "/people/0/mail"],
        "where they were looked for"
    );
}

#[test]
fn nothing_personal_shows_in_debug_output() {
    for payload in [example(), activity()] {
        let shown = format!("{:?}", parse(&payload).unwrap());
        for personal in ["Ada", "ada", "7946", "Tell me"] {
            assert!(!shown.contains(personal), "{shown}");
        }
    }
}

/// The statements are told without making them: what waits is folded by that.
#[test]
fn what_is_said_is_told_beforehand() {
    let received_at = moment("2026-11-21T10:00:03Z");
    let all = parse(&example()).unwrap();
    let complete = all.statements();
    assert_eq!(complete, all.says(received_at, 7).statements());
    let pointers = Field::ALL.iter().map(|field| field.default_pointer());
    let mut fewer = 0;
    for pointer in pointers.filter(|pointer| example().pointer(pointer).is_some()) {
        let without = with(pointer, None);
        let Ok(delivery) = parse(&without) else {
            continue;
        };
        let statements = delivery.statements();
        assert_eq!(
            statements,
            delivery.says(received_at, 7).statements(),
            "{pointer}"
        );
        fewer += usize::from(statements != complete);
    }
    // Stage alone says the status too, and a place is still one without its city.
    assert!(fewer >= 10, "{fewer}");
}

#[test]
fn paths_of_another_reading_have_another_fingerprint() {
    let usual = PayloadPaths::default().fingerprint();
    let moved = PayloadPaths::new([("stage", "/data/phase")]).unwrap();
    assert_eq!(usual, PayloadPaths::new([]).unwrap().fingerprint());
    assert_ne!(usual, moved.fingerprint());
}
