//! Withdrawn, rejected, and the statuses that stay in Dover.

use serde_json::json;

use super::{stage_of_ada, with_ada};
use crate::app::{Person, TestApp};

#[tokio::test]
async fn withdrawn_and_rejected_are_archived_with_their_reason_in_one_write() {
    for (status, reason, code) in [
        ("withdrew", "Withdrew in Dover", "withdrew-in-dover"),
        ("withdrawn", "Withdrew in Dover", "withdrew-in-dover"),
        ("rejected", "Rejected in Dover", "rejected-in-dover"),
    ] {
        let (app, ada, _) = with_ada("replied").await;
        app.wait(15);
        app.says_status(&ada, status).await;
        assert_eq!(
            app.flush_to_rest().await,
            ["application.changeStage"],
            "{status}"
        );
        let application = app.application("Ada").await;
        assert_eq!(
            (&application["status"], &application["archiveReason"]),
            (&json!("Archived"), &json!(reason))
        );
        assert_eq!(app.reason(&ada.id).await, code);
        assert_eq!(
            app.prospect(&ada.id).await["last_decision"]["action"],
            "archive"
        );
        // No going on from there by itself.
        app.wait(15);
        app.says(&ada, "interviewing").await;
        assert!(app.flush_to_rest().await.is_empty());
        assert_eq!(app.reason(&ada.id).await, "archived-in-ashby");
    }
}

#[tokio::test]
async fn archiving_works_from_wherever_the_hiring_team_has_taken_the_candidate() {
    let (app, ada, application) = with_ada("replied").await;
    app.recruiter("move", &application, json!({ "stage": "Offer" }))
        .await;
    app.wait(15);
    app.says_status(&ada, "withdrew").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(stage_of_ada(&app).await, "Archived");
}

#[tokio::test]
async fn a_recruiter_who_moved_after_the_withdrawal_is_right() {
    let (app, ada, application) = with_ada("replied").await;
    app.wait(15);
    app.says_status(&ada, "withdrew").await;
    app.wait(1);
    app.recruiter("move", &application, json!({ "stage": "Onsite" }))
        .await;
    app.wait(1);
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "ashby-is-newer");
    assert_eq!(stage_of_ada(&app).await, "Onsite");
}

#[tokio::test]
async fn an_archived_application_keeps_its_reason() {
    let (app, ada, _) = with_ada("replied").await;
    app.wait(1);
    app.says_status(&ada, "withdrew").await;
    app.flush_to_rest().await;
    app.wait(1);
    app.says_status(&ada, "rejected").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "archived-in-ashby");
    assert_eq!(
        app.application("Ada").await["archiveReason"],
        "Withdrew in Dover"
    );
}

#[tokio::test]
async fn what_was_over_before_it_began_is_not_created_until_it_is_on_again() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says_status(&ada, "rejected").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "nothing-to-archive");
    assert_eq!(app.prospect(&ada.id).await["state"], "skipped");
    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await.len(), 2);
    assert_eq!(stage_of_ada(&app).await, "Replied");
}

#[tokio::test]
async fn other_statuses_stay_in_dover() {
    for status in ["hired", "snoozed", "not_interested"] {
        let app = TestApp::with_job().await;
        let ada = Person::new("Ada");
        app.says_status(&ada, status).await;
        assert!(app.flush_to_rest().await.is_empty());
        assert_eq!(app.reason(&ada.id).await, "held-status");
        assert!(app.candidates("Ada").await.is_empty());

        let (app, ada, _) = with_ada("replied").await;
        app.wait(15);
        app.says_status(&ada, status).await;
        assert!(app.flush_to_rest().await.is_empty());
        assert_eq!(app.reason(&ada.id).await, "held-status");
        assert_eq!(stage_of_ada(&app).await, "Replied");
    }
}
