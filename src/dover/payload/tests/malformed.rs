//! What does not keep the contract, and where that is said.

use serde_json::{Value, json};

use super::*;

#[test]
fn what_is_not_json_is_told_with_its_place() {
    for (body, expected) in [
        ("", "empty body"),
        (" \n", "empty body"),
        ("hello", "line 1, column 1"),
        ("{\"type\": \"ping\",\n  nonsense}", "line 2, column 3"),
        ("{\"type\": \"pi", "cut short"),
        ("{\"type\": \"ping\"} {}", "trailing characters"),
        ("type=ping", "not JSON"),
        ("<html></html>", "not JSON"),
        ("{\"type\": 1e999}", "number out of range"),
        ("[]", "expected an object, found an array"),
        ("null", "expected an object, found null"),
        ("\"ping\"", "expected an object, found a string"),
    ] {
        let detail = raw_fault(body.as_bytes());
        assert!(detail.contains(expected), "{body}: {detail}");
    }
    assert!(raw_fault(b"{\"type\": \"\xff\"}").contains("not JSON"));
    let deep = format!("{{\"type\": {}", "[".repeat(10_000));
    assert!(raw_fault(deep.as_bytes()).contains("recursion limit"));
}

#[test]
fn a_lone_surrogate_is_explained() {
    for escape in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud83d\n"] {
        let body = format!(r#"{{"type": "ping", "unknown": "{escape}"}}"#);
        let detail = raw_fault(body.as_bytes());
        assert!(detail.contains("surrogate pair"), "{escape}: {detail}");
    }
    let pair = br#"{"type": "ping", "unknown": "\ud83d\ude00"}"#;
    assert!(read(pair, &PayloadPaths::default()).is_ok());
}

#[test]
fn a_missing_required_field_is_named() {
    for pointer in [
        "/type",
        "/data/candidate/id",
        "/data/job/id",
        "/data/updated_at",
    ] {
        for absence in [None, Some(Value::Null)] {
            let found = faults(&with(pointer, absence));
            let [(at, detail)] = &found[..] else {
                panic!("{found:?}")
            };
            assert_eq!(at, pointer);
            assert!(detail.starts_with("is required: expected "), "{detail}");
        }
    }
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    let pointers = |payload: &Value| -> Vec<_> {
        let faults = faults(payload).into_iter();
        faults.map(|(pointer, _)| pointer).collect()
    };
    let common = ["/data/candidate/id", "/data/job/id", "/data/updated_at"];
    for (payload, first) in [
        (json!({}), vec!["/type"]),
        (json!({"type": "candidate.updated"}), vec![]),
        (json!({"type": "candidate.updated", "data": null}), vec![]),
        (
            json!({"type": "candidate.stage_changed"}),
            vec!["/data/stage"],
        ),
        (
            json!({"type": "candidate.activity"}),
            vec![
                "/data/activity/id",
                "/data/activity/kind",
                "/data/activity/at",
            ],
        ),
    ] {
        assert_eq!(pointers(&payload), [first, common.to_vec()].concat());
    }
}

#[test]
fn a_stage_change_needs_a_stage_or_a_status() {
    assert!(parse(&with("/data/stage", None)).is_ok());
    assert!(parse(&with("/data/status", None)).is_ok());
    for absence in [None, Some(Value::Null), Some(json!("")), Some(json!("  "))] {
        let payload = changed(
            with("/data/stage", absence.clone()),
            "/data/status",
            absence,
        );
        assert_eq!(
            faults(&payload),
            [(
                "/data/stage".to_owned(),
                "is required: expected a stage here or a status at /data/status".to_owned()
            )]
        );
    }
    let payload = changed(with("/data/stage", Some(json!(3))), "/data/status", None);
    assert_eq!(
        faults(&payload),
        [(
            "/data/stage".to_owned(),
            "expected a string, found a number".to_owned()
        )]
    );
}

fn is_told_at_its_place(pointer: &str, value: Value, expected: &str) {
    let found = faults(&with(pointer, Some(value)));
    let [(place, detail)] = &found[..] else {
        panic!("{pointer}: {found:?}")
    };
    assert_eq!(place, pointer);
    assert!(detail.starts_with(expected), "{pointer}: {detail}");
}

