//! The control plane: other people's deeds, the record of calls, starting over.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Ashby, each, id, stage};
use crate::ashby_schema::check_calls;

/// The one application of the world.
async fn only_application(ashby: &Ashby) -> Value {
    ashby.world().await["applications"][0].take()
}

#[tokio::test]
async fn a_recruiter_moves_archives_brings_back_and_hires() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    ashby
        .make("/archive-reasons", json!({"text": "Withdrew"}))
        .await;
    let act = async |deed: &str, body: Value| {
        let path = format!("/applications/{application}/{deed}");
        ashby.make(&path, body).await
    };
    let moved = act(
        "move",
        json!({"stage": "Onsite", "at": "2026-11-20T08:00:00Z"}),
    )
    .await;
    assert_eq!(moved["stage"], "Onsite");
    assert_eq!(
        moved["updatedAt"], "2026-11-20T08:00:00.000Z",
        "exactly as told"
    );
    let archived = act("archive", json!({"archiveReason": "Withdrew"})).await;
    assert_eq!(archived["status"], "Archived");
    assert_eq!(archived["archiveReason"], "Withdrew");
    let back = act("unarchive", json!({})).await;
    assert_eq!(back["stage"], "Onsite");
    assert_eq!(back["archiveReason"], Value::Null);
    assert_eq!(act("hire", json!({})).await["status"], "Hired");
    ashby.wait(5);
    let touched = act("touch", json!({})).await;
    assert_eq!(touched["status"], "Hired");
    assert_eq!(touched["updatedAt"], "2026-11-21T10:00:05.000Z");
    let by_id = act("move", json!({"stage": stage(&job, "Replied")})).await;
    assert_eq!(by_id["stage"], "Replied");
}

#[tokio::test]
async fn a_merge_moves_everything_to_the_survivor_and_ends_the_other_id() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    let loser = only_application(&ashby).await["candidateId"].take();
    let loser = loser.as_str().expect("an id");
    let tag = ashby
        .call("candidateTag.create", json!({"title": "Dover"}))
        .await;
    let put = json!({"candidateId": loser, "tagId": tag["id"]});
    ashby.call("candidate.addTag", put).await;
    let survivor = json!({"name": "A. Lovelace", "email": "a@lovelace.example"});
    let survivor = ashby.id_of("/candidates", survivor).await;
    let path = format!("/candidates/{loser}/merge");
    ashby.make(&path, json!({"into": survivor})).await;
    let gone = ashby.refusal("candidate.info", json!({"id": loser})).await;
    assert_eq!(gone, "candidate_not_found");
    let merged = ashby.call("candidate.info", json!({"id": survivor})).await;
    assert_eq!(merged["applicationIds"], json!([application]));
    assert_eq!(
        each(&merged["emailAddresses"], "value"),
        ["a@lovelace.example", "ada@example.com"]
    );
    assert_eq!(each(&merged["tags"], "title"), ["Dover"]);
    let asked = json!({"applicationId": application});
    let followed = ashby.call("application.info", asked).await;
    assert_eq!(followed["candidate"]["id"], json!(survivor));
    let found = ashby
        .call("candidate.search", json!({"email": "ada@example.com"}))
        .await;
    assert_eq!(each(&found, "id"), [survivor]);
}

#[tokio::test]
async fn what_is_deleted_is_not_found() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    let ada = only_application(&ashby).await["candidateId"].take();
    let path = format!("/candidates/{}", ada.as_str().expect("an id"));
    ashby.control(Method::DELETE, &path, json!({})).await;
    let asked = json!({"applicationId": application});
    assert_eq!(
        ashby.refusal("application.info", asked).await,
        "application_not_found"
    );
    let found = ashby
        .call("candidate.search", json!({"email": "ada@example.com"}))
        .await;
    assert_eq!(found, json!([]));
    let again = ashby.ask_control(Method::DELETE, &path, json!({})).await;
    assert_eq!(again.status(), 404);
}

#[tokio::test]
async fn a_switched_plan_carries_its_applications_over() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    let old = stage(&job, "New Lead");
    let plan = json!({
        "stages": [
            {"title": "Fresh", "type": "Lead"},
            {"title": "Warm", "type": "Lead", "order": 7},
            {"title": "Archived", "type": "Archived"},
        ],
        "mapping": {"New Lead": "Warm"},
    });
    let path = format!("/jobs/{}/switch-plan", id(&job));
    let switched = ashby.make(&path, plan).await;
    assert_eq!(only_application(&ashby).await["stage"], "Warm");
    let back = json!({"applicationId": application, "interviewStageId": old});
    let code = ashby.refusal("application.changeStage", back).await;
    assert_eq!(code, "interview_stage_not_found");
    let seen = ashby.call("job.info", json!({"id": job["id"]})).await;
    assert_eq!(seen["defaultInterviewPlanId"], switched["plan"]["id"]);
}

