//! People: made, found, edited, tagged, annotated.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Ashby, each, id};

#[tokio::test]
async fn a_bare_candidate_has_some_fields_absent_and_others_null() {
    let ashby = Ashby::start().await;
    let candidate = ashby.call("candidate.create", json!({"name": "Ada"})).await;
    let fields = candidate.as_object().expect("an object");
    for absent in [
        "primaryEmailAddress",
        "primaryPhoneNumber",
        "position",
        "location",
    ] {
        assert!(!fields.contains_key(absent), "{absent}");
    }
    for null in ["source", "creditedToUser", "timezone", "fraudStatus"] {
        assert_eq!(fields.get(null), Some(&Value::Null), "{null}");
    }
}

#[tokio::test]
async fn a_full_candidate_has_it_all_as_ashby_stores_it() {
    let ashby = Ashby::start().await;
    let source = ashby.id_of("/sources", json!({"title": "Dover"})).await;
    let owner = json!({"firstName": "Grace", "lastName": "Hopper", "email": "grace@example.com"});
    let owner = ashby.id_of("/users", owner).await;
    let new = json!({
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "phoneNumber": "+44 20 7946 0000",
        "linkedInUrl": "https://www.linkedin.com/in/ada/",
        "githubUrl": "https://github.com/ada",
        "website": "https://ada.example",
        "alternateEmailAddresses": ["ada@work.example", "ADA@example.com"],
        "sourceId": source,
        "creditedToUserId": owner,
        "location": {"city": "London", "country": "United Kingdom"},
        "createdAt": "2026-01-02T03:04:05.678901Z",
    });
    let ada = ashby.call("candidate.create", new).await;
    let primary = json!({"value": "ada@example.com", "type": "Personal", "isPrimary": true});
    assert_eq!(ada["primaryEmailAddress"], primary);
    assert_eq!(
        each(&ada["emailAddresses"], "value"),
        ["ada@example.com", "ada@work.example"]
    );
    assert_eq!(
        each(&ada["socialLinks"], "type"),
        ["LinkedIn", "GitHub", "Website"]
    );
    assert_eq!(ada["source"]["sourceType"]["title"], "Sourced");
    assert_eq!(ada["creditedToUser"]["email"], "grace@example.com");
    assert_eq!(ada["location"]["locationSummary"], "London, United Kingdom");
    assert_eq!(ada["createdAt"], "2026-01-02T03:04:05.678Z");
    assert_eq!(ada["updatedAt"], "2026-11-21T10:00:00.000Z");
    let again = ashby.call("candidate.info", json!({"id": ada["id"]})).await;
    assert_eq!(again, ada);
}

#[tokio::test]
async fn the_same_person_created_twice_is_two_candidates() {
    let ashby = Ashby::start().await;
    let ada = json!({"name": "Ada", "email": "ada@example.com"});
    let first = ashby.call("candidate.create", ada.clone()).await;
    let second = ashby.call("candidate.create", ada).await;
    assert_ne!(id(&first), id(&second));
    let found = ashby
        .call("candidate.search", json!({"email": "ada@example.com"}))
        .await;
    assert_eq!(each(&found, "id"), [id(&first), id(&second)]);
}

#[tokio::test]
async fn malformed_fields_are_invalid_input() {
    let ashby = Ashby::start().await;
    for (endpoint, body) in [
        ("candidate.create", json!({})),
        ("candidate.create", json!({"name": "  "})),
        ("candidate.create", json!({"name": "Ada", "email": null})),
        (
            "candidate.create",
            json!({"name": "Ada", "linkedInUrl": "linkedin.com/in/ada"}),
        ),
        (
            "candidate.create",
            json!({"name": "Ada", "sourceId": "dover"}),
        ),
        (
            "candidate.create",
            json!({"name": "Ada", "linkedinUrl": "https://linkedin.com/in/ada"}),
        ),
        (
            "candidate.create",
            json!({"name": "Ada", "location": {"town": "London"}}),
        ),
        (
            "candidate.info",
            json!({"candidateId": "5e8ca0a5-7a64-4b27-8d1c-5b9cf7ed1ce6"}),
        ),
        (
            "candidate.info",
            json!({"id": "5e8ca0a57a644b278d1c5b9cf7ed1ce6"}),
        ),
        ("candidate.list", json!({"limit": 0})),
        ("candidate.list", json!({"limit": 101})),
        (
            "candidate.list",
            json!({"createdAfter": "2026-01-01T00:00:00Z"}),
        ),
        ("application.list", json!({"status": ["Active"]})),
        ("application.list", json!({"status": "active"})),
        ("candidate.search", json!({})),
    ] {
        assert_eq!(
            ashby.refusal(endpoint, body.clone()).await,
            "invalid_input",
            "{body}"
        );
    }
    assert_eq!(ashby.world().await["candidates"], json!([]));
}

