//! Others act right before a write of ours takes effect: Ashby has no way to write only if nothing has changed.

use dover_ashby_sync::{
    ids::ApplicationId,
    store::{
        self,
        mirror::{Seen, Standing},
    },
};
use serde_json::{Value, json};

use super::{another_plan, fitting, is, job, path_of, stage, with_ada, with_news};
use crate::{
    app::{CONNECTION, Person, TestApp},
    patience::until_so,
};

/// Orders a deed of others for right before the next call of `endpoint` takes effect.
async fn right_before(app: &TestApp, endpoint: &str, method: &str, path: &str, body: Value) {
    let deed = json!({
        "endpoint": endpoint, "when": "before", "method": method, "path": format!("/{path}"), "body": body,
    });
    app.sim("meanwhile", deed).await;
}

/// The deed was done, and Ashby took it.
async fn was_done(app: &TestApp) {
    let deeds = app.sim_as(reqwest::Method::GET, "meanwhile", None).await;
    for deed in deeds.as_array().unwrap() {
        let status = deed["status"].as_u64().unwrap_or_default();
        assert!((200..300).contains(&status), "{deed}");
    }
}

/// Flushes once, with the deed done in it.
async fn flush(app: &TestApp) {
    app.flush().await;
    was_done(app).await;
}

const MOVE: &str = "application.changeStage";

#[tokio::test]
async fn an_application_that_is_deleted_under_a_move_is_gone() {
    let (app, ada, application) = with_news().await;
    right_before(
        &app,
        MOVE,
        "DELETE",
        &path_of("applications", &application),
        Value::Null,
    )
    .await;
    flush(&app).await;
    is(&app, &ada, "parked", "gone-from-ashby").await;
    app.counts_parked("gone-from-ashby", 1).await;
    app.says(&ada, "interviewing").await;
    assert!(app.flush_to_rest().await.is_empty());
    assert!(app.applications("Ada").await.is_empty());
}

#[tokio::test]
async fn an_application_that_somebody_makes_under_ours_is_taken_up() {
    let app = TestApp::with_job().await;
    let there = json!({ "name": "Ada", "email": "ada@example.com" });
    let there = app.sim("candidates", there).await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    let theirs = json!({ "candidateId": there["id"], "jobId": job(&app).await["id"], "stage": "Phone Screen" });
    right_before(&app, "application.create", "POST", "applications", theirs).await;
    flush(&app).await;
    let prospect = app.prospect(&ada.id).await;
    assert_eq!(prospect["state"], "skipped", "{prospect}");
    assert_eq!(app.application("Ada").await["stage"], "Phone Screen");
    app.wait(15);
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn a_candidate_who_is_deleted_under_a_create_is_never_made_again() {
    let app = TestApp::with_job().await;
    let there = app
        .sim(
            "candidates",
            json!({ "name": "Ada", "email": "ada@example.com" }),
        )
        .await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    right_before(
        &app,
        "application.create",
        "DELETE",
        &path_of("candidates", &there),
        Value::Null,
    )
    .await;
    flush(&app).await;
    is(&app, &ada, "parked", "gone-from-ashby").await;
    for _ in 0..2 {
        app.wait(15);
        app.says(&ada, "interviewing").await;
        assert!(app.flush_to_rest().await.is_empty());
        is(&app, &ada, "parked", "gone-from-ashby").await;
    }
    app.resync(&ada, "").await;
    assert_eq!(
        app.flush_to_rest().await,
        ["candidate.create", "application.create"]
    );
}

#[tokio::test]
async fn a_candidate_who_is_merged_away_under_a_create_gives_place_to_the_survivor() {
    for is_ours in [false, true] {
        let app = TestApp::with_job().await;
        let survivor = app
            .sim(
                "candidates",
                json!({ "name": "Ada", "email": "countess@example.com" }),
            )
            .await;
        let ada = Person::new("Ada");
        app.says(&ada, "replied").await;
        if is_ours {
            // We made the candidate, and the flush ended before the application.
            let fault =
                json!({ "endpoint": "application.create", "kind": "rate-limited", "times": 20 });
            app.sim("faults", fault).await;
            app.flush().await;
            app.sim_as(reqwest::Method::DELETE, "faults", None).await;
        } else {
            app.sim(
                "candidates",
                json!({ "name": "Ada", "email": "ada@example.com" }),
            )
            .await;
        }
        let people = app.candidates("Ada").await;
        let mut others = people
            .iter()
            .filter(|person| person["id"] != survivor["id"]);
        let merge = format!("{}/merge", path_of("candidates", others.next().unwrap()));
        right_before(
            &app,
            "application.create",
            "POST",
            &merge,
            json!({ "into": survivor["id"] }),
        )
        .await;
        flush(&app).await;
        let application = app.application("Ada").await;
        assert_eq!(
            (&application["candidateId"], &application["stage"]),
            (&survivor["id"], &json!("Replied"))
        );
        is(&app, &ada, "synced", "created").await;
        assert!(app.flush_to_rest().await.is_empty());
    }
}

#[tokio::test]
async fn a_source_that_is_archived_under_a_create_is_waited_for() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    let source = fitting(&app, "sources", "title", "Dover").await;
    let archived = json!({ "isArchived": true });
    right_before(
        &app,
        "candidate.create",
        "PATCH",
        &path_of("sources", &source),
        archived,
    )
    .await;
    flush(&app).await;
    is(&app, &ada, "pending", "stale-id").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "source-missing").await;
    app.edit("sources", &source, json!({ "isArchived": false }))
        .await;
    assert_eq!(
        app.flush_to_rest().await,
        ["candidate.create", "application.create"]
    );
    app.application("Ada").await;
}

