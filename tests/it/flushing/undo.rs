//! Undoing a flush: what nobody has touched since is put back, and nothing else.

use serde_json::{Value, json};

use super::with_ada;
use crate::{
    app::{CONNECTION, Person, TestApp},
    settings::OF_CONNECTION,
};

impl TestApp {
    /// Undoes a flush, to the end of it.
    async fn undo(&self, flush: &Value) -> Value {
        let undone = self.at_flush(flush, "undo?wait=true", json!({})).await.ok();
        assert_eq!(
            (&undone["status"], &undone["trigger"], &undone["undoes"]),
            (&json!("done"), &json!("undo"), &flush["id"]),
            "{undone}"
        );
        undone
    }

    /// What an undo would do: action and reason.
    async fn would_undo(&self, flush: &Value) -> Vec<(String, String)> {
        let shown = self.read_flush(flush, "/undo").await;
        let told = |item: &Value| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&item["action"]), text(&item["reason"]["code"]))
        };
        shown["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(told)
            .collect()
    }
}

fn would(action: &str, code: &str) -> Vec<(String, String)> {
    vec![(action.to_owned(), code.to_owned())]
}

#[tokio::test]
async fn an_undone_move_is_not_made_again_by_the_same_news() {
    let (app, ada, _) = with_ada("new_lead").await;
    app.wait(15);
    app.says(&ada, "interviewing").await;
    let flush = app.flush().await;
    assert_eq!(app.application("Ada").await["stage"], "Phone Screen");
    assert_eq!(app.would_undo(&flush).await, would("move", "undone"));

    let undone = app.undo(&flush).await;
    assert_eq!(undone["counts"]["moved"], 1);
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
    assert_eq!(app.reason(&ada.id).await, "undone");
    assert_eq!(app.prospect(&ada.id).await["state"], "skipped");
    assert_eq!(app.decisions(&ada).await[0]["flush_id"], undone["id"]);

    app.wait(15);
    app.resync(&ada, "").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "superseded");
    app.wait(15);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn an_undone_archive_stands_where_it_stood() {
    let (app, ada, _) = with_ada("replied").await;
    app.wait(15);
    app.says_status(&ada, "rejected").await;
    let flush = app.flush().await;
    assert_eq!(app.application("Ada").await["status"], "Archived");
    app.undo(&flush).await;
    let back = app.application("Ada").await;
    assert_eq!(
        (&back["stage"], &back["status"], &back["archiveReason"]),
        (&json!("Replied"), &json!("Lead"), &Value::Null)
    );
    app.wait(15);
    assert!(app.flush_to_rest().await.is_empty());
    app.says_status(&ada, "withdrew").await;
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(
        app.application("Ada").await["archiveReason"],
        "Withdrew in Dover"
    );
}

#[tokio::test]
async fn an_undo_leaves_what_a_recruiter_touched() {
    let touches = [
        ("move", json!({ "stage": "Onsite" })),
        ("archive", json!({ "archiveReason": "Withdrew in Dover" })),
        ("source", json!({ "source": "Referral of Grace" })),
        ("hire", json!({})),
    ];
    for (deed, body) in touches {
        let (app, ada, application) = with_ada("new_lead").await;
        app.sim("sources", json!({ "title": "Referral of Grace" }))
            .await;
        app.wait(15);
        app.says(&ada, "interviewing").await;
        let flush = app.flush().await;
        app.wait(1);
        app.recruiter(deed, &application, body).await;
        let theirs = app.application("Ada").await;
        assert_eq!(app.would_undo(&flush).await, would("none", "touched-since"));
        let mark = app.mark().await;
        let undone = app.undo(&flush).await;
        assert_eq!(undone["counts"]["skipped"], 1, "{deed}: {undone}");
        assert!(app.writes_since(mark).await.is_empty(), "{deed}");
        assert_eq!(app.application("Ada").await, theirs);
        assert_eq!(
            app.decisions(&ada).await[0]["reason"]["code"],
            "touched-since"
        );
        assert_eq!(app.reason(&ada.id).await, "moved-forward");
    }
}

