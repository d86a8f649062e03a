//! What Ashby's webhooks change: nothing that a look would not, and sometimes sooner.

use reqwest::Method;
use serde_json::{Value, json};

use super::{outbox, send, set_up};
use crate::app::{Person, TestApp};

const MOVE: &str = "application.changeStage";

/// Ada at *New Lead*, synced, with Ashby's webhooks set up and nothing waiting to be sent.
async fn with_ada() -> (TestApp, Person, Value) {
    let app = TestApp::with_job().await;
    set_up(&app).await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    send(&app, json!({})).await;
    let application = app.application("Ada").await;
    app.wait(15);
    (app, ada, application)
}

async fn delete_candidate(app: &TestApp, id: &Value) {
    let path = format!("candidates/{}", id.as_str().unwrap());
    app.sim_as(Method::DELETE, &path, None).await;
}

#[tokio::test]
async fn a_move_that_ashby_tells_of_after_the_look_is_respected() {
    for is_told in [false, true] {
        let (app, ada, application) = with_ada().await;
        app.says(&ada, "replied").await;
        app.wait(1);
        let id = application["id"].as_str().unwrap();
        let mut deeds = vec![(
            format!("/applications/{id}/move"),
            json!({ "stage": "Offer" }),
        )];
        if is_told {
            deeds.push(("/webhooks/deliver".to_owned(), json!({})));
        }
        for (path, body) in deeds {
            let deed = json!({ "endpoint": "application.list", "when": "after", "path": path, "body": body });
            app.sim("meanwhile", deed).await;
        }
        app.flush().await;
        // Untold, the look of a moment ago is all that we have; nobody can do better within these seconds.
        let stage = if is_told { "Offer" } else { "Replied" };
        assert_eq!(app.application("Ada").await["stage"], stage);
        if is_told {
            assert_eq!(app.reason(&ada.id).await, "ashby-is-newer");
        }
    }
}

