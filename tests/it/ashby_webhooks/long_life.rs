//! Ashby's webhooks name people too: what an erasure, the passing of time and a rotation of the master key do to them.

use dover_ashby_sync::worker::Upkeep;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{TYPES, kept, rotate, send, set_up, subscribe};
use crate::{
    app::{Person, TestApp},
    erasing::{ada, erase, traces},
    master_key,
};

const NOTHING: Vec<&str> = vec![];

/// Ada as somebody of whom only the profile is known, in Ashby, with Ashby's webhooks set up.
async fn known_by_her_profile_alone() -> (TestApp, Person, Value) {
    let app = TestApp::with_job().await;
    set_up(&app).await;
    let mut ada = ada();
    ada.contact = json!({ "linkedin_url": "https://www.linkedin.com/in/Ada-L/" });
    app.says(&ada, "new_lead").await;
    app.flush_to_rest().await;
    let application = app.application(&ada.name).await;
    (app, ada, application)
}

/// Lets Ashby tell of her in every way that names somebody. Answers how many webhooks came.
async fn tell(app: &TestApp, application: &Value) -> usize {
    app.recruiter("move", application, json!({ "stage": "Replied" }))
        .await;
    let candidate = &application["candidateId"];
    for data in [
        json!({ "action": "surveySubmit", "data": { "surveySubmission": {
            "candidateId": candidate, "submittedValues": { "note": "Ada Lovelace at Analytical Engines" } } } }),
        json!({ "action": "interviewScheduleUpdate", "data": { "interviewSchedule": {
            "candidateId": candidate, "interviewEvents": [{ "meetingLink": "https://meet.example/lovelace" }] } } }),
        json!({ "action": "pushToHRIS", "data": { "application": {
            "id": application["id"], "candidate": { "id": candidate, "name": "Ada Lovelace" } } } }),
    ] {
        app.sim("webhooks/forge", data).await;
    }
    let taken = send(app, json!({})).await;
    assert!(taken.iter().all(|status| *status == 202), "{taken:?}");
    taken.len()
}

#[tokio::test]
async fn an_erasure_empties_what_ashby_told_of_the_person_and_of_nobody_else() {
    let (app, ada, application) = known_by_her_profile_alone().await;
    let grace = Person::new("Grace");
    app.says(&grace, "new_lead").await;
    app.flush_to_rest().await;
    app.recruiter(
        "move",
        &app.application("Grace").await,
        json!({ "stage": "Replied" }),
    )
    .await;
    let all = tell(&app, &application).await;
    assert!(!traces(&app).await.is_empty());
    erase(&app, &ada).await.ok();
    assert_eq!(traces(&app).await, NOTHING);
    let (emptied, whole): (Vec<Value>, Vec<Value>) = kept(&app)
        .await
        .into_iter()
        .partition(|one| one["erased_at"].is_string());
    assert_eq!(emptied.len() + whole.len(), all);
    let of_grace = whole
        .iter()
        .filter(|one| one["type"] == "candidateStageChange");
    assert_eq!(of_grace.count(), 1, "{whole:?}");
    app.flush_to_rest().await;
    assert_eq!(traces(&app).await, NOTHING);
}

#[tokio::test]
async fn what_ashby_tells_of_an_erased_person_later_is_kept_without_them() {
    let (app, ada, application) = known_by_her_profile_alone().await;
    send(&app, json!({})).await;
    erase(&app, &ada).await.ok();
    let before = kept(&app).await.len();
    let came = tell(&app, &application).await;
    assert_eq!(traces(&app).await, NOTHING);
    let kept = kept(&app).await;
    assert_eq!(
        kept.len(),
        before + came,
        "each was acknowledged, and is there"
    );
    app.flush_to_rest().await;
    assert_eq!(app.reason(&ada.id).await, "erased");
    assert_eq!(traces(&app).await, NOTHING);
}

#[tokio::test]
async fn whom_ashby_shows_with_an_erased_persons_address_is_known_by_id_from_then_on() {
    let app = TestApp::with_job().await;
    set_up(&app).await;
    let ada = ada();
    app.says(&ada, "new_lead").await;
    // Nobody in Ashby is known to be her yet.
    erase(&app, &ada).await.ok();
    let theirs = |candidate: Value| {
        json!({ "action": "applicationUpdate", "data": { "application": {
            "id": "a-1", "createdAt": "2026-11-20T09:00:00Z", "updatedAt": "2026-11-20T10:00:00Z", "status": "Lead",
            "candidate": candidate, "job": { "id": "j-1", "title": "Staff Engineer" },
            "currentInterviewStage": { "id": "st-1", "title": "New Lead", "type": "Lead", "orderInInterviewPlan": 0 },
        } } })
    };
    for candidate in [
        json!({ "id": "c-1", "name": "Ada Lovelace", "primaryEmailAddress": { "value": "ada@example.com" } }),
        json!({ "id": "c-1", "name": "Ada Lovelace" }),
    ] {
        app.sim("webhooks/forge", theirs(candidate)).await;
        assert_eq!(send(&app, json!({})).await, [202]);
        assert_eq!(traces(&app).await, NOTHING);
    }
}

#[tokio::test]
async fn webhooks_of_ashby_go_after_their_time() {
    let (app, _, application) = known_by_her_profile_alone().await;
    let all = tell(&app, &application).await;
    let filed = "SELECT count(*) FROM ashby_delivery";
    let count = async |what: &'static str| -> i64 {
        sqlx::query_scalar(what)
            .fetch_one(&app.database.pool)
            .await
            .unwrap()
    };
    assert_eq!(count(filed).await, i64::try_from(all).unwrap());
    app.flush_to_rest().await;
    app.wait(91 * 24 * 60);
    // And what nobody has taken in: a hint of three months ago is worth nothing.
    tell_late(&app, &application).await;
    let removed = Upkeep::default()
        .run(&app.sync(), &CancellationToken::new())
        .await
        .unwrap();
    assert!(removed > u64::try_from(all).unwrap(), "{removed}");
    assert_eq!(count(filed).await, 1);
    assert_eq!(count("SELECT count(*) FROM delivery").await, 1);
}

/// One webhook that comes today.
async fn tell_late(app: &TestApp, application: &Value) {
    let data = json!({ "action": "candidateDelete", "data": { "candidate": { "id": application["candidateId"] } } });
    app.sim("webhooks/forge", data).await;
    assert_eq!(send(app, json!({})).await, [202]);
}

#[tokio::test]
async fn ashbys_secret_counts_on_under_another_master_key() {
    let app = TestApp::with_job().await;
    let secret = rotate(&app, json!({})).await["ashby_webhook_secret"].clone();
    let app = master_key::under_another(app).await;
    subscribe(&app, &TYPES, secret.as_str()).await;
    let job = app.world().await["jobs"][0].clone();
    app.edit("jobs", &job, json!({ "status": "Closed" })).await;
    assert_eq!(send(&app, json!({})).await, [202]);
}