#[tokio::test]
async fn stages_are_renamed_archived_and_deleted() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    ashby.application(&job).await;
    let plan = json!({"interviewPlanId": job["plan"]["id"]});
    let path = |title: &str| format!("/stages/{}", stage(&job, title));
    ashby
        .control(
            Method::PATCH,
            &path("Replied"),
            json!({"title": "Answered"}),
        )
        .await;
    ashby
        .control(Method::PATCH, &path("Onsite"), json!({"isArchived": true}))
        .await;
    ashby
        .control(Method::DELETE, &path("Phone Screen"), json!({}))
        .await;
    let stages = ashby.call("interviewStage.list", plan).await;
    assert_eq!(
        each(&stages, "title"),
        [
            "New Lead",
            "Reached Out",
            "Answered",
            "Application Review",
            "Offer",
            "Hired",
            "Archived"
        ]
    );
    let occupied = ashby
        .ask_control(Method::DELETE, &path("New Lead"), json!({}))
        .await;
    assert_eq!(occupied.status(), 409);
}

#[tokio::test]
async fn the_record_has_every_call_and_whether_it_changed_anything() {
    let ashby = Ashby::start().await;
    ashby.call("candidate.create", json!({"name": "Ada"})).await;
    ashby.call("candidate.list", json!({})).await;
    ashby.make("/faults", json!({"kind": "error-after"})).await;
    ashby
        .post("candidate.create", &json!({"name": "Grace"}))
        .await;
    let record = ashby.control(Method::GET, "/calls", json!({})).await;
    let calls = record["calls"].as_array().expect("calls");
    check_calls(calls);
    let column = |name: &str| {
        calls
            .iter()
            .map(|call| call[name].clone())
            .collect::<Value>()
    };
    assert_eq!(column("index"), json!([0, 1, 2]));
    assert_eq!(column("write"), json!([true, false, true]));
    assert_eq!(column("status"), json!([200, 200, 500]));
    assert_eq!(column("fault"), json!([null, null, "error-after"]));
    assert_eq!(calls[0]["request"], json!({"name": "Ada"}));
    assert_eq!(calls[0]["response"]["results"]["name"], "Ada");
    assert_eq!(record["next"], 3);
    let later = ashby
        .control(Method::GET, "/calls?since=2", json!({}))
        .await;
    assert_eq!(later["calls"][0]["request"]["name"], "Grace");
    ashby.control(Method::DELETE, "/calls", json!({})).await;
    let after = ashby.control(Method::GET, "/calls", json!({})).await;
    assert_eq!(after, json!({"calls": [], "next": 3}));
}

#[tokio::test]
async fn the_same_seed_and_the_same_calls_give_the_same_ids() {
    let mut worlds = Vec::new();
    for seed in [1, 1, 2] {
        let ashby = Ashby::start_with_seed(seed).await;
        let job = ashby.job().await;
        let ada = ashby.call("candidate.create", json!({"name": "Ada"})).await;
        let new = json!({"candidateId": ada["id"], "jobId": job["id"]});
        ashby.call("application.create", new).await;
        worlds.push(ashby.world().await);
    }
    assert_eq!(worlds[0], worlds[1]);
    assert_ne!(
        worlds[0]["applications"][0]["id"],
        worlds[2]["applications"][0]["id"]
    );
}

#[tokio::test]
async fn starting_over_gives_the_first_world_again() {
    let ashby = Ashby::start().await;
    let first = ashby.job().await;
    ashby.set(json!({"rateLimit": {"limit": 0}})).await;
    ashby.make("/reset", json!({})).await;
    assert_eq!(ashby.world().await["jobs"], json!([]));
    assert_eq!(ashby.job().await, first);
    ashby.call("job.info", json!({"id": first["id"]})).await;
    ashby.make("/reset", json!({"seed": 8})).await;
    assert_ne!(ashby.job().await["id"], first["id"]);
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_told_why() {
    let ashby = Ashby::start().await;
    let job = ashby.job().await;
    let application = ashby.application(&job).await;
    for (path, body, status) in [
        ("/jobs".to_owned(), json!({"name": "Staff Engineer"}), 400),
        (
            "/jobs".to_owned(),
            json!({"title": "Again", "id": job["id"]}),
            409,
        ),
        ("/switches".to_owned(), json!({"duplicate": "error"}), 400),
        (
            "/switches".to_owned(),
            json!({"duplicates": "perhaps"}),
            400,
        ),
        (
            format!("/applications/{application}/move"),
            json!({"stage": "Limbo"}),
            404,
        ),
        ("/elsewhere".to_owned(), json!({}), 404),
    ] {
        let response = ashby.ask_control(Method::POST, &path, body).await;
        assert_eq!(response.status(), status, "{path}");
        let body: Value = response.json().await.expect("JSON");
        assert!(body["error"].is_string(), "{path}");
    }
}
