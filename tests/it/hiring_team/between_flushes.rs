//! Others act between two flushes.

use reqwest::Method;
use serde_json::json;

use super::{another_plan, delete, fitting, is, job, path_of, stage, with_ada, with_news};
use crate::app::{Person, TestApp};

const MOVE: &str = "application.changeStage";

#[tokio::test]
async fn an_archived_application_is_left_to_whoever_takes_it_out_again() {
    let (app, ada, application) = with_ada().await;
    app.recruiter("archive", &application, json!({})).await;
    app.wait(1);
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "skipped", "archived-in-ashby").await;
    app.wait(1);
    let application = app.application("Ada").await;
    app.recruiter("unarchive", &application, json!({ "stage": "Reached Out" }))
        .await;
    // What Dover said before does not undo where the recruiter put her; what it says now counts.
    app.resync(&ada, "").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "skipped", "ashby-is-newer").await;
    app.wait(1);
    app.says(&ada, "interviewing").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Phone Screen");
}

#[tokio::test]
async fn news_of_before_an_archiving_counts_as_older() {
    let (app, ada, application) = with_news().await;
    app.wait(1);
    app.recruiter("archive", &application, json!({})).await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "skipped", "ashby-is-newer").await;
    assert_eq!(app.application("Ada").await["stage"], "Archived");
}

#[tokio::test]
async fn a_hire_is_left_alone_whatever_dover_says() {
    let (app, ada, application) = with_ada().await;
    app.recruiter("hire", &application, json!({})).await;
    for status in [None, Some("withdrew"), Some("rejected")] {
        app.wait(1);
        match status {
            None => app.says(&ada, "interviewing").await,
            Some(status) => app.says_status(&ada, status).await,
        }
        assert!(app.flush_to_rest().await.is_empty());
        is(&app, &ada, "skipped", "hired-in-ashby").await;
    }
    assert_eq!(app.application("Ada").await["stage"], "Hired");
}

#[tokio::test]
async fn a_renamed_stage_is_known_by_its_id_and_by_its_place() {
    let (app, ada, _) = with_ada().await;
    let plan = job(&app).await;
    for (title, renamed) in [("Reached Out", "Written To"), ("Replied", "Answered")] {
        app.edit("stages", &stage(&plan, title), json!({ "title": renamed }))
            .await;
    }
    app.says(&ada, "reached_out").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Written To");
    // By now the plan is read again.
    app.wait(90);
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Answered");
}

#[tokio::test]
async fn another_plan_is_followed_at_once() {
    let (app, ada, _) = with_ada().await;
    let path = format!("{}/switch-plan", path_of("jobs", &job(&app).await));
    app.sim(&path, json!({ "stages": another_plan() })).await;
    app.wait(1);
    app.says(&ada, "interviewing").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Call");
}

#[tokio::test]
async fn a_stage_that_was_taken_out_of_the_plan_is_waited_for() {
    let (app, ada, _) = with_ada().await;
    let screen = stage(&job(&app).await, "Replied");
    app.edit("stages", &screen, json!({ "isArchived": true }))
        .await;
    app.says(&ada, "replied").await;
    app.flush().await;
    is(&app, &ada, "pending", "stale-id").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "stage-not-mapped").await;
    app.edit("stages", &screen, json!({ "isArchived": false }))
        .await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
}

#[tokio::test]
async fn a_deleted_stage_is_waited_for_and_newer_news_goes_on() {
    let (app, ada, _) = with_ada().await;
    let path = path_of("stages", &stage(&job(&app).await, "Replied"));
    app.sim_as(reqwest::Method::DELETE, &path, None).await;
    app.says(&ada, "replied").await;
    app.flush().await;
    is(&app, &ada, "pending", "stale-id").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "stage-not-mapped").await;
    app.wait(15);
    app.says(&ada, "interviewing").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
}

#[tokio::test]
async fn an_archived_source_or_archive_reason_is_waited_for() {
    let (app, ada, _) = with_ada().await;
    let source = fitting(&app, "sources", "title", "Dover").await;
    let reason = fitting(&app, "archiveReasons", "text", "Withdrew in Dover").await;
    app.edit("sources", &source, json!({ "isArchived": true }))
        .await;
    app.edit("archive-reasons", &reason, json!({ "isArchived": true }))
        .await;
    // Read again by now.
    app.wait(90);
    let grace = Person::new("Grace");
    app.says(&grace, "replied").await;
    app.says_status(&ada, "withdrew").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &grace, "parked", "source-missing").await;
    is(&app, &ada, "parked", "archive-reason-missing").await;
    app.edit("sources", &source, json!({ "isArchived": false }))
        .await;
    app.edit("archive-reasons", &reason, json!({ "isArchived": false }))
        .await;
    assert_eq!(app.flush_to_rest().await.len(), 3);
    assert_eq!(app.application("Ada").await["stage"], "Archived");
    assert_eq!(app.application("Grace").await["stage"], "Replied");
}