#[tokio::test]
async fn what_was_created_stays_and_is_named() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    let flush = app.flush().await;
    assert_eq!(
        app.would_undo(&flush).await,
        would("none", "cannot-be-undone")
    );
    let undone = app.undo(&flush).await;
    assert_eq!(undone["counts"]["skipped"], 1);
    assert_eq!(
        app.decisions(&ada).await[0]["reason"]["code"],
        "cannot-be-undone"
    );
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn what_was_written_beside_the_stage_stays_and_is_named() {
    let (app, ada, _) = with_ada("new_lead").await;
    app.set_on(OF_CONNECTION, json!({ "tag.title": "Dover" }))
        .await;
    app.wait(15);
    app.says(&ada, "new_lead").await;
    let flush = app.flush().await;
    assert_eq!(app.reason(&ada.id).await, "updated");
    assert_eq!(
        app.would_undo(&flush).await,
        would("none", "cannot-be-undone")
    );
    app.undo(&flush).await;
    assert_eq!(app.candidates("Ada").await[0]["tags"], json!(["Dover"]));
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn undone_again_it_does_what_is_left() {
    let (app, ada, _) = with_ada("new_lead").await;
    let grace = Person::new("Grace");
    app.says(&grace, "new_lead").await;
    app.flush_to_rest().await;
    app.wait(15);
    for person in [&ada, &grace] {
        app.says(person, "interviewing").await;
    }
    let flush = app.flush().await;
    // Ashby has a bad moment: one of the two does not get through.
    let fault = json!({ "kind": "error-before", "endpoint": "application.info", "times": 4 });
    app.sim("faults", fault).await;
    let first = app.at_flush(&flush, "undo?wait=true", json!({})).await.ok();
    let second = app.undo(&flush).await;
    let moved = |flush: &Value| flush["counts"]["moved"].as_i64().unwrap();
    assert_eq!(moved(&first) + moved(&second), 2, "{first} {second}");
    let mark = app.mark().await;
    app.undo(&flush).await;
    assert!(app.writes_since(mark).await.is_empty());
    for name in ["Ada", "Grace"] {
        assert_eq!(app.application(name).await["stage"], "New Lead");
    }
}

#[tokio::test]
async fn an_undo_whose_answer_is_lost_is_done_once() {
    for kind in ["lost-answer", "error-after"] {
        let (app, ada, _) = with_ada("new_lead").await;
        app.wait(15);
        app.says(&ada, "interviewing").await;
        let flush = app.flush().await;
        let fault = json!({ "kind": kind, "endpoint": "application.changeStage" });
        app.sim("faults", fault).await;
        let mark = app.mark().await;
        app.undo(&flush).await;
        app.undo(&flush).await;
        assert_eq!(app.writes_since(mark).await.len(), 1, "{kind}");
        assert_eq!(app.application("Ada").await["stage"], "New Lead");
        assert_eq!(app.reason(&ada.id).await, "undone");
        app.wait(15);
        assert!(app.flush_to_rest().await.is_empty());
        assert!(app.would_undo(&flush).await == would("none", "undone"));
    }
}

#[tokio::test]
async fn an_undo_that_ended_in_doubt_is_told_once_it_is_known() {
    let (app, ada, _) = with_ada("new_lead").await;
    app.wait(15);
    app.says(&ada, "interviewing").await;
    let flush = app.flush().await;
    // The answer is lost, and then Ashby cannot be asked what became of it.
    let fault = json!({ "kind": "lost-answer", "endpoint": "application.changeStage" });
    app.sim("faults", fault).await;
    let away = json!({ "kind": "error-before", "endpoint": "application.info", "times": 100 });
    let then = json!({ "endpoint": "application.changeStage", "when": "after", "path": "/faults", "body": away });
    app.sim("meanwhile", then).await;
    let undo = app.undo(&flush).await;
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
    assert_ne!(app.reason(&ada.id).await, "undone");
    app.sim_as(reqwest::Method::DELETE, "faults", None).await;

    app.wait(15);
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "undone");
    assert_eq!(app.prospect(&ada.id).await["state"], "skipped");
    assert_eq!(app.decisions(&ada).await[0]["flush_id"], undo["id"]);
    assert_eq!(app.would_undo(&flush).await, would("none", "undone"));
}

#[tokio::test]
async fn news_that_waits_is_carried_out_after_an_undo() {
    let (app, ada, _) = with_ada("new_lead").await;
    app.wait(15);
    app.says(&ada, "reached_out").await;
    let flush = app.flush().await;
    app.wait(1);
    app.says(&ada, "replied").await;
    app.undo(&flush).await;
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
    assert_eq!(app.prospect(&ada.id).await["state"], "pending");
    assert_eq!(app.flush_to_rest().await, ["application.changeStage"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn an_undo_cannot_be_undone_nor_can_what_is_not_there() {
    let (app, ada, _) = with_ada("new_lead").await;
    app.wait(15);
    app.says(&ada, "replied").await;
    let flush = app.flush().await;
    let undone = app.undo(&flush).await;
    let refused = app.at_flush(&undone, "undo", json!({})).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (409, "cannot-be-undone")
    );
    let nowhere = json!({ "id": "0199d0c4-7e1f-7cc0-9c1a-2f6a1d5e0b11" });
    assert_eq!(
        app.at_flush(&nowhere, "undo", json!({})).await.code(),
        "not-found"
    );
    app.post(&format!("/v1/connections/{CONNECTION}/pause"), json!({}))
        .await
        .ok();
    let paused = app.at_flush(&flush, "undo", json!({})).await;
    assert_eq!(paused.code(), "connection-paused");
}
