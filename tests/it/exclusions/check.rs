//! Asking whether people are on the list.

use dover_ashby_sync::plan::identity::IdentityKey;
use serde_json::{Value, json};

use super::of_list;
use crate::app::TestApp;

fn sha256(key: &IdentityKey) -> String {
    hex::encode(key.digest())
}

#[tokio::test]
async fn somebody_is_known_by_each_address_their_profile_or_a_hash_of_one() {
    let app = TestApp::connected().await;
    let file =
        "Name,Email,LinkedIn\nAda,\"ada@example.com; ada@work.example\",linkedin.com/in/ada\n";
    app.exclude("name=ashby.csv", file).await;
    let email = sha256(&IdentityKey::email("ada@work.example").unwrap());
    // What anybody computes with a tool of their own.
    assert_eq!(
        sha256(&IdentityKey::email(" Ada@Example.com ").unwrap()),
        sha256_of("ada@example.com")
    );
    let profile = sha256_of("linkedin.com/in/ada");
    let people = json!([
        { "emails": ["nobody@example.com", " ADA@example.com"] },
        { "linkedin_url": "https://de.linkedin.com/in/Ada/" },
        { "sha256": [email] },
        { "sha256": [profile.to_uppercase()] },
        { "emails": ["grace@example.com"], "linkedin_url": "linkedin.com/in/grace" },
    ]);
    let found = app.asked(people).await;
    let matched: Vec<&Value> = found.iter().map(|answer| &answer["matched"]).collect();
    assert_eq!(
        matched,
        [
            &json!("email"),
            &json!("linkedin"),
            &json!("sha256"),
            &json!("sha256"),
            &Value::Null
        ]
    );
    assert_eq!(
        (&found[0]["list"], &found[0]["line"]),
        (&json!("ashby.csv"), &json!(2))
    );
    let sentence = found[0]["sentence"].as_str().unwrap();
    assert_eq!(
        sentence,
        "line 2 of \u{201c}ashby.csv\u{201d}, imported on 21 November 2026, has their e-mail address"
    );
    assert_eq!(found[4]["excluded"], false);
}

fn sha256_of(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[tokio::test]
async fn a_thousand_people_are_asked_about_at_once_and_no_more() {
    let app = TestApp::connected().await;
    app.exclude("name=x", "Email\nperson-999@example.com\n")
        .await;
    let people: Vec<Value> = (0..1_000)
        .map(|n| json!({ "emails": [format!("person-{n}@example.com")] }))
        .collect();
    let found = app.asked(json!(people)).await;
    assert_eq!(
        found
            .iter()
            .filter(|answer| answer["excluded"] == true)
            .count(),
        1
    );
    assert_eq!(found[999]["excluded"], true);
    let more = [people.clone(), people].concat();
    let refused = app
        .post(&of_list("/check"), json!({ "people": more }))
        .await;
    assert_eq!(refused.code(), "invalid-fields");
}

#[tokio::test]
async fn a_question_that_cannot_be_read_says_which_person_it_is_about() {
    let app = TestApp::connected().await;
    for (person, said) in [
        (json!({}), "expected emails"),
        (json!({ "emails": ["nobody"] }), "emails"),
        (
            json!({ "linkedin_url": "https://example.com/ada" }),
            "linkedin_url",
        ),
        (json!({ "sha256": ["abc"] }), "64 hexadecimal digits"),
        (json!({ "emial": ["ada@example.com"] }), "emails"),
        (json!("ada@example.com"), "AskedPerson"),
    ] {
        let people = json!([{ "emails": ["ada@example.com"] }, person]);
        let refused = app
            .post(&of_list("/check"), json!({ "people": people }))
            .await;
        assert_eq!(refused.code(), "invalid-fields", "{person}");
        let fault = &refused.body["faults"][0];
        assert_eq!(fault["pointer"], "/people/1", "{person}");
        assert!(fault["detail"].as_str().unwrap().contains(said), "{fault}");
    }
    for body in [
        json!({}),
        json!({ "people": [] }),
        json!({ "people": "all" }),
    ] {
        let refused = app.post(&of_list("/check"), body).await;
        assert_eq!(refused.code(), "invalid-fields");
    }
}

#[tokio::test]
async fn what_is_kept_tells_nobody_an_address_by_itself() {
    let app = TestApp::connected().await;
    app.exclude("name=x", "Email\nada@example.com\n").await;
    let plain = hex::decode(sha256_of("ada@example.com")).unwrap();
    let kept: Vec<Vec<u8>> = sqlx::query_scalar("SELECT key_hash FROM exclusion_key")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);
    // Keyed: whoever has the table alone cannot try addresses through.
    assert_ne!(kept[0], plain);
}
