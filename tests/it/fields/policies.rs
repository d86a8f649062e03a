//! Always, only where there is nothing, never; and nothing over a recruiter who came later.

use chrono::TimeDelta;
use serde_json::json;

use super::{OF_FIELDS, ada, with_level};
use crate::app::{Person, TestApp};

#[tokio::test]
async fn each_field_is_written_as_its_policy_says() {
    let app = TestApp::with_job().await;
    let mut entries = Vec::new();
    for policy in ["always", "if_blank", "never"] {
        app.field(policy, "Candidate", "String").await;
        entries.push(
            json!({ "variable": format!("fields.{policy}"), "to": policy, "policy": policy }),
        );
    }
    app.map(json!({ "entries": entries })).await;
    let all = |value: &str| ada(json!({ "always": value, "if_blank": value, "never": value }));
    app.says(&all("one"), "replied").await;
    app.flush_to_rest().await;
    let fields = app.candidate("Ada").await["customFields"].clone();
    assert_eq!(fields, json!({ "always": "one", "if_blank": "one" }));

    app.wait(15);
    app.details(&all("two")).await;
    let written = app.flush_to_rest().await;
    assert_eq!(written, [OF_FIELDS]);
    let fields = app.candidate("Ada").await["customFields"].clone();
    assert_eq!(fields, json!({ "always": "two", "if_blank": "one" }));
}

#[tokio::test]
async fn a_recruiters_newer_edit_stays_and_newer_news_counts_again() {
    let (app, field) = with_level("always").await;
    app.says(&ada(json!({ "level": "junior" })), "replied")
        .await;
    app.flush_to_rest().await;
    app.wait(15);
    let said_at = app.now();
    app.wait(5);
    app.fills("Ada", &field, json!("senior")).await;
    app.details_at(&ada(json!({ "level": "middle" })), said_at)
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.value("Ada", "Level").await, "senior");
    app.wait(15);
    app.details(&ada(json!({ "level": "staff" }))).await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Level").await, "staff");
}

/// Dover's word for it comes late, and then a second late word: neither makes it ours.
#[tokio::test]
async fn what_a_recruiter_typed_first_is_theirs_although_dover_says_the_same() {
    let (app, field) = with_level("always").await;
    app.says(&ada(json!({})), "replied").await;
    app.flush_to_rest().await;
    let earlier = app.now() + TimeDelta::minutes(5);
    app.wait(15);
    app.fills("Ada", &field, json!("senior")).await;
    app.wait(1);
    app.details_at(&ada(json!({ "level": "senior" })), earlier)
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    app.details_at(
        &ada(json!({ "level": "staff" })),
        earlier + TimeDelta::minutes(1),
    )
    .await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.value("Ada", "Level").await, "senior");
}

#[tokio::test]
async fn what_dover_merely_says_again_is_no_news() {
    let (app, field) = with_level("always").await;
    let ada = ada(json!({ "level": "junior" }));
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    app.wait(15);
    app.fills("Ada", &field, json!("senior")).await;
    app.wait(15);
    let (before, looked) = (app.mark().await, app.called("candidate.info").await);
    app.says(&ada, "interviewing").await;
    app.flush_to_rest().await;
    assert_eq!(app.writes_since(before).await, ["application.changeStage"]);
    assert_eq!(app.value("Ada", "Level").await, "senior");
    // Nor is Ashby asked.
    assert_eq!(app.called("candidate.info").await, looked);
}

#[tokio::test]
async fn what_a_recruiter_emptied_stays_empty_until_there_is_newer_news() {
    let (app, field) = with_level("if_blank").await;
    app.says(&ada(json!({ "level": "junior" })), "replied")
        .await;
    app.flush_to_rest().await;
    app.wait(15);
    let said_at = app.now();
    app.wait(5);
    app.fills("Ada", &field, json!(null)).await;
    app.details_at(&ada(json!({ "level": "middle" })), said_at)
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    app.wait(15);
    app.details(&ada(json!({ "level": "staff" }))).await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Level").await, "staff");
}

#[tokio::test]
async fn what_dover_no_longer_says_is_not_emptied() {
    let (app, _) = with_level("always").await;
    app.says(&ada(json!({ "level": "junior" })), "replied")
        .await;
    app.flush_to_rest().await;
    for silent in [json!({ "level": "" }), json!({ "level": null }), json!({})] {
        app.wait(15);
        app.details(&ada(silent)).await;
        assert!(app.flush_to_rest().await.is_empty());
    }
    assert_eq!(app.value("Ada", "Level").await, "junior");
}