#[tokio::test]
async fn strings_are_coerced_where_a_number_or_a_flag_belongs() {
    let ashby = Ashby::start().await;
    ashby.call("candidate.list", json!({"limit": "25"})).await;
    ashby
        .call("source.list", json!({"includeArchived": "true"}))
        .await;
    ashby
        .call("candidate.list", json!({"cursor": null, "syncToken": null}))
        .await;
}

#[tokio::test]
async fn unknown_keys_pass_only_where_they_are_switched_to() {
    let ashby = Ashby::start().await;
    let misspelt = json!({"name": "Ada", "e_mail": "ada@example.com"});
    let refused = ashby.refusal("candidate.create", misspelt.clone()).await;
    assert_eq!(refused, "invalid_input");
    ashby.set(json!({"unknownKeys": "accept"})).await;
    ashby.call("candidate.create", misspelt).await;
}

#[tokio::test]
async fn search_is_by_any_address_and_part_of_the_name_and_both_together() {
    let ashby = Ashby::start().await;
    let ada = json!({"name": "Ada Lovelace", "email": "ada@example.com",
        "alternateEmailAddresses": ["Ada@Work.example"]});
    ashby.call("candidate.create", ada).await;
    let found = async |query: Value| {
        let found = ashby.call("candidate.search", query).await;
        found.as_array().expect("an array").len()
    };
    assert_eq!(found(json!({"email": "ADA@example.com"})).await, 1);
    assert_eq!(found(json!({"email": "ada@work.example"})).await, 1);
    assert_eq!(found(json!({"email": "ada@example"})).await, 0);
    assert_eq!(found(json!({"name": "love"})).await, 1);
    assert_eq!(
        found(json!({"name": "Grace", "email": "ada@example.com"})).await,
        0
    );
    ashby.set(json!({"searchMatch": "primary-address"})).await;
    assert_eq!(found(json!({"email": "ada@work.example"})).await, 0);
    ashby.set(json!({"searchMatch": "exact-case"})).await;
    assert_eq!(found(json!({"email": "ADA@example.com"})).await, 0);
}

#[tokio::test]
async fn search_finds_a_hundred_at_most() {
    let ashby = Ashby::start().await;
    for number in 0..101 {
        ashby
            .make("/candidates", json!({"name": format!("Ada {number}")}))
            .await;
    }
    let found = ashby.call("candidate.search", json!({"name": "Ada"})).await;
    assert_eq!(found.as_array().expect("an array").len(), 100);
}

#[tokio::test]
async fn an_update_adds_an_address_replaces_all_links_and_bumps_the_applications() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    let before = ashby
        .call("application.info", json!({"applicationId": application}))
        .await;
    ashby.wait(60);
    let ada = &before["candidate"]["id"];
    let update = json!({"candidateId": ada, "alternateEmail": "ada@work.example",
        "linkedInUrl": "https://linkedin.com/in/ignored", "sendNotifications": false,
        "socialLinks": [{"type": "GitHub", "url": "https://github.com/ada"}]});
    let updated = ashby.call("candidate.update", update).await;
    assert_eq!(
        each(&updated["emailAddresses"], "value"),
        ["ada@example.com", "ada@work.example"]
    );
    assert_eq!(each(&updated["socialLinks"], "type"), ["GitHub"]);
    assert_eq!(updated["updatedAt"], "2026-11-21T10:01:00.000Z");
    let after = ashby
        .call("application.info", json!({"applicationId": application}))
        .await;
    assert_eq!(after["updatedAt"], "2026-11-21T10:01:00.019Z");
    let found = ashby
        .call("candidate.search", json!({"email": "ada@work.example"}))
        .await;
    assert_eq!(found[0]["id"], *ada);
}

