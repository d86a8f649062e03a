//! Where is my candidate, and why.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{each, of_acme, paged};
use crate::app::{Person, TestApp};

async fn listed(app: &TestApp, query: &str) -> Value {
    app.get(&of_acme(&format!("/prospects{query}"))).await.ok()
}

fn path(prospect: &Value, rest: &str) -> String {
    of_acme(&format!(
        "/prospects/{}{rest}",
        prospect["id"].as_str().unwrap()
    ))
}

#[tokio::test]
async fn what_was_received_shows_at_once() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada Lovelace"), "replied").await;
    let ada = app.prospect("cand_ada-lovelace").await;
    assert_eq!(
        (&ada["name"], &ada["stage"], &ada["status"], &ada["state"]),
        (
            &json!("Ada Lovelace"),
            &json!("replied"),
            &json!("active"),
            &json!("pending")
        )
    );
    assert_eq!(ada["dover_updated_at"], json!(app.now()));
    assert_eq!(
        (&ada["ashby"], &ada["last_decision"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(app.get(&path(&ada, "")).await.ok(), ada);
    let explained = app.get(&path(&ada, "/explain")).await.ok();
    assert_eq!(
        (&explained["id"], &explained["decisions"]),
        (&ada["id"], &json!([]))
    );
}

#[tokio::test]
async fn a_synced_prospect_leads_to_ashby_and_says_why() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    let flush = app.flush().await;
    let synced = app.prospect("cand_ada").await;
    let application = app.application("Ada").await;
    assert_eq!(synced["state"], "synced");
    assert_eq!(synced["ashby"]["application_id"], application["id"]);
    let candidate = synced["ashby"]["candidate_id"].as_str().unwrap();
    assert_eq!(
        synced["ashby"]["profile_url"],
        format!("https://app.ashbyhq.com/candidate-searches/new/right-side/candidates/{candidate}")
    );
    let decision = &synced["last_decision"];
    assert_eq!(
        (
            &decision["action"],
            &decision["reason"]["code"],
            &decision["flush_id"]
        ),
        (&json!("create"), &json!("created"), &flush["id"])
    );

    // News does not take the last decision away.
    app.wait(1);
    app.says(&ada, "interviewing").await;
    let pending = app.prospect("cand_ada").await;
    assert_eq!(
        (&pending["state"], &pending["last_decision"]),
        (&json!("pending"), decision)
    );
    app.flush().await;
    let explained = app.get(&path(&synced, "/explain")).await.ok();
    let decisions = explained["decisions"].as_array().unwrap();
    let actions: Vec<_> = decisions
        .iter()
        .map(|made| made["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["move", "create"]);
    assert_eq!(decisions[1]["rule"], 7);
    assert_eq!(decisions[1]["dover"]["stage"], "replied");
    let calls = decisions[1]["calls"].as_array().unwrap();
    let writes = calls.iter().filter(|call| call["write"] == true);
    assert_eq!(writes.count(), 2, "{calls:?}");
}

#[tokio::test]
async fn prospects_are_found_by_what_is_asked() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    app.says(&Person::new("Ada"), "replied").await;
    app.says(&Person::new("Grace").on("job_1"), "replied").await;
    app.flush().await;
    app.says(&Person::new("Linus"), "replied").await;
    let by_ashby_id = format!("?dover_job_id={}", job["id"].as_str().unwrap());
    for (query, expected) in [
        ("", vec!["Ada", "Grace", "Linus"]),
        ("?state=pending", vec!["Linus"]),
        ("?state=synced", vec!["Ada"]),
        ("?state=parked", vec!["Grace"]),
        ("?state=skipped", vec![]),
        ("?reason=job-not-registered", vec!["Grace"]),
        ("?reason=no-such-reason", vec![]),
        ("?dover_job_id=job_42", vec!["Ada", "Linus"]),
        (&by_ashby_id, vec!["Ada", "Linus"]),
        ("?dover_job_id=job_1&state=parked", vec!["Grace"]),
        ("?dover_candidate_id=cand_ada", vec!["Ada"]),
    ] {
        let mut found = listed(&app, query).await;
        found["items"]
            .as_array_mut()
            .unwrap()
            .sort_by_key(|item| item["name"].to_string());
        assert_eq!(each(&found, "name"), expected, "{query}");
    }
    let refused = app.get(&of_acme("/prospects?state=lost")).await;
    assert_eq!(refused.refused(400, "invalid-request"), ["/state"]);
    let pages = paged(&app, &of_acme("/prospects"), "id").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn a_resync_decides_again_and_changes_nothing_that_is_right() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.flush().await;
    let ada = app.prospect("cand_ada").await;
    let resync = app.post(&path(&ada, "/resync"), json!({})).await;
    let pending = resync.with_status(StatusCode::ACCEPTED);
    assert_eq!(
        (&pending["state"], &pending["last_decision"]),
        (&json!("pending"), &ada["last_decision"])
    );
    let flush = app.flush().await;
    assert_eq!(
        (
            &flush["counts"]["prospects"],
            &flush["ashby_calls"]["write"]
        ),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn who_is_gone_from_ashby_is_made_again_only_when_somebody_asks() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.flush().await;
    let before = app.prospect("cand_ada").await;
    let candidate = format!(
        "candidates/{}",
        before["ashby"]["candidate_id"].as_str().unwrap()
    );
    app.sim_as(Method::DELETE, &candidate, None).await;
    app.wait(1);
    app.says(&ada, "interviewing").await;
    app.flush().await;
    assert_eq!(app.reason("cand_ada").await, "gone-from-ashby");
    app.post(&path(&before, "/resync"), json!({}))
        .await
        .with_status(StatusCode::ACCEPTED);
    app.flush().await;
    let after = app.prospect("cand_ada").await;
    assert_eq!(after["last_decision"]["reason"]["code"], "created");
    assert_ne!(
        after["ashby"]["candidate_id"],
        before["ashby"]["candidate_id"]
    );
}

#[tokio::test]
async fn a_relink_forgets_who_the_prospect_is() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    app.flush().await;
    let ada = app.prospect("cand_ada").await;
    let relinked = app
        .post(&path(&ada, "/resync?relink=true"), json!({}))
        .await
        .ok();
    assert_eq!(relinked["ashby"], Value::Null);
    app.flush().await;
    assert_eq!(app.prospect("cand_ada").await["ashby"], ada["ashby"]);
    let refused = app
        .post(&path(&ada, "/resync?relink=maybe"), json!({}))
        .await;
    assert_eq!(refused.refused(400, "invalid-request"), ["/relink"]);
    let nobody = of_acme("/prospects/00000000-0000-0000-0000-000000000000/resync");
    app.post(&nobody, json!({})).await.refused(404, "not-found");
}