#[tokio::test]
async fn older_news_that_comes_late_changes_nothing() {
    let (app, _) = with_level("always").await;
    app.says(&ada(json!({ "level": "senior" })), "replied")
        .await;
    app.flush_to_rest().await;
    let earlier = app.now() - TimeDelta::hours(1);
    app.details_at(&ada(json!({ "level": "junior" })), earlier)
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.value("Ada", "Level").await, "senior");
}

#[tokio::test]
async fn of_two_jobs_the_later_news_counts_for_the_one_person() {
    let (app, _) = with_level("always").await;
    app.register("job_43", "Designer").await;
    let twice = |level: &str| ada(json!({ "level": level }));
    app.says(&twice("junior"), "replied").await;
    app.says(&twice("junior").on("job_43"), "replied").await;
    app.flush_to_rest().await;
    app.wait(15);
    let earlier = app.now() - TimeDelta::minutes(5);
    app.details(&twice("staff")).await;
    app.details_at(&twice("middle").on("job_43"), earlier).await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Level").await, "staff");
}

#[tokio::test]
async fn each_object_is_written_once_and_not_at_all_where_nothing_changed() {
    let app = TestApp::with_job().await;
    let mut entries = Vec::new();
    for (title, object, variable) in [
        ("Level", "Candidate", "fields.level"),
        ("Skills", "Candidate", "fields.skills[]"),
        ("All skills", "Application", "fields.skills[]"),
        ("Sourcer", "Application", "owner.email"),
        ("Dover job", "Application", "job.id"),
        ("Where it stands", "Application", "stage"),
    ] {
        app.field(title, object, "String").await;
        entries.push(json!({ "variable": variable, "to": title }));
    }
    app.map(json!({ "entries": entries })).await;
    let ada = ada(json!({ "level": "staff", "skills": ["rust", "sql"] }));
    app.says_of_owner(&ada, "sourcer@example.com", "replied")
        .await;
    let written = app.flush_to_rest().await;
    assert_eq!(
        written,
        [
            "candidate.create",
            "application.create",
            OF_FIELDS,
            OF_FIELDS
        ]
    );
    let fields = app.application("Ada").await["customFields"].clone();
    assert_eq!(
        fields,
        json!({ "All skills": "rust, sql", "Sourcer": "sourcer@example.com", "Dover job": "job_42", "Where it stands": "replied" })
    );
    let fields = app.candidate("Ada").await["customFields"].clone();
    assert_eq!(fields, json!({ "Level": "staff", "Skills": "rust, sql" }));

    app.wait(15);
    app.says_of_owner(&ada, "sourcer@example.com", "interviewing")
        .await;
    let written = app.flush_to_rest().await;
    assert_eq!(written, ["application.changeStage", OF_FIELDS]);
    assert_eq!(
        app.application("Ada").await["customFields"]["Where it stands"],
        "interviewing"
    );
}

#[tokio::test]
async fn only_displayed_fields_are_written() {
    let app = TestApp::with_job().await;
    app.field("Level", "Candidate", "String").await;
    app.field("Notice", "Candidate", "String").await;
    app.map(json!({
        "entries": [
            { "variable": "fields.level", "to": "Level" }, { "variable": "fields.notice", "to": "Notice" },
        ],
        "displayed": ["Level"],
    }))
    .await;
    let mut who = ada(json!({ "level": "staff", "notice": "a month" }));
    who.contact["phone"] = json!("+44 20 7946 0000");
    app.says(&who, "replied").await;
    app.flush_to_rest().await;
    let found = app.candidate("Ada").await;
    assert_eq!(found["customFields"], json!({ "Level": "staff" }));
    // Not even when somebody is created, but for what they are known by.
    assert_eq!(found["phones"], json!([]));
    assert_eq!(found["email"], "ada@example.com");
}

#[tokio::test]
async fn what_is_mandatory_is_waited_for_and_named() {
    let app = TestApp::with_job().await;
    app.map(json!({ "mandatory": ["fields.level", "phone"] }))
        .await;
    app.says(&Person::new("Ada"), "replied").await;
    app.says(&Person::new("Grace"), "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    app.counts_parked("mandatory-field-missing", 2).await;
    let sentence = app.sentence(&Person::new("Ada")).await;
    for named in ["fields.level and phone", "fields.mandatory", "by admin"] {
        assert!(sentence.contains(named), "{sentence}");
    }
    // Newer news that brings it lets one go, and another map the other.
    app.wait(15);
    let mut who = ada(json!({ "level": "staff" }));
    who.contact["phone"] = json!("+44 20 7946 0000");
    app.details(&who).await;
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    app.map(json!({ "mandatory": ["email"] })).await;
    app.flush_to_rest().await;
    assert_eq!(app.application("Grace").await["stage"], "Replied");
}
