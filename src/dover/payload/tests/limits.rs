//! What is too long, too many, or cannot be stored.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_value_over_its_limit_is_told_the_limit() {
    for (pointer, limit) in [
        ("/type", 200),
        ("/data/candidate/id", 200),
        ("/data/job/id", 200),
        ("/data/candidate/name", 500),
        ("/data/candidate/phone", 100),
        ("/data/candidate/linkedin_url", 2_000),
        ("/data/candidate/social_urls/github", 2_000),
        ("/data/candidate/title", 500),
        ("/data/candidate/company", 500),
        ("/data/candidate/location/city", 500),
        ("/data/candidate/location/region", 500),
        ("/data/candidate/location/country", 500),
        ("/data/job/title", 500),
        ("/data/stage", 100),
        ("/data/stage_name", 500),
        ("/data/status", 100),
        ("/data/activity/id", 200),
        ("/data/activity/kind", 100),
        ("/data/activity/subject", 1_000),
        ("/data/activity/body", 100_000),
    ] {
        let base = if pointer.starts_with("/data/activity") {
            activity()
        } else {
            example()
        };
        let of_length = |length: usize| Some(json!("é".repeat(length)));
        let longest = changed(base.clone(), pointer, of_length(limit));
        assert!(parse(&longest).is_ok(), "{pointer}");
        let detail = format!("expected at most {limit} characters, found {}", limit + 1);
        let too_long = changed(base, pointer, of_length(limit + 1));
        assert_eq!(faults(&too_long), [(pointer.to_owned(), detail)]);
    }
}

#[test]
fn a_name_of_ten_thousand_characters_is_refused() {
    let payload = with("/data/candidate/name", Some(json!("x".repeat(10_000))));
    assert_eq!(
        faults(&payload),
        [(
            "/data/candidate/name".to_owned(),
            "expected at most 500 characters, found 10000".to_owned()
        )]
    );
}

#[test]
fn too_many_entries_are_refused() {
    let addresses: Vec<_> = (0..101).map(|n| format!("a{n}@example.com")).collect();
    let urls: serde_json::Map<_, _> = (0..101).map(|n| (n.to_string(), json!("x"))).collect();
    for (field, value) in [
        ("alternate_emails", json!(addresses)),
        ("social_urls", Value::Object(urls)),
    ] {
        let pointer = format!("/data/candidate/{field}");
        let detail = "expected at most 100 entries, found 101".to_owned();
        assert_eq!(faults(&with(&pointer, Some(value))), [(pointer, detail)]);
    }
}

#[test]
fn a_nul_character_is_refused_wherever_it_hides() {
    for (pointer, value, at) in [
        ("/type", json!("candidate.updated\0"), "/type"),
        (
            "/data/candidate/name",
            json!("Ada\0"),
            "/data/candidate/name",
        ),
        (
            "/data/candidate/fields",
            json!({"a": [1, {"b/c": "\0"}]}),
            "/data/candidate/fields/a/1/b~1c",
        ),
        ("/unknown", json!(["fine", "\0"]), "/unknown/1"),
        ("/unknown", json!({"k\0y": 1}), "/unknown/k\u{2400}y"),
    ] {
        let found = faults(&with(pointer, Some(value)));
        let [(place, detail)] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(place, at);
        assert!(detail.contains("NUL"), "{detail}");
    }
    let ping = json!({"type": "ping", "note": "\0"});
    assert_eq!(faults(&ping)[0].0, "/note");
    let other = json!({"type": "invoice.paid", "note": "\0"});
    assert_eq!(faults(&other)[0].0, "/note");
}

#[test]
fn an_answer_stays_small_however_broken_the_payload() {
    let payload = with("/unknown", Some(json!(vec!["\0"; 10_000])));
    let found = faults(&payload);
    assert_eq!(found.len(), 101);
    assert_eq!(found[100].1, "there are further faults, left out here");

    let key = "k".repeat(100_000);
    let payload = with("/unknown", Some(json!({key: {"inner": "\0"}})));
    assert_eq!(
        faults(&payload)[0].0,
        "/unknown",
        "the deepest place with a pointer of sane length"
    );
}