#[tokio::test]
async fn an_archive_reason_that_is_archived_under_an_archiving_is_waited_for() {
    let (app, ada, _) = with_news().await;
    app.wait(1);
    app.says_status(&ada, "withdrew").await;
    let reason = fitting(&app, "archiveReasons", "text", "Withdrew in Dover").await;
    let path = path_of("archive-reasons", &reason);
    right_before(&app, MOVE, "PATCH", &path, json!({ "isArchived": true })).await;
    flush(&app).await;
    is(&app, &ada, "pending", "stale-id").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "archive-reason-missing").await;
    app.edit("archive-reasons", &reason, json!({ "isArchived": false }))
        .await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Archived");
}

#[tokio::test]
async fn a_job_that_closes_or_hides_under_a_create_is_waited_for() {
    for (change, back, reason) in [
        (
            json!({ "status": "Closed" }),
            json!({ "status": "Open" }),
            "job-not-open",
        ),
        (
            json!({ "confidential": true }),
            json!({ "confidential": false }),
            "job-not-visible",
        ),
    ] {
        let app = TestApp::with_job().await;
        let ada = Person::new("Ada");
        app.says(&ada, "replied").await;
        let job = job(&app).await;
        right_before(
            &app,
            "application.create",
            "PATCH",
            &path_of("jobs", &job),
            change,
        )
        .await;
        flush(&app).await;
        is(&app, &ada, "parked", reason).await;
        app.wait(15);
        assert!(app.flush_to_rest().await.is_empty());
        is(&app, &ada, "parked", reason).await;
        app.edit("jobs", &job, back).await;
        assert_eq!(app.flush_to_rest().await, ["application.create"]);
        assert_eq!(app.application("Ada").await["stage"], "Replied");
    }
}

