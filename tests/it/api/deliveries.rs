//! What came in, and reading it again.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{each, of_acme, paged};
use crate::app::{Person, TestApp};

async fn listed(app: &TestApp, query: &str) -> Value {
    app.get(&of_acme(&format!("/deliveries{query}"))).await.ok()
}

#[tokio::test]
async fn deliveries_are_listed_latest_first_and_by_what_they_are_about() {
    let app = TestApp::with_job().await;
    let (ada, grace) = (Person::new("Ada"), Person::new("Grace").on("job_1"));
    let change = |who: &Person| who.change(json!({ "stage": "replied", "updated_at": app.now() }));
    app.deliver("msg_1", &change(&ada)).await.ok();
    app.deliver("msg_2", &change(&grace)).await.ok();
    app.deliver("msg_3", &json!({ "type": "candidate.stage_changed" }))
        .await;
    let pages = paged(&app, &of_acme("/deliveries"), "webhook_id").await;
    assert_eq!(pages, [vec!["msg_3", "msg_2"], vec!["msg_1"]]);
    for (query, expected) in [
        ("?verdict=rejected", vec!["msg_3"]),
        ("?verdict=accepted", vec!["msg_2", "msg_1"]),
        ("?dover_candidate_id=cand_ada", vec!["msg_1"]),
        ("?dover_job_id=job_1", vec!["msg_2"]),
        ("?webhook_id=msg_2&verdict=accepted", vec!["msg_2"]),
        ("?webhook_id=msg_2&verdict=rejected", vec![]),
        ("?dover_candidate_id=", vec![]),
    ] {
        assert_eq!(
            each(&listed(&app, query).await, "webhook_id"),
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_delivery_waits_until_it_is_decided() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    let waiting = listed(&app, "").await["items"][0].clone();
    assert_eq!(
        (&waiting["verdict"], &waiting["pending"]),
        (&json!("accepted"), &json!(true))
    );
    assert!(
        waiting.get("reason").is_none() && waiting["id"].is_string(),
        "{waiting}"
    );
    app.preview().await;
    assert_eq!(
        listed(&app, "").await["items"][0],
        waiting,
        "it is folded, not decided"
    );
    app.flush().await;
    assert_eq!(listed(&app, "").await["items"][0]["pending"], false);
}

#[tokio::test]
async fn a_delivery_is_shown_to_the_byte_and_without_credentials() {
    let app = TestApp::with_job().await;
    let body = br#"{ "type" : "ping-pong" }"#;
    let request = app
        .signed("msg_1", body)
        .header("x-relay", "nine")
        .bearer_auth("credential");
    app.send(request).await.ok();
    let id = listed(&app, "").await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = app.get(&of_acme(&format!("/deliveries/{id}"))).await.ok();
    assert_eq!(shown["body"], std::str::from_utf8(body).unwrap());
    assert_eq!(
        (&shown["body_encoding"], &shown["type"]),
        (&json!("text"), &json!("ping-pong"))
    );
    assert_eq!(shown["headers"]["x-relay"], json!(["nine"]));
    assert!(!shown.to_string().contains("credential"), "{shown}");

    let binary = app.send(app.signed("msg_2", &[0xFF, 0x00])).await;
    assert_eq!(binary.refused(422, "invalid-delivery"), [""]);
    let id = listed(&app, "").await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = app.get(&of_acme(&format!("/deliveries/{id}"))).await.ok();
    assert_eq!(
        (&shown["body_encoding"], &shown["body"]),
        (&json!("base64"), &json!("/wA="))
    );
    assert_eq!(shown["faults"][0]["detail"], shown["reason"]);
}

#[tokio::test]
async fn a_rejected_delivery_counts_once_the_payload_paths_fit() {
    let app = TestApp::with_job().await;
    let mut delivery =
        Person::new("Ada").change(json!({ "stage": "replied", "updated_at": app.now() }));
    let stage = delivery["data"]
        .as_object_mut()
        .unwrap()
        .remove("stage")
        .unwrap();
    delivery["step"] = stage;
    app.deliver("msg_1", &delivery)
        .await
        .refused(422, "invalid-delivery");
    let rejected = listed(&app, "").await["items"][0].clone();
    assert!(
        rejected["reason"]
            .as_str()
            .unwrap()
            .starts_with("/data/stage: "),
        "{rejected}"
    );
    let replay = of_acme(&format!(
        "/deliveries/{}/replay",
        rejected["id"].as_str().unwrap()
    ));
    let still = app.post(&replay, json!({})).await;
    assert_eq!(still.refused(422, "invalid-delivery"), ["/data/stage"]);

    app.patch(
        &of_acme(""),
        json!({ "payload_paths": { "stage": "/step" } }),
    )
    .await
    .ok();
    let replayed = app
        .post(&replay, json!({}))
        .await
        .with_status(StatusCode::ACCEPTED);
    assert_eq!(
        (
            &replayed["verdict"],
            &replayed["pending"],
            &replayed["dover_candidate_id"]
        ),
        (&json!("accepted"), &json!(true), &json!("cand_ada"))
    );
    app.flush().await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    // What was decided may be replayed, and nothing happens twice.
    app.post(&replay, json!({}))
        .await
        .with_status(StatusCode::ACCEPTED);
    let again = app.flush().await;
    assert_eq!(again["ashby_calls"]["write"], 0, "{again}");
}

#[tokio::test]
async fn what_says_nothing_is_not_replayed() {
    let app = TestApp::with_job().await;
    app.deliver("msg_1", &json!({ "type": "candidate.sang" }))
        .await
        .ok();
    let id = listed(&app, "").await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = app
        .post(&of_acme(&format!("/deliveries/{id}/replay")), json!({}))
        .await;
    assert_eq!(answer.refused(422, "invalid-delivery"), [""]);
    app.post(&of_acme("/deliveries/1000/replay"), json!({}))
        .await
        .refused(404, "not-found");
}

#[tokio::test]
async fn a_delivery_of_another_connection_is_not_there() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    let id = listed(&app, "").await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = json!({ "name": "other", "ashby_api_key": crate::app::ASHBY_KEY });
    app.post("/v1/connections", body).await.ok();
    app.get(&format!("/v1/connections/other/deliveries/{id}"))
        .await
        .refused(404, "not-found");
}
