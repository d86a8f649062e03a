//! Ashby fails, or a process ends, in the middle: nothing is written twice, and nothing is lost.

use serde_json::json;

use super::{OF_FIELDS, ada, with_level};
use crate::app::{CONNECTION, TestApp};

#[tokio::test]
async fn a_lost_answer_leads_to_no_second_write_of_what_is_there() {
    let (app, _) = with_level("always").await;
    app.sim(
        "faults",
        json!({ "endpoint": OF_FIELDS, "kind": "lost-answer" }),
    )
    .await;
    app.says(&ada(json!({ "level": "staff" })), "replied").await;
    app.flush().await;
    let prospect = app.prospect("cand_ada").await;
    assert_eq!(prospect["state"], "pending", "{prospect}");
    // The stage was not held back.
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    app.flush_to_rest().await;
    assert_eq!(app.called(OF_FIELDS).await, 1);
    assert_eq!(app.value("Ada", "Level").await, "staff");
    assert_eq!(app.prospect("cand_ada").await["state"], "synced");
}

#[tokio::test]
async fn a_write_that_had_no_effect_is_made_with_the_next_flush() {
    for kind in ["error-before", "html"] {
        let (app, _) = with_level("always").await;
        app.sim("faults", json!({ "endpoint": OF_FIELDS, "kind": kind }))
            .await;
        app.says(&ada(json!({ "level": "staff" })), "replied").await;
        app.flush().await;
        app.flush_to_rest().await;
        assert_eq!(app.value("Ada", "Level").await, "staff", "{kind}");
    }
}

#[tokio::test]
async fn where_the_fields_cannot_be_read_the_stage_goes_on_and_they_follow() {
    let app = TestApp::with_job().await;
    app.field("Title", "Candidate", "String").await;
    app.sim(
        "faults",
        json!({ "endpoint": "customField.list", "kind": "error-before", "times": 4 }),
    )
    .await;
    let mut ada = ada(json!({}));
    ada.contact["title"] = json!("Countess");
    app.says(&ada, "replied").await;
    let flush = app.flush().await;
    assert_eq!(flush["status"], "done", "{flush}");
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Title").await, "Countess");
}

#[tokio::test]
async fn a_merge_is_followed_to_who_is_left() {
    let (app, _) = with_level("always").await;
    app.says(&ada(json!({ "level": "junior" })), "replied")
        .await;
    app.flush_to_rest().await;
    let other = app.sim("candidates", json!({ "name": "Countess" })).await;
    let id = app.candidate("Ada").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.sim(
        &format!("candidates/{id}/merge"),
        json!({ "into": other["id"] }),
    )
    .await;
    app.wait(15);
    app.details(&ada(json!({ "level": "staff" }))).await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Countess", "Level").await, "staff");
}

#[tokio::test]
async fn what_ashby_refuses_is_told_and_holds_back_nothing() {
    let (app, _) = with_level("always").await;
    app.sim(
        "faults",
        json!({ "endpoint": OF_FIELDS, "kind": "refuse", "code": "invalid_input", "times": 2 }),
    )
    .await;
    app.says(&ada(json!({ "level": "staff" })), "replied").await;
    // The fields are read again first: they may have changed.
    app.flush().await;
    app.flush().await;
    app.counts_parked("refused-by-ashby", 1).await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    app.resync(&ada(json!({})), "").await;
    app.flush_to_rest().await;
    assert_eq!(app.value("Ada", "Level").await, "staff");
}

#[tokio::test]
async fn nothing_is_kept_of_the_fields_of_somebody_who_is_erased() {
    let (app, _) = with_level("always").await;
    app.says(&ada(json!({ "level": "staff" })), "replied").await;
    app.flush_to_rest().await;
    let kept = async || -> i64 {
        let pool = app.sync().pool;
        let kept = sqlx::query_scalar("SELECT count(*) FROM field_written");
        kept.fetch_one(&pool).await.unwrap()
    };
    assert_eq!(kept().await, 1);
    let id = app.prospect("cand_ada").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/connections/{CONNECTION}/prospects/{id}/personal-data");
    let request = app.request(reqwest::Method::DELETE, &path);
    app.send(request.bearer_auth(crate::app::TOKEN)).await.ok();
    assert_eq!(kept().await, 0);
}
