//! Applications that are moved on, and those that are left where they are.

use chrono::TimeDelta;
use serde_json::json;

use super::{stage_of_ada, with_ada, without_times};

#[tokio::test]
async fn a_later_stage_moves_forward_with_one_write() {
    let (app, ada, _) = with_ada("new_lead").await;
    for (said, stage) in [
        ("reached_out", "Reached Out"),
        ("replied", "Replied"),
        ("interviewing", "Phone Screen"),
    ] {
        app.wait(15);
        app.says(&ada, said).await;
        assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
        assert_eq!(stage_of_ada(&app).await, stage);
        let prospect = app.prospect(&ada.id).await;
        assert_eq!(prospect["last_decision"]["action"], "move");
        assert_eq!(app.reason(&ada.id).await, "moved-forward");
    }
}

#[tokio::test]
async fn nothing_moves_backward() {
    let (app, ada, _) = with_ada("replied").await;
    app.wait(15);
    app.says(&ada, "reached_out").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "not-forward");
    assert_eq!(stage_of_ada(&app).await, "Replied");
    assert_eq!(app.prospect(&ada.id).await["state"], "skipped");
}

#[tokio::test]
async fn a_recruiter_who_moved_later_is_right_until_dover_says_something_newer() {
    let (app, ada, application) = with_ada("new_lead").await;
    app.wait(5);
    let said_at = app.now();
    app.wait(5);
    app.recruiter("move", &application, json!({ "stage": "Reached Out" }))
        .await;
    let held = app.application("Ada").await;
    app.wait(5);
    app.says_at(&ada, "replied", said_at).await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "ashby-is-newer");
    assert_eq!(app.application("Ada").await, held);

    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(stage_of_ada(&app).await, "Replied");
}

#[tokio::test]
async fn a_recruiters_edit_that_was_seen_long_ago_still_counts() {
    let (app, ada, application) = with_ada("new_lead").await;
    app.wait(5);
    let said_at = app.now();
    app.wait(5);
    app.recruiter("move", &application, json!({ "stage": "Reached Out" }))
        .await;
    for _ in 0..3 {
        app.wait(15);
        app.flush_to_rest().await;
    }
    app.says_at(&ada, "replied", said_at).await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "ashby-is-newer");
}

#[tokio::test]
async fn our_own_writes_do_not_count_as_changes() {
    let (app, ada, _) = with_ada("new_lead").await;
    // The flush wrote at ten o'clock sharp and Ashby's automations came after; all of this was said before.
    let first = app.now();
    app.wait(15);
    app.says_at(&ada, "reached_out", first + TimeDelta::milliseconds(1))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    app.wait(15);
    app.says_at(&ada, "replied", first + TimeDelta::milliseconds(2))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(stage_of_ada(&app).await, "Replied");
}

#[tokio::test]
async fn a_touch_that_changes_nothing_of_substance_does_not_count_as_a_change() {
    let (app, ada, application) = with_ada("new_lead").await;
    let first = app.now();
    app.wait(15);
    app.recruiter("touch", &application, json!({})).await;
    app.says_at(&ada, "replied", first + TimeDelta::seconds(1))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
}

#[tokio::test]
async fn a_source_that_a_recruiter_set_counts_as_a_change_and_stays() {
    let (app, ada, application) = with_ada("new_lead").await;
    app.sim("sources", json!({ "title": "Referral of Grace" }))
        .await;
    let first = app.now();
    app.wait(15);
    app.recruiter(
        "source",
        &application,
        json!({ "source": "Referral of Grace" }),
    )
    .await;
    app.says_at(&ada, "replied", first + TimeDelta::seconds(1))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "ashby-is-newer");
    app.wait(1);
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(app.application("Ada").await["source"], "Referral of Grace");
}

#[tokio::test]
async fn who_was_moved_further_by_hand_is_not_moved_back_by_newer_news() {
    let (app, ada, application) = with_ada("new_lead").await;
    app.recruiter("move", &application, json!({ "stage": "Onsite" }))
        .await;
    app.wait(15);
    app.says(&ada, "interviewing").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "not-forward");
    assert_eq!(stage_of_ada(&app).await, "Onsite");
}

#[tokio::test]
async fn archived_and_hired_applications_are_left_alone() {
    for (deed, reason) in [("archive", "archived-in-ashby"), ("hire", "hired-in-ashby")] {
        let (app, ada, application) = with_ada("new_lead").await;
        let body = if deed == "archive" {
            json!({ "archiveReason": "Rejected in Dover" })
        } else {
            json!({})
        };
        app.recruiter(deed, &application, body).await;
        let held = app.application("Ada").await;
        app.wait(15);
        app.says(&ada, "interviewing").await;
        assert!(app.flush_to_rest().await.is_empty());
        assert_eq!(app.reason(&ada.id).await, reason);
        assert_eq!(app.application("Ada").await, held);
        app.wait(15);
        app.says_status(&ada, "withdrew").await;
        assert!(app.flush_to_rest().await.is_empty());
        assert_eq!(app.reason(&ada.id).await, reason);
        assert_eq!(
            without_times(&app.application("Ada").await),
            without_times(&held)
        );
    }
}

#[tokio::test]
async fn what_a_recruiter_takes_out_of_the_archive_goes_on_with_newer_news() {
    let (app, ada, application) = with_ada("new_lead").await;
    app.wait(1);
    app.says_status(&ada, "rejected").await;
    app.flush_to_rest().await;
    app.wait(15);
    app.recruiter("unarchive", &application, json!({})).await;
    app.flush_to_rest().await;
    assert_eq!(stage_of_ada(&app).await, "New Lead");
    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(stage_of_ada(&app).await, "Replied");
}
