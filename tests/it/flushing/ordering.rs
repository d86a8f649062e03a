//! Deliveries in any order.

use chrono::TimeDelta;
use serde_json::json;

use super::{stage_of_ada, with_ada};
use crate::app::{Person, TestApp};

#[tokio::test]
async fn the_order_of_arrival_does_not_matter() {
    let said = ["new_lead", "reached_out", "replied", "interviewing"];
    for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        let app = TestApp::with_job().await;
        let ada = Person::new("Ada");
        for place in order {
            let at = app.now() - TimeDelta::minutes(10) + TimeDelta::minutes(place);
            app.says_at(&ada, said[usize::try_from(place).unwrap()], at)
                .await;
        }
        assert_eq!(app.flush_to_rest().await.len(), 2);
        assert_eq!(stage_of_ada(&app).await, "Phone Screen");
    }
}

#[tokio::test]
async fn an_older_update_that_comes_later_is_superseded() {
    let (app, ada, _) = with_ada("replied").await;
    let held = app.application("Ada").await;
    app.wait(15);
    app.says_at(&ada, "interviewing", app.now() - TimeDelta::minutes(20))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "superseded");
    assert_eq!(app.application("Ada").await, held);
    assert_eq!(app.prospect(&ada.id).await["stage"], "replied");
}

#[tokio::test]
async fn a_withdrawal_that_came_before_the_stage_does_not_undo_it() {
    let (app, ada, _) = with_ada("replied").await;
    app.wait(15);
    let at = app.now() - TimeDelta::minutes(20);
    let late = ada.change(json!({ "status": "withdrew", "updated_at": at }));
    app.deliver("msg_late", &late).await.ok();
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(stage_of_ada(&app).await, "Replied");
}

#[tokio::test]
async fn of_two_updates_of_one_moment_the_later_arrival_wins() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.says(&ada, "replied").await;
    app.flush_to_rest().await;
    assert_eq!(stage_of_ada(&app).await, "Replied");
}

/// Of more than a page, the page ends between two candidates: two that are folded side by side never wait for one prospect.
#[tokio::test]
async fn whoever_has_several_deliveries_is_folded_once() {
    let app = TestApp::with_job().await;
    let people: Vec<_> = (0..90)
        .map(|number| Person::new(&format!("P{number}")))
        .collect();
    for stage in ["new_lead", "reached_out", "replied"] {
        for person in &people {
            app.says(person, stage).await;
        }
    }
    app.flush_to_rest().await;
    let folds: Vec<i64> = sqlx::query_scalar("SELECT revision FROM prospect")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(folds, [1; 90]);
}

/// What folding goes by was read when it came. Where the paths have changed since, all of it is read again.
#[tokio::test]
async fn what_waits_is_folded_by_the_paths_of_now() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    let mut first = ada.change(json!({ "stage": "interviewing", "updated_at": app.now() }));
    first["at"] = json!(app.now() + TimeDelta::minutes(1));
    first["step"] = json!("replied");
    let mut then = first.clone();
    then["data"]["updated_at"] = json!(app.now() + TimeDelta::minutes(2));
    then["at"] = json!(app.now());
    then["step"] = json!("new_lead");
    for (id, delivery) in [("msg_1", &first), ("msg_2", &then)] {
        app.deliver(id, delivery).await.ok();
    }
    let paths = json!({ "payload_paths": { "stage": "/step", "updated_at": "/at" } });
    let connection = format!("/v1/connections/{}", crate::app::CONNECTION);
    app.patch(&connection, paths).await.ok();
    app.flush_to_rest().await;
    assert_eq!(stage_of_ada(&app).await, "Replied");
}

/// A later delivery that leaves something out takes nothing away, though most of what an earlier one says is said again.
#[tokio::test]
async fn what_only_an_earlier_delivery_says_stays() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada").with(
        json!({ "linkedin_url": "https://www.linkedin.com/in/ada-of-old", "phone": "+44 1" }),
    );
    let now = app.now();
    let told =
        ada.change(json!({ "stage": "new_lead", "updated_at": now - TimeDelta::minutes(3) }));
    app.deliver("msg_1", &told).await.ok();
    let ada = Person::new("Ada").with(json!({ "phone": "+44 2" }));
    for (id, stage, ago) in [("msg_2", "reached_out", 2), ("msg_3", "replied", 1)] {
        let at = now - TimeDelta::minutes(ago);
        let told = ada.change(json!({ "stage": stage, "updated_at": at }));
        app.deliver(id, &told).await.ok();
    }
    app.flush_to_rest().await;
    assert_eq!(stage_of_ada(&app).await, "Replied");
    let candidate = app.candidates("Ada").await[0].to_string();
    for said in ["ada-of-old", "+44 2"] {
        assert!(candidate.contains(said), "{said} is not in {candidate}");
    }
}

#[tokio::test]
async fn a_replayed_delivery_changes_nothing() {
    let (app, ada, _) = with_ada("replied").await;
    app.wait(15);
    app.says(&ada, "interviewing").await;
    app.flush_to_rest().await;
    app.wait(15);
    let path = format!("/v1/connections/{}/deliveries", crate::app::CONNECTION);
    for delivery in app.get(&path).await.ok()["items"].as_array().unwrap() {
        let id = delivery["id"].as_str().unwrap();
        app.post(&format!("{path}/{id}/replay"), json!({}))
            .await
            .ok();
    }
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(stage_of_ada(&app).await, "Phone Screen");
}

#[tokio::test]
async fn an_activity_and_a_contact_update_change_no_stage() {
    let (app, ada, _) = with_ada("replied").await;
    app.wait(1);
    let mut update = ada.change(json!({ "updated_at": app.now() }));
    update["type"] = json!("candidate.updated");
    app.deliver("msg_update", &update).await.ok();
    let activity = json!({ "id": "a1", "kind": "email_sent", "at": app.now(), "subject": "Hello" });
    let mut update = ada.change(json!({ "updated_at": app.now(), "activity": activity }));
    update["type"] = json!("candidate.activity");
    app.deliver("msg_activity", &update).await.ok();
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(stage_of_ada(&app).await, "Replied");
    assert_eq!(app.prospect(&ada.id).await["state"], "synced");
}