#[tokio::test]
async fn a_job_that_hides_under_a_move_is_waited_for_and_its_people_are_not_forgotten() {
    for endpoint in [MOVE, "application.info"] {
        let (app, ada, _) = with_news().await;
        let job = job(&app).await;
        app.register("job_43", "Designer").await;
        if endpoint == "application.info" {
            // The look of the flush grows old while the job is read.
            let later = json!({ "endpoint": "job.info", "kind": "slow", "delay_ms": 1_500 });
            app.sim("faults", later).await;
        }
        right_before(
            &app,
            endpoint,
            "PATCH",
            &path_of("jobs", &job),
            json!({ "confidential": true }),
        )
        .await;
        let before = app.called("job.info").await;
        let meanwhile = async {
            until_so("a look", async || app.called("job.info").await > before).await;
            if endpoint == "application.info" {
                app.clock.advance(std::time::Duration::from_secs(6));
            }
        };
        tokio::join!(app.flush(), meanwhile);
        was_done(&app).await;
        is(&app, &ada, "parked", "job-not-visible").await;
        app.wait(15);
        assert!(app.flush_to_rest().await.is_empty());
        app.edit("jobs", &job, json!({ "confidential": false }))
            .await;
        assert_eq!(app.flush_to_rest().await, [MOVE]);
        assert_eq!(app.application("Ada").await["stage"], "Replied");
        app.wait(15);
        app.says(&Person::new("Ada").on("job_43"), "replied").await;
        assert_eq!(app.flush_to_rest().await, ["application.create"]);
        assert_eq!(app.candidates("Ada").await.len(), 1);
    }
}

#[tokio::test]
async fn a_plan_that_is_switched_under_a_move_is_read_again_and_followed() {
    let (app, ada, _) = with_news().await;
    let path = format!("{}/switch-plan", path_of("jobs", &job(&app).await));
    right_before(
        &app,
        MOVE,
        "POST",
        &path,
        json!({ "stages": another_plan() }),
    )
    .await;
    flush(&app).await;
    is(&app, &ada, "pending", "stale-id").await;
    app.says(&ada, "interviewing").await;
    app.wait(15);
    app.says(&ada, "interviewing").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Call");
}

#[tokio::test]
async fn a_stage_that_is_deleted_under_a_move_is_waited_for() {
    let (app, ada, _) = with_news().await;
    let replied = stage(&job(&app).await, "Replied");
    let path = path_of("stages", &replied);
    right_before(&app, MOVE, "PATCH", &path, json!({ "isArchived": true })).await;
    flush(&app).await;
    is(&app, &ada, "pending", "stale-id").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "stage-not-mapped").await;
    app.edit("stages", &replied, json!({ "isArchived": false }))
        .await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
}

#[tokio::test]
async fn a_stage_that_is_gone_for_good_under_a_write_is_waited_for_and_newer_news_goes_on() {
    for is_new in [false, true] {
        let (app, who) = if is_new {
            let app = TestApp::with_job().await;
            let ada = Person::new("Ada");
            app.says(&ada, "replied").await;
            (app, ada)
        } else {
            let (app, ada, _) = with_news().await;
            (app, ada)
        };
        let endpoint = if is_new { "application.create" } else { MOVE };
        let path = path_of("stages", &stage(&job(&app).await, "Replied"));
        right_before(&app, endpoint, "DELETE", &path, Value::Null).await;
        flush(&app).await;
        is(&app, &who, "pending", "stale-id").await;
        assert!(app.flush_to_rest().await.is_empty());
        is(&app, &who, "parked", "stage-not-mapped").await;
        app.wait(15);
        app.says(&who, "interviewing").await;
        assert_eq!(app.flush_to_rest().await, [endpoint]);
        assert_eq!(app.application("Ada").await["stage"], "Phone Screen");
        assert_eq!(app.candidates("Ada").await.len(), 1);
    }
}

#[tokio::test]
async fn a_plan_that_is_switched_under_a_create_is_read_again_and_followed() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "interviewing").await;
    let path = format!("{}/switch-plan", path_of("jobs", &job(&app).await));
    let plan = json!({ "stages": another_plan() });
    right_before(&app, "application.create", "POST", &path, plan).await;
    flush(&app).await;
    is(&app, &ada, "pending", "stale-id").await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(app.application("Ada").await["stage"], "Call");
    assert_eq!(app.candidates("Ada").await.len(), 1);
}