#[tokio::test]
async fn a_tag_is_made_once_and_put_on_once() {
    let ashby = Ashby::start().await;
    let ada = ashby.ada().await;
    let tag = ashby
        .call("candidateTag.create", json!({"title": "Dover"}))
        .await;
    let same = ashby
        .call("candidateTag.create", json!({"title": "Dover"}))
        .await;
    assert_eq!(tag, same);
    let put = json!({"candidateId": ada, "tagId": tag["id"]});
    ashby.call("candidate.addTag", put.clone()).await;
    let tagged = ashby.call("candidate.addTag", put).await;
    assert_eq!(each(&tagged["tags"], "title"), ["Dover"]);
    let tags = ashby.call("candidateTag.list", json!({})).await;
    assert_eq!(each(&tags, "title"), ["Dover"]);
}

#[tokio::test]
async fn notes_are_kept_each_time_they_are_written() {
    let ashby = Ashby::start().await;
    let ada = ashby.ada().await;
    let html = json!({"type": "text/html", "value": "<b>Replied</b>"});
    for note in [json!("Replied"), html] {
        let note = json!({"candidateId": ada, "note": note, "sendNotifications": false});
        ashby.call("candidate.createNote", note).await;
    }
    let notes = ashby
        .call("candidate.listNotes", json!({"candidateId": ada}))
        .await;
    assert_eq!(each(&notes, "content"), ["Replied", "<b>Replied</b>"]);
    let bad = json!({"candidateId": ada, "note": {"type": "text/rtf", "value": "x"}});
    assert_eq!(
        ashby.refusal("candidate.createNote", bad).await,
        "invalid_input"
    );
}

#[tokio::test]
async fn custom_fields_are_set_read_and_cleared() {
    let ashby = Ashby::start().await;
    let ada = ashby.ada().await;
    let text = json!({"title": "Dover id", "objectType": "Candidate"});
    let text = ashby.id_of("/custom-fields", text).await;
    let options = json!([{"value": "a", "label": "Ample"}, {"value": "b"}]);
    let select = json!({"title": "Fit", "objectType": "Candidate", "fieldType": "ValueSelect",
        "options": options});
    let select = ashby.id_of("/custom-fields", select).await;
    let values = json!([{"fieldId": text, "fieldValue": "cand_8f2c"},
        {"fieldId": select, "fieldValue": "a"}]);
    let set = json!({"objectId": ada, "objectType": "Candidate", "values": values});
    ashby.call("customField.setValues", set).await;
    let held = ashby.call("candidate.info", json!({"id": ada})).await;
    assert_eq!(held["customFields"][0]["value"], "cand_8f2c");
    assert_eq!(held["customFields"][1]["valueLabel"], "Ample");
    let value = |field: &str, value: Value| json!({"objectId": ada, "objectType": "Candidate", "fieldId": field, "fieldValue": value});
    ashby
        .call("customField.setValue", value(&text, Value::Null))
        .await;
    let bad = value(&select, json!("Ample"));
    assert_eq!(
        ashby.refusal("customField.setValue", bad).await,
        "invalid_input"
    );
    let held = ashby.call("candidate.info", json!({"id": ada})).await;
    assert_eq!(each(&held["customFields"], "title"), ["Fit"]);
    let fields = ashby.call("customField.list", json!({})).await;
    assert_eq!(each(&fields, "title"), ["Dover id", "Fit"]);
}

#[tokio::test]
async fn what_an_admin_has_put_away_takes_no_value_and_is_listed_only_when_asked_for() {
    let ashby = Ashby::start().await;
    let ada = ashby.ada().await;
    let field = json!({"title": "Fit", "objectType": "Candidate", "fieldType": "ValueSelect",
        "options": [{"value": "a", "isArchived": true}, {"value": "b"}]});
    let field = ashby.id_of("/custom-fields", field).await;
    let set = |value: &str| json!({"objectId": ada, "objectType": "Candidate", "fieldId": field, "fieldValue": value});
    assert_eq!(
        ashby.refusal("customField.setValue", set("a")).await,
        "invalid_input"
    );
    ashby.call("customField.setValue", set("b")).await;
    let path = format!("/custom-fields/{field}");
    let away = json!({"isArchived": true});
    ashby.control(Method::PATCH, &path, away).await;
    assert_eq!(
        ashby.refusal("customField.setValue", set("b")).await,
        "custom_field_not_found"
    );
    let listed = ashby.call("customField.list", json!({})).await;
    assert!(each(&listed, "title").is_empty());
    let all = json!({"includeArchived": true});
    let listed = ashby.call("customField.list", all).await;
    assert_eq!(each(&listed, "title"), ["Fit"]);
}