#[test]
fn what_should_be_a_string_and_is_not_is_told_at_its_place() {
    for pointer in [
        "/type",
        "/timestamp",
        "/data/candidate/id",
        "/data/candidate/name",
        "/data/candidate/email",
        "/data/candidate/alternate_emails/0",
        "/data/candidate/phone",
        "/data/candidate/linkedin_url",
        "/data/candidate/social_urls/github",
        "/data/candidate/title",
        "/data/candidate/company",
        "/data/candidate/location/city",
        "/data/candidate/location/region",
        "/data/candidate/location/country",
        "/data/job/id",
        "/data/job/title",
        "/data/stage",
        "/data/stage_name",
        "/data/status",
        "/data/owner/email",
        "/data/updated_at",
    ] {
        for (value, found) in [
            (json!(42), "a number"),
            (json!(false), "a boolean"),
            (json!([]), "an array"),
            (json!({}), "an object"),
        ] {
            is_told_at_its_place(pointer, value, &format!("expected a string, found {found}"));
        }
    }
}

#[test]
fn what_should_be_an_object_or_array_and_is_not_is_told_at_its_place() {
    for pointer in [
        "/data",
        "/data/candidate",
        "/data/candidate/location",
        "/data/candidate/fields",
        "/data/candidate/social_urls",
        "/data/job",
        "/data/owner",
    ] {
        is_told_at_its_place(pointer, json!("x"), "expected an object, found a string");
        is_told_at_its_place(pointer, json!([]), "expected an object, found an array");
    }
    let pointer = "/data/candidate/alternate_emails";
    let expected = "expected an array of e-mail addresses, found a string";
    is_told_at_its_place(pointer, json!("ada@work.example"), expected);
}

#[test]
fn a_key_is_escaped_in_its_pointer() {
    let urls = json!({"a/b~c": 1});
    let found = faults(&with("/data/candidate/social_urls", Some(urls)));
    assert_eq!(found[0].0, "/data/candidate/social_urls/a~1b~0c");
}

#[test]
fn an_address_that_is_none_is_refused_wherever_it_stands() {
    for pointer in [
        "/data/candidate/email",
        "/data/candidate/alternate_emails/0",
        "/data/owner/email",
    ] {
        for value in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "a@b@c",
            "ada@exam ple.com",
        ] {
            let detail = "expected an e-mail address such as ada@example.com".to_owned();
            assert_eq!(
                faults(&with(pointer, Some(json!(value)))),
                [(pointer.to_owned(), detail)],
                "{value}"
            );
        }
        let long = format!("{}@example.com", "a".repeat(243));
        let found = faults(&with(pointer, Some(json!(long))));
        assert!(
            found[0].1.contains("at most 254 bytes, found 255"),
            "{found:?}"
        );
    }
}

#[test]
fn a_time_without_zone_is_refused_and_any_time_with_one_is_taken() {
    for pointer in ["/data/updated_at", "/timestamp"] {
        let found = faults(&with(pointer, Some(json!("2026-11-21T09:59:58"))));
        assert_eq!(found[0].0, pointer);
        assert!(found[0].1.contains("has no zone"), "{found:?}");
        for text in ["yesterday", "2026-11-21", ""] {
            let found = faults(&with(pointer, Some(json!(text))));
            assert_eq!(found[0].0, pointer);
            assert!(found[0].1.contains("RFC 3339"), "{found:?}");
        }
    }
    for text in [
        "1970-01-01T00:00:00Z",
        "2026-11-21T11:00:03+00:00",
        "9999-12-31T23:59:59-23:59",
    ] {
        assert!(
            parse(&with("/data/updated_at", Some(json!(text)))).is_ok(),
            "{text}"
        );
    }
}

#[test]
fn an_activity_without_its_essentials_is_refused() {
    for pointer in [
        "/data/activity/id",
        "/data/activity/kind",
        "/data/activity/at",
    ] {
        assert_eq!(faults(&changed(activity(), pointer, None))[0].0, pointer);
    }
    let no_zone = changed(
        activity(),
        "/data/activity/at",
        Some(json!("2026-11-21T09:59:00")),
    );
    assert_eq!(faults(&no_zone)[0].0, "/data/activity/at");
}
