//! Candidates who are new to the job.

use chrono::{DateTime, TimeDelta};
use serde_json::json;

use crate::app::{Person, TestApp};

#[tokio::test]
async fn each_stage_creates_the_application_there_with_source_dover_in_two_writes() {
    let app = TestApp::with_job().await;
    for (name, said, stage) in [
        ("Lena", "new_lead", "New Lead"),
        ("Rosa", "reached_out", "Reached Out"),
        ("Rita", "contacted", "Reached Out"),
        ("Paul", "Replied", "Replied"),
        ("Nina", "interested", "Replied"),
        ("Ines", "interviewing", "Phone Screen"),
    ] {
        let who = Person::new(name);
        app.says(&who, said).await;
        assert_eq!(
            app.flush_to_rest().await,
            ["candidate.create", "application.create"],
            "{said}"
        );
        let application = app.application(name).await;
        assert_eq!(application["stage"], stage, "{said}");
        assert_eq!(application["source"], "Dover");
        assert_eq!(app.candidates(name).await[0]["source"], "Dover");
        let prospect = app.prospect(&who.id).await;
        assert_eq!(prospect["state"], "synced");
        assert_eq!(prospect["ashby"]["application_id"], application["id"]);
        assert_eq!(prospect["last_decision"]["action"], "create");
        assert_eq!(prospect["last_decision"]["reason"]["code"], "created");
    }
}

#[tokio::test]
async fn a_new_candidate_brings_all_that_dover_knows() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada").with(json!({
        "email": " Ada@Example.com ", "alternate_emails": ["ada@work.example", "ADA@example.com"],
        "phone": "+44 20 7946 0000", "linkedin_url": "linkedin.com/in/ada-lovelace?trk=x",
        "social_urls": { "github": "github.com/ada" },
        "location": { "city": "London", "country": "United Kingdom" },
    }));
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    let made = &app.candidates("Ada").await[0];
    assert_eq!(
        made["emails"],
        json!(["Ada@Example.com", "ada@work.example"])
    );
    assert_eq!(made["phones"], json!(["+44 20 7946 0000"]));
    let links = made["socialLinks"].to_string();
    assert!(
        links.contains("https://www.linkedin.com/in/ada-lovelace"),
        "{links}"
    );
    assert!(links.contains("https://github.com/ada"), "{links}");
}

#[tokio::test]
async fn a_status_without_a_stage_counts_as_a_new_lead() {
    let app = TestApp::with_job().await;
    app.says_status(&Person::new("Ada"), "active").await;
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
}

#[tokio::test]
async fn who_lacks_a_name_or_an_address_waits_and_goes_on_once_dover_knows_it() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada").with(json!({}));
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "mandatory-field-missing");
    app.counts_parked("mandatory-field-missing", 1).await;
    app.wait(1);
    let known = Person::new("Ada");
    let mut update = known.change(json!({ "updated_at": app.now() }));
    update["type"] = json!("candidate.updated");
    app.deliver("msg_contact", &update).await.ok();
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn twenty_deliveries_of_one_prospect_make_one_decision() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    for second in 0..20 {
        let at = app.now() - TimeDelta::seconds(second);
        let stage = if second == 0 { "replied" } else { "new_lead" };
        app.says_at(&ada, stage, at).await;
    }
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 20);
    assert_eq!(app.flush_to_rest().await.len(), 2);
    assert_eq!(app.decisions(&ada).await.len(), 1);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
}

#[tokio::test]
async fn a_clock_an_hour_ahead_counts_as_the_time_of_receipt_and_says_so() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says_at(&ada, "new_lead", app.now() + TimeDelta::hours(1))
        .await;
    app.flush_to_rest().await;
    let decision = app.decisions(&ada).await.remove(0);
    assert_eq!(decision["dover"]["updated_at"], json!(app.now()));
    let sentence = decision["reason"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("ahead of the clock"), "{sentence}");
    // It does not win for ever: ten minutes on, the truth counts.
    app.wait(10);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn news_of_1970_works() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says_at(&ada, "new_lead", DateTime::UNIX_EPOCH).await;
    app.flush_to_rest().await;
    app.says_at(&ada, "replied", DateTime::UNIX_EPOCH + TimeDelta::days(1))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}