#[tokio::test]
async fn the_echo_of_our_own_writes_changes_nothing() {
    let (app, ada, _) = with_ada().await;
    for stage in ["reached_out", "replied", "interviewing"] {
        app.says(&ada, stage).await;
        assert_eq!(app.flush_to_rest().await, [MOVE]);
        // Late, twice, and while more news waits.
        app.wait(15);
        let taken = send(&app, json!({ "times": 2 })).await;
        assert_eq!(taken, [202, 200, 202, 200], "a move is two actions");
    }
    assert_eq!(app.application("Ada").await["stage"], "Phone Screen");
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn an_old_webhook_that_comes_late_undoes_nothing() {
    let (app, ada, application) = with_ada().await;
    app.recruiter("move", &application, json!({ "stage": "Reached Out" }))
        .await;
    let old: Vec<Value> = outbox(&app)
        .await
        .iter()
        .map(|one| one["number"].clone())
        .collect();
    app.wait(1);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    app.wait(15);
    app.says(&ada, "interviewing").await;
    send(&app, json!({ "numbers": old })).await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Phone Screen");
}

#[tokio::test]
async fn in_whatever_order_and_however_often_they_come_they_come_to_the_same() {
    let mut outcomes = Vec::new();
    for order in [
        None,
        Some([0, 1, 2, 3]),
        Some([3, 2, 1, 0]),
        Some([2, 0, 3, 1]),
        Some([1, 3, 0, 2]),
    ] {
        let (app, ada, application) = with_ada().await;
        // There and back, and on: what only the first of these tells must not count as the last word.
        for stage in ["Replied", "New Lead"] {
            app.recruiter("move", &application, json!({ "stage": stage }))
                .await;
            app.wait(1);
        }
        let numbers: Vec<Value> = outbox(&app)
            .await
            .iter()
            .map(|one| one["number"].clone())
            .collect();
        assert_eq!(numbers.len(), 4);
        if let Some(order) = order {
            let numbers: Vec<&Value> = order
                .iter()
                .chain(&order)
                .map(|place| &numbers[*place])
                .collect();
            send(&app, json!({ "numbers": numbers, "keep": true })).await;
        }
        app.says(&ada, "reached_out").await;
        let written = app.flush_to_rest().await;
        let held = app.decisions(&ada).await[1]["ashby"].clone();
        let shown = [
            &held["stage"],
            &held["status"],
            &held["changed_by_others_at"],
        ]
        .map(Clone::clone);
        // Once more, now that the look knows it all.
        if let Some(order) = order {
            let numbers: Vec<&Value> = order.iter().map(|place| &numbers[*place]).collect();
            send(&app, json!({ "numbers": numbers })).await;
        }
        app.wait(15);
        app.says(&ada, "interviewing").await;
        let then = app.flush_to_rest().await;
        outcomes.push((
            written,
            shown,
            then,
            app.application("Ada").await["stage"].clone(),
        ));
    }
    assert!(
        outcomes.iter().all(|outcome| *outcome == outcomes[0]),
        "{outcomes:#?}"
    );
}

#[tokio::test]
async fn a_deletion_that_is_told_ends_an_ambiguity_at_once() {
    let app = TestApp::with_job().await;
    set_up(&app).await;
    let person = json!({ "name": "Ada", "email": "ada@example.com" });
    let (first, second) = (
        app.sim("candidates", person.clone()).await,
        app.sim("candidates", person).await,
    );
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert_eq!(app.reason(&ada.id).await, "ambiguous-identity");
    delete_candidate(&app, &first["id"]).await;
    send(&app, json!({})).await;
    app.flush().await;
    assert_eq!(app.application("Ada").await["candidateId"], second["id"]);
}

#[tokio::test]
async fn a_false_word_of_a_deletion_or_a_merge_forgets_nobody() {
    let (app, ada, application) = with_ada().await;
    app.register("job_43", "Designer").await;
    let candidate = application["candidateId"].clone();
    let other = app
        .sim(
            "candidates",
            json!({ "name": "Grace", "email": "grace@example.com" }),
        )
        .await;
    for data in [
        json!({ "action": "candidateDelete", "data": { "candidate": { "id": candidate } } }),
        json!({ "action": "candidateMerge", "data": {
            "deletedCandidate": { "id": candidate }, "mergedCandidate": { "id": other["id"] } } }),
    ] {
        app.sim("webhooks/forge", data).await;
    }
    assert_eq!(send(&app, json!({})).await, [202, 202]);
    app.says(&ada, "replied").await;
    app.says(&Person::new("Ada").on("job_43"), "replied").await;
    app.flush_to_rest().await;
    assert_eq!(app.candidates("Ada").await.len(), 1);
    let applications = app.applications("Ada").await;
    assert_eq!(applications.len(), 2);
    assert!(
        applications.iter().all(|one| one["stage"] == "Replied"),
        "{applications:?}"
    );
    let prospect = app.prospect_of(&ada).await;
    assert_eq!(prospect["ashby"]["candidate_id"], candidate);
}

#[tokio::test]
async fn a_changed_job_is_read_again_at_the_first_need() {
    for is_told in [false, true] {
        let (app, ada, _) = with_ada().await;
        app.says(&ada, "reached_out").await;
        app.flush_to_rest().await;
        send(&app, json!({})).await;
        let job = app.world().await["jobs"][0].clone();
        app.edit("jobs", &job, json!({ "title": "Principal Engineer" }))
            .await;
        if is_told {
            send(&app, json!({})).await;
        }
        let read = app.called("interviewStage.list").await;
        app.wait(1);
        app.says(&ada, "replied").await;
        assert_eq!(app.flush_to_rest().await, [MOVE]);
        assert_eq!(
            app.called("interviewStage.list").await - read,
            usize::from(is_told)
        );
    }
}

/// A day in the life of a hiring team, with Ashby's webhooks or without. Answers how everybody ends.
async fn a_day(with_webhooks: bool) -> Vec<Value> {
    let app = TestApp::with_job().await;
    if with_webhooks {
        set_up(&app).await;
    }
    let names = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald"];
    let people = names.map(Person::new);
    for person in &people {
        app.says(person, "new_lead").await;
    }
    flush(&app, with_webhooks).await;
    let of = |name: &'static str| {
        let app = &app;
        async move { app.application(name).await }
    };
    app.recruiter("move", &of("Ada").await, json!({ "stage": "Offer" }))
        .await;
    app.recruiter("hire", &of("Grace").await, json!({})).await;
    app.recruiter("archive", &of("Alan").await, json!({})).await;
    delete_candidate(&app, &of("Edsger").await["candidateId"]).await;
    let barbara = of("Barbara").await["candidateId"].clone();
    let survivor = json!({ "name": "Barbara", "email": "b@example.com" });
    let survivor = app.sim("candidates", survivor).await;
    let merge = format!("candidates/{}/merge", barbara.as_str().unwrap());
    app.sim(&merge, json!({ "into": survivor["id"] })).await;
    flush(&app, with_webhooks).await;
    for stage in ["replied", "interviewing"] {
        for person in &people {
            app.says(person, stage).await;
        }
        flush(&app, with_webhooks).await;
    }
    let job = app.world().await["jobs"][0].clone();
    app.edit("jobs", &job, json!({ "status": "Closed" })).await;
    app.says_status(&people[5], "withdrew").await;
    flush(&app, with_webhooks).await;
    app.edit("jobs", &job, json!({ "status": "Open" })).await;
    flush(&app, with_webhooks).await;
    let mut ends = Vec::new();
    for person in &people {
        let prospect = app.prospect_of(person).await;
        let applications = app.applications(&person.name).await;
        let stages: Vec<&Value> = applications.iter().map(|one| &one["stage"]).collect();
        let decisions = app.decisions(person).await;
        let reasons: Vec<&Value> = decisions.iter().map(|one| &one["reason"]["code"]).collect();
        ends.push(json!([person.name, prospect["state"], reasons, stages]));
    }
    // Prospects are carried out side by side.
    let mut writes = app.writes().await;
    writes.sort();
    ends.push(writes.into());
    ends
}

async fn flush(app: &TestApp, with_webhooks: bool) {
    app.wait(15);
    if with_webhooks {
        let mut numbers: Vec<Value> = outbox(app)
            .await
            .iter()
            .map(|one| one["number"].clone())
            .collect();
        numbers.reverse();
        send(app, json!({ "numbers": numbers, "times": 2 })).await;
    }
    app.flush_to_rest().await;
}

#[tokio::test]
async fn the_service_does_the_same_without_webhooks() {
    assert_eq!(a_day(true).await, a_day(false).await);
}
