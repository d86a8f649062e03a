//! Flushing now, and what the next flush would do.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{each, of_acme, paged};
use crate::app::{Person, TOKEN, TestApp};

#[tokio::test]
async fn a_flush_that_is_waited_for_is_finished() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.says(&Person::new("Grace").on("job_1"), "replied").await;
    let flush = app.post(&of_acme("/flushes?wait=true"), json!({})).await;
    let flush = flush.with_status(StatusCode::OK);
    assert_eq!(
        (&flush["status"], &flush["trigger"]),
        (&json!("done"), &json!("manual"))
    );
    let counts = &flush["counts"];
    assert_eq!(
        (
            &counts["prospects"],
            &counts["created"],
            &counts["parked"],
            &counts["failed"]
        ),
        (&json!(2), &json!(1), &json!(1), &json!(0))
    );
    assert_eq!(flush["ashby_calls"]["write"], 2);
    assert!(
        flush["started_at"].is_string() && flush["finished_at"].is_string(),
        "{flush}"
    );
    let id = flush["id"].as_str().unwrap();
    assert_eq!(
        app.get(&of_acme(&format!("/flushes/{id}"))).await.ok(),
        flush
    );
}

#[tokio::test]
async fn a_flush_goes_on_when_nobody_waits() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    let started = app.post(&of_acme("/flushes"), json!({})).await;
    let location = started.headers["location"].to_str().unwrap().to_owned();
    let started = started.with_status(StatusCode::ACCEPTED);
    let id = started["id"].as_str().unwrap();
    assert_eq!(location, of_acme(&format!("/flushes/{id}")));
    assert_eq!(app.ended(&started).await["status"], "done");
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn whoever_asks_while_one_runs_gets_that_one() {
    let app = TestApp::with_job().await;
    app.sim("faults", json!({ "kind": "slow", "delay_ms": 400 }))
        .await;
    let first = app.post(&of_acme("/flushes"), json!({})).await.ok();
    let second = app
        .post(&of_acme("/flushes"), json!({}))
        .await
        .with_status(StatusCode::ACCEPTED);
    assert_eq!(
        (&second["id"], &second["status"]),
        (&first["id"], &json!("running"))
    );
    assert_eq!(second["finished_at"], Value::Null);
    app.ended(&first).await;
    let third = app.flush().await;
    assert_ne!(third["id"], first["id"]);
}

#[tokio::test]
async fn a_key_that_is_revoked_stops_the_flush_and_says_so() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    let key = format!("api-keys/{}", crate::app::ASHBY_KEY);
    app.sim_as(
        reqwest::Method::PATCH,
        &key,
        Some(json!({ "revoked": true })),
    )
    .await;
    let flush = app.flush().await;
    assert_eq!(flush["status"], "stopped");
    assert!(
        flush["detail"].as_str().unwrap().contains("check"),
        "{flush}"
    );
    let refused = app.post(&of_acme("/flushes"), json!({})).await;
    refused.refused(409, "connection-needs-attention");

    // Nor is Ashby asked anything else, until a check passes.
    let mark = app.mark().await;
    let who = app.prospect("cand_ada").await["id"].clone();
    let resync = format!("/prospects/{}/resync", who.as_str().unwrap());
    let nobody = "00000000-0000-4000-8000-000000000000";
    let job = json!({ "dover_job_id": "job_43", "ashby_job": nobody, "title": "Designer" });
    let title = json!({ "title": "Designer" });
    for refused in [
        app.post(
            &of_acme(&format!("{resync}?candidate_id={nobody}")),
            json!({}),
        )
        .await,
        app.post(
            &of_acme(&format!("{resync}?application_id={nobody}")),
            json!({}),
        )
        .await,
        app.post(&of_acme("/jobs"), job.clone()).await,
        app.patch(&of_acme("/jobs/job_42"), title).await,
    ] {
        refused.refused(409, "connection-needs-attention");
    }
    assert_eq!(app.mark().await, mark);
    app.sim_as(
        reqwest::Method::PATCH,
        &key,
        Some(json!({ "revoked": false })),
    )
    .await;
    app.post(&of_acme("/check"), json!({})).await.ok();
    app.post(&of_acme("/jobs"), job)
        .await
        .refused(422, "job-not-visible");
}

