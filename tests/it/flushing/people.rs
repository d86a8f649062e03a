//! Who a prospect is in Ashby: people who are there already, and prospects who are the same person.

use serde_json::{Value, json};

use crate::app::{Person, TestApp};

/// Somebody whom the hiring team has added by hand.
async fn by_hand(app: &TestApp, name: &str, contact: Value) -> Value {
    let mut body = json!({ "name": name });
    for (key, value) in contact.as_object().unwrap() {
        body[key] = value.clone();
    }
    app.sim("candidates", body).await
}

#[tokio::test]
async fn a_known_person_gets_an_application_in_one_write_and_is_left_as_they_are() {
    for (theirs, ours) in [
        (
            json!({ "email": "ada@example.com" }),
            json!({ "email": "ada@example.com" }),
        ),
        (
            json!({ "email": "Ada@Example.COM" }),
            json!({ "email": " ada@example.com" }),
        ),
        (
            json!({ "emails": ["ada@home.example", "ada@example.com"] }),
            json!({ "email": "ADA@example.com" }),
        ),
        (
            json!({ "email": "ada@work.example" }),
            json!({ "email": "ada@new.example", "alternate_emails": ["Ada@Work.Example"] }),
        ),
        (
            json!({ "linkedInUrl": "https://uk.linkedin.com/in/Ada-Lovelace/en?trk=x" }),
            json!({ "linkedin_url": "linkedin.com/in/ada-lovelace" }),
        ),
        (
            json!({ "linkedInUrl": "https://www.linkedin.com/in/ada-lovelace" }),
            json!({ "email": "ada@unknown.example", "linkedin_url": "http://linkedin.com/in/ada-lovelace/" }),
        ),
    ] {
        let app = TestApp::with_job().await;
        let there = by_hand(&app, "Augusta Ada King", theirs.clone()).await;
        let ada = Person::new("Ada").with(ours.clone());
        app.says(&ada, "replied").await;
        assert_eq!(
            app.flush_to_rest().await,
            ["application.create"],
            "{theirs} {ours}"
        );
        let people = app.world().await["candidates"].clone();
        assert_eq!(people.as_array().unwrap().len(), 1);
        for untouched in ["name", "emails", "socialLinks", "source", "updatedAt"] {
            assert_eq!(people[0][untouched], there[untouched], "{untouched}");
        }
        let application = app.application("Augusta Ada King").await;
        assert_eq!(
            (&application["stage"], &application["source"]),
            (&json!("Replied"), &json!("Dover"))
        );
    }
}

#[tokio::test]
async fn somebody_who_is_on_the_job_already_is_moved_and_not_doubled() {
    let app = TestApp::with_job().await;
    let there = by_hand(&app, "Ada", json!({ "email": "ada@example.com" })).await;
    let job = app.world().await["jobs"][0]["id"].clone();
    app.sim(
        "applications",
        json!({ "candidateId": there["id"], "jobId": job, "stage": "New Lead" }),
    )
    .await;
    app.wait(1);
    app.says(&Person::new("Ada"), "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(
        app.application("Ada").await["source"],
        json!(null),
        "a source is never changed"
    );
}

#[tokio::test]
async fn two_prospects_of_a_person_on_two_jobs_make_one_candidate_in_one_flush() {
    for second_id in ["cand_ada", "cand_another"] {
        let app = TestApp::with_job().await;
        app.register("job_43", "Designer").await;
        let ada = Person::new("Ada");
        let mut again = Person::new("Ada").on("job_43");
        second_id.clone_into(&mut again.id);
        again.contact = json!({ "email": "ADA@example.com" });
        app.says(&ada, "replied").await;
        app.says(&again, "interviewing").await;
        let written = app.flush_to_rest().await;
        assert_eq!(written.len(), 3, "{written:?}");
        assert_eq!(app.candidates("Ada").await.len(), 1);
        let mut stages: Vec<_> = app.applications("Ada").await;
        stages.sort_by_key(|found| found["job"].to_string());
        assert_eq!(
            (&stages[0]["stage"], &stages[1]["stage"]),
            (&json!("Phone Screen"), &json!("Replied"))
        );
    }
}