#[tokio::test]
async fn a_transferred_application_is_left_alone_also_where_both_jobs_are_registered() {
    let (app, ada, application) = with_ada().await;
    let other = app.register("job_43", "Designer").await;
    app.recruiter("transfer", &application, json!({ "jobId": other["id"] }))
        .await;
    app.wait(1);
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "skipped", "transferred-in-ashby").await;
    // For the other job it is hers.
    let there = Person::new("Ada").on("job_43");
    app.wait(1);
    app.says(&there, "replied").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    let now = app.application("Ada").await;
    assert_eq!(
        (&now["jobId"], &now["stage"]),
        (&other["id"], &json!("Replied"))
    );
    is(&app, &there, "synced", "moved-forward").await;
}

#[tokio::test]
async fn an_application_in_a_status_that_we_do_not_know_is_neither_moved_nor_gone() {
    let (app, ada, application) = with_ada().await;
    app.recruiter("obscure", &application, json!({ "status": "Pondering" }))
        .await;
    app.wait(1);
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "unclear-in-ashby").await;
    app.counts_parked("unclear-in-ashby", 1).await;
    assert_eq!(app.application("Ada").await["stage"], "New Lead");
    app.wait(15);
    app.recruiter(
        "obscure",
        &application,
        json!({ "status": null, "at": "2026-11-21T10:15:00Z" }),
    )
    .await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    is(&app, &ada, "synced", "moved-forward").await;
}

#[tokio::test]
async fn somebody_whose_application_is_unclear_gets_no_second_one() {
    let app = TestApp::with_job().await;
    let job = job(&app).await;
    let there = app
        .sim(
            "candidates",
            json!({ "name": "Ada", "email": "ada@example.com" }),
        )
        .await;
    let body = json!({ "candidateId": there["id"], "jobId": job["id"] });
    let application = app.sim("applications", body).await;
    app.recruiter("obscure", &application, json!({ "status": "Pondering" }))
        .await;
    app.wait(1);
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "unclear-in-ashby").await;
    app.wait(15);
    app.recruiter("obscure", &application, json!({ "status": null }))
        .await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "skipped", "ashby-is-newer").await;
    app.application("Ada").await;
}

#[tokio::test]
async fn ambiguity_ends_when_the_other_one_is_deleted() {
    let app = TestApp::with_job().await;
    let person = json!({ "name": "Ada", "email": "ada@example.com" });
    let (first, second) = (
        app.sim("candidates", person.clone()).await,
        app.sim("candidates", person).await,
    );
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    assert!(app.flush_to_rest().await.is_empty());
    is(&app, &ada, "parked", "ambiguous-identity").await;
    delete(&app, &path_of("candidates", &first)).await;
    app.wait(15);
    assert_eq!(app.flush_to_rest().await, ["application.create"]);
    let application = app.application("Ada").await;
    assert_eq!(application["candidateId"], second["id"]);
}

#[tokio::test]
async fn many_ambiguous_people_are_looked_over_a_few_at_a_time() {
    let app = TestApp::with_job().await;
    let mut doomed = Vec::new();
    for number in 0..40 {
        let name = format!("Person {number}");
        let email = format!("person-{number}@example.com");
        for _ in 0..2 {
            doomed.push(
                app.sim("candidates", json!({ "name": name, "email": email }))
                    .await,
            );
        }
        app.says(&Person::new(&name), "replied").await;
    }
    assert!(app.flush_to_rest().await.is_empty());
    for other in doomed.iter().step_by(2) {
        delete(&app, &path_of("candidates", other)).await;
    }
    // Eighty people: fifty in this flush, the others in the next.
    app.wait(15);
    let looks = app.called("candidate.info").await;
    app.flush().await;
    let looks = app.called("candidate.info").await - looks;
    assert!((50..=100).contains(&looks), "{looks}");
    app.wait(15);
    app.flush().await;
    assert_eq!(
        app.world().await["applications"].as_array().unwrap().len(),
        40
    );
    assert_eq!(app.get("/health").await.ok()["queue"]["parked"], 0);
}

#[tokio::test]
async fn a_deleted_stage_in_which_nobody_stands_is_not_missed() {
    let (app, ada, _) = with_ada().await;
    delete(
        &app,
        &path_of("stages", &stage(&job(&app).await, "Reached Out")),
    )
    .await;
    app.says(&ada, "replied").await;
    assert_eq!(app.flush_to_rest().await, [MOVE]);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    let deeds = app.sim_as(Method::GET, "meanwhile", None).await;
    assert_eq!(deeds, json!([]));
}