#[tokio::test]
async fn a_preview_tells_what_the_next_flush_does_and_does_none_of_it() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.says(&Person::new("Grace").on("job_1"), "replied").await;
    // The first flush learns who is in Ashby.
    let before = app.calls().await.len();
    let preview = app.get(&of_acme("/flushes/preview")).await.ok();
    let wrote = app
        .calls()
        .await
        .into_iter()
        .skip(before)
        .any(|call| call["write"] == true);
    assert!(!wrote);
    let mut items = preview["items"].as_array().unwrap().clone();
    items.sort_by_key(|item| item["name"].to_string());
    let told = |item: &Value| (item["action"].clone(), item["reason"]["code"].clone());
    assert_eq!(told(&items[0]), (json!("create"), json!("created")));
    assert_eq!(
        told(&items[1]),
        (json!("none"), json!("job-not-registered"))
    );
    assert_eq!(
        (&items[0]["state"], &items[0]["rule"]),
        (&json!("pending"), &json!(7))
    );
    assert!(items[0]["ashby_now"].is_object());
    let flush = app.flush().await;
    assert_eq!(flush["counts"], preview["counts"]);
}

#[tokio::test]
async fn a_preview_can_be_handed_over_as_a_spreadsheet_or_a_table() {
    let app = TestApp::with_job().await;
    let mut ada = Person::new("Ada");
    ada.name = "=HYPERLINK(\"https://example.com\"), Ada".to_owned();
    app.says(&ada, "replied").await;
    let path = of_acme("/flushes/preview");
    for (query, accept) in [("?format=csv", "*/*"), ("", "text/csv")] {
        let request = app.request(reqwest::Method::GET, &format!("{path}{query}"));
        let csv = app
            .send(request.bearer_auth(TOKEN).header("accept", accept))
            .await;
        let kind = csv.headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/csv"), "{kind}");
        let text = csv.ok();
        let lines: Vec<&str> = text.as_str().unwrap().split("\r\n").collect();
        assert_eq!(
            lines[0],
            "job,candidate,name,dover stage,dover status,ashby now,action,rule,reason,why,beside the stage"
        );
        assert!(
            lines[1].contains("\"'=HYPERLINK(\"\"https://"),
            "{}",
            lines[1]
        );
        assert!(
            lines[1].contains("replied,active,not in Ashby,create,7,created,"),
            "{}",
            lines[1]
        );
    }
    let table = app.get(&format!("{path}?format=table")).await;
    assert!(
        table.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    assert!(table.ok().as_str().unwrap().contains("not in Ashby"));
    let refused = app.get(&format!("{path}?format=pdf")).await;
    assert_eq!(refused.refused(400, "invalid-request"), ["/format"]);
}

#[tokio::test]
async fn a_preview_counts_what_it_shows() {
    let app = TestApp::with_job().await;
    for name in ["Ada", "Grace", "Linus"] {
        app.says(&Person::new(name), "replied").await;
    }
    let preview = app.get(&of_acme("/flushes/preview?limit=2")).await.ok();
    assert_eq!(
        (
            each(&preview, "name").len(),
            &preview["counts"]["prospects"]
        ),
        (2, &json!(2))
    );
    for limit in ["0", "5001", "x"] {
        let refused = app
            .get(&of_acme(&format!("/flushes/preview?limit={limit}")))
            .await;
        assert_eq!(refused.refused(400, "invalid-request"), ["/limit"]);
    }
}

#[tokio::test]
async fn an_ashby_that_is_away_cannot_be_previewed() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.sim("faults", json!({ "kind": "html", "times": 100 }))
        .await;
    app.get(&of_acme("/flushes/preview"))
        .await
        .refused(502, "ashby-unavailable");
}

#[tokio::test]
async fn flushes_are_listed_latest_first() {
    let app = TestApp::connected().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(app.flush().await["id"].as_str().unwrap().to_owned());
    }
    let pages = paged(&app, &of_acme("/flushes"), "id").await;
    assert_eq!(
        pages,
        [vec![ids[2].clone(), ids[1].clone()], vec![ids[0].clone()]]
    );
}