#[tokio::test]
async fn a_person_under_two_dover_ids_on_one_job_has_one_application() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    let mut again = ada.clone();
    "cand_ada_2".clone_into(&mut again.id);
    app.says(&ada, "new_lead").await;
    app.wait(1);
    app.says(&again, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn a_person_whom_ashby_knows_under_two_addresses_has_one_application() {
    let app = TestApp::with_job().await;
    let emails = json!({ "emails": ["ada@example.com", "ada@home.example"] });
    by_hand(&app, "Ada", emails).await;
    let ada = Person::new("Ada");
    let mut again = Person::new("Ada");
    "cand_ada_2".clone_into(&mut again.id);
    again.contact = json!({ "email": "ada@home.example" });
    // Slow enough for both to be under way at once, were they let.
    let slow = json!({ "endpoint": "application.create", "kind": "slow", "delay_ms": 300 });
    app.sim("faults", slow).await;
    app.says(&ada, "replied").await;
    app.says(&again, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(app.prospect(&again.id).await["state"], "synced");
}

#[tokio::test]
async fn thirty_people_of_one_household_address_are_one_candidate() {
    let app = TestApp::with_job().await;
    for number in 0..30 {
        let mut who = Person::new("Ada");
        who.id = format!("cand_{number}");
        app.says(&who, "replied").await;
    }
    assert_eq!(app.flush_to_rest().await.len(), 2);
    app.application("Ada").await;
}

#[tokio::test]
async fn an_ambiguous_identity_waits_with_the_choices_and_goes_on_once_they_are_merged() {
    for is_previewed in [false, true] {
        let app = TestApp::with_job().await;
        let first = by_hand(&app, "Ada", json!({ "email": "ada@example.com" })).await;
        let url = "https://www.linkedin.com/in/ada";
        let second = by_hand(&app, "A. Lovelace", json!({ "linkedInUrl": url })).await;
        let ada = Person::new("Ada");
        app.says(&ada, "replied").await;
        assert!(app.flush_to_rest().await.is_empty());
        let decision = app.decisions(&ada).await.remove(0);
        assert_eq!(decision["reason"]["code"], "ambiguous-identity");
        app.counts_parked("ambiguous-identity", 1).await;
        for choice in [&first, &second] {
            assert!(
                decision["ashby"]["choices"]
                    .as_array()
                    .unwrap()
                    .contains(&choice["id"])
            );
            let sentence = decision["reason"]["sentence"].as_str().unwrap();
            assert!(
                sentence.contains(choice["id"].as_str().unwrap()),
                "{sentence}"
            );
        }

        app.wait(15);
        let path = format!("candidates/{}/merge", second["id"].as_str().unwrap());
        app.sim(&path, json!({ "into": first["id"] })).await;
        if is_previewed {
            let preview = app.preview().await;
            assert_eq!(preview["items"][0]["action"], "create", "{preview}");
        }
        assert_eq!(app.flush_to_rest().await, ["application.create"]);
        assert_eq!(app.application("Ada").await["candidateId"], first["id"]);
    }
}

#[tokio::test]
async fn a_corrected_address_in_dover_ends_the_ambiguity() {
    let app = TestApp::with_job().await;
    by_hand(&app, "Ada", json!({ "email": "ada@example.com" })).await;
    let url = "https://www.linkedin.com/in/ada";
    by_hand(&app, "A. Lovelace", json!({ "linkedInUrl": url })).await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.wait(1);
    let corrected =
        ada.with(json!({ "linkedin_url": "https://www.linkedin.com/in/ada-the-other" }));
    app.says(&corrected, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}