/// Between the two calls of a creation: the candidate is there, and waits for the source with their application.
#[tokio::test]
async fn a_source_that_is_archived_between_candidate_and_application_is_waited_for() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    let source = fitting(&app, "sources", "title", "Dover").await;
    let path = path_of("sources", &source);
    let archived = json!({ "isArchived": true });
    right_before(&app, "application.create", "PATCH", &path, archived).await;
    flush(&app).await;
    is(&app, &ada, "pending", "stale-id").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "source-missing").await;
    app.edit("sources", &source, json!({ "isArchived": false }))
        .await;
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(app.candidates("Ada").await.len(), 1);
}

/// Ashby takes a move on a job that has just closed; from then on the job is waited for.
#[tokio::test]
async fn a_job_that_closes_under_a_move_is_waited_for_from_then_on() {
    let (app, ada, _) = with_news().await;
    let job = job(&app).await;
    let closed = json!({ "status": "Closed" });
    right_before(&app, MOVE, "PATCH", &path_of("jobs", &job), closed).await;
    flush(&app).await;
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    app.wait(15);
    app.says(&ada, "interviewing").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "job-not-open").await;
    app.edit("jobs", &job, json!({ "status": "Open" })).await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
}

#[tokio::test]
async fn a_stage_that_is_renamed_under_a_move_is_still_that_stage() {
    let (app, ada, _) = with_news().await;
    let replied = stage(&job(&app).await, "Replied");
    right_before(
        &app,
        MOVE,
        "PATCH",
        &path_of("stages", &replied),
        json!({ "title": "Answered" }),
    )
    .await;
    flush(&app).await;
    is(&app, &ada, "synced", "moved-forward").await;
    assert_eq!(app.application("Ada").await["stage"], "Answered");
    assert!(app.flush_to_rest().await.is_empty());
}

#[tokio::test]
async fn a_transfer_under_a_move_is_left_alone() {
    let (app, ada, application) = with_news().await;
    let other = app.sim("jobs", json!({ "title": "Designer" })).await;
    let path = format!("{}/transfer", path_of("applications", &application));
    right_before(&app, MOVE, "POST", &path, json!({ "jobId": other["id"] })).await;
    flush(&app).await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "skipped", "transferred-in-ashby").await;
    let now = app.application("Ada").await;
    assert_eq!(
        (&now["jobId"], &now["stage"]),
        (&other["id"], &json!("New Lead"))
    );
}

/// A preview, or another process, may have seen more of an application than the answer to our write says.
#[tokio::test]
async fn what_was_seen_since_a_write_of_ours_is_kept_over_its_answer() {
    let (app, _, application) = with_ada().await;
    let id: ApplicationId = application["id"].as_str().unwrap().into();
    let pool = &app.database.pool;
    let connection = app.connection(CONNECTION).await.id;
    let known = async || {
        let known = store::mirror::applications(pool, connection, std::slice::from_ref(&id.0), &[]);
        known.await.unwrap().remove(0)
    };
    let before = known().await.application.unwrap();
    app.recruiter("move", &application, json!({ "stage": "Onsite" }))
        .await;
    app.preview().await;
    let answer = Seen {
        id: id.clone(),
        candidate: before.candidate.clone(),
        job: known().await.job,
        standing: Some(Standing {
            stage: before.stage.clone(),
            status: before.status,
        }),
        archive_reason: None,
        source: None,
        updated_at: app.now() - chrono::TimeDelta::minutes(1),
        archived_at: None,
    };
    let mut tx = pool.begin().await.unwrap();
    store::mirror::wrote(&mut tx, connection, &answer, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let after = known().await.application.unwrap();
    assert_ne!(after.stage, before.stage);
    assert!(after.foreign_at > before.foreign_at);
}
