//! A create whose answer was lost: held while Ashby's lists may lag, tried once more, and then put to a person. Never are
//! there two.

use serde_json::{Value, json};

use super::lost::stands_at;
use crate::app::{CONNECTION, Person, TOKEN, TestApp};

/// Who can be found by what: both, an address alone, a profile alone.
pub(super) fn contacts(name: &str) -> [Person; 3] {
    let who = |kind: &str, contact: Value| Person::new(&format!("{name} {kind}")).with(contact);
    let (email, url) = (
        format!("{name}@example.com"),
        format!("linkedin.com/in/{name}"),
    );
    [
        who(
            "both",
            json!({ "email": format!("b.{email}"), "linkedin_url": format!("{url}-b") }),
        ),
        who("address", json!({ "email": email })),
        who("profile", json!({ "linkedin_url": url })),
    ]
}

#[tokio::test]
async fn a_create_in_doubt_is_waited_for_while_lists_lag() {
    for lost in ["candidate.create", "application.create"] {
        let app = TestApp::with_job().await;
        app.sim("switches", json!({ "listLagSeconds": 300 })).await;
        let people = contacts("ada");
        for who in &people {
            app.says(who, "replied").await;
        }
        app.sim(
            "faults",
            json!({ "endpoint": lost, "kind": "lost-answer", "times": 3 }),
        )
        .await;
        app.flush().await;
        if lost == "candidate.create" {
            for minute in 0..4 {
                for who in &people {
                    assert_eq!(
                        app.reason(&who.id).await,
                        "create-in-doubt",
                        "minute {minute}"
                    );
                    assert_eq!(app.prospect(&who.id).await["state"], "parked");
                }
                app.wait(1);
                app.flush().await;
            }
        }
        app.wait(15);
        app.flush_to_rest().await;
        for who in &people {
            stands_at(&app, &who.name, "Replied", lost).await;
        }
    }
}

#[tokio::test]
async fn two_prospects_of_a_person_whose_create_was_lost_are_one_candidate() {
    for lag in [0, 300] {
        for [mut who, ..] in [contacts("ada")] {
            for contact in [
                json!({ "email": "ada@example.com" }),
                json!({ "linkedin_url": "linkedin.com/in/ada" }),
            ] {
                who = who.with(contact);
                let app = TestApp::with_job().await;
                app.register("job_43", "Designer").await;
                app.sim("switches", json!({ "listLagSeconds": lag })).await;
                app.says(&who, "replied").await;
                app.says(&who.clone().on("job_43"), "replied").await;
                app.sim(
                    "faults",
                    json!({ "endpoint": "candidate.create", "kind": "lost-answer" }),
                )
                .await;
                for _ in 0..3 {
                    app.flush().await;
                    app.wait(15);
                }
                app.flush_to_rest().await;
                assert_eq!(
                    app.candidates(&who.name).await.len(),
                    1,
                    "{who:?} lag {lag}"
                );
                assert_eq!(
                    app.applications(&who.name).await.len(),
                    2,
                    "{who:?} lag {lag}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_later_prospect_of_a_person_in_doubt_waits_with_them() {
    let app = TestApp::with_job().await;
    app.register("job_43", "Designer").await;
    app.sim("switches", json!({ "listLagSeconds": 300 })).await;
    let ada = Person::new("Ada");
    app.says(&ada, "replied").await;
    app.sim(
        "faults",
        json!({ "endpoint": "candidate.create", "kind": "lost-answer" }),
    )
    .await;
    app.flush().await;
    app.wait(1);
    let mut other = Person::new("Ada").on("job_43");
    "cand_other".clone_into(&mut other.id);
    app.says(&other, "replied").await;
    app.flush().await;
    assert_eq!(app.reason(&other.id).await, "create-in-doubt");
    app.wait(15);
    app.flush_to_rest().await;
    assert_eq!(
        (
            app.candidates("Ada").await.len(),
            app.applications("Ada").await.len()
        ),
        (1, 2)
    );
}

#[tokio::test]
async fn one_address_that_ashby_refuses_to_search_for_holds_nobody_else_up() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    let refuse = json!({ "endpoint": "candidate.search", "kind": "refuse", "code": "invalid_input", "times": 1000 });
    app.sim(
        "faults",
        json!({ "endpoint": "candidate.create", "kind": "html" }),
    )
    .await;
    app.sim("faults", refuse).await;
    app.flush().await;
    assert_eq!(app.reason("cand_ada").await, "create-in-doubt");
    app.wait(1);
    app.says(&Person::new("Grace"), "replied").await;
    assert_eq!(app.flush_to_rest().await.len(), 2);
    stands_at(&app, "Grace", "Replied", "beside somebody in doubt").await;
}

/// Loses the answers to the next `times` calls of `endpoint`, which have no effect unless `effect`.
async fn lose(app: &TestApp, endpoint: &str, times: u32, effect: bool) {
    let order =
        json!({ "endpoint": endpoint, "kind": "lost-answer", "times": times, "effect": effect });
    app.sim("faults", order).await;
}

pub(super) async fn flush_after(app: &TestApp, minutes: u64) {
    app.wait(minutes);
    app.flush().await;
}

/// Ada, whose application or self was asked for twice in vain. The second time it was made where `effect`, and shows after
/// `lag` seconds.
async fn undecided(endpoint: &str, effect: bool, lag: u32) -> TestApp {
    let app = TestApp::with_job().await;
    app.sim("switches", json!({ "listLagSeconds": lag })).await;
    app.says(&Person::new("Ada"), "replied").await;
    lose(&app, endpoint, 1, false).await;
    lose(&app, endpoint, 1, effect).await;
    app.flush().await;
    assert_eq!(app.reason("cand_ada").await, "create-in-doubt");
    flush_after(&app, 15).await;
    assert_eq!(app.reason("cand_ada").await, "create-in-doubt");
    app.counts_parked("create-in-doubt", 1).await;
    for _ in 0..3 {
        flush_after(&app, 15).await;
        assert_eq!(app.reason("cand_ada").await, "create-undecided");
    }
    app.counts_parked("create-undecided", 1).await;
    assert_eq!(app.called(endpoint).await, 2, "nothing more is created");
    assert_eq!(app.prospect("cand_ada").await["state"], "parked");
    app
}

pub(super) const CREATES: [&str; 2] = ["candidate.create", "application.create"];

#[tokio::test]
async fn a_create_that_does_not_show_is_tried_once_more() {
    for endpoint in CREATES {
        let app = TestApp::with_job().await;
        app.says(&Person::new("Ada"), "replied").await;
        lose(&app, endpoint, 1, false).await;
        app.flush().await;
        flush_after(&app, 9).await;
        assert_eq!(app.called(endpoint).await, 1, "it may still show");
        flush_after(&app, 6).await;
        stands_at(&app, "Ada", "Replied", endpoint).await;
        assert_eq!(app.called(endpoint).await, 2);
    }
}

#[tokio::test]
async fn what_was_asked_for_twice_in_vain_is_created_when_somebody_says_so() {
    for endpoint in CREATES {
        let app = undecided(endpoint, false, 0).await;
        let decided = app.decisions(&Person::new("Ada")).await.len();
        flush_after(&app, 15).await;
        assert_eq!(
            app.decisions(&Person::new("Ada")).await.len(),
            decided,
            "nobody is told again what they know"
        );
        app.resync(&Person::new("Ada"), "?create_again=true").await;
        flush_after(&app, 15).await;
        stands_at(&app, "Ada", "Replied", endpoint).await;
        assert!(app.flush_to_rest().await.is_empty());
    }
}

#[tokio::test]
async fn many_that_were_not_created_are_answered_at_once_and_only_by_that_word() {
    for endpoint in CREATES {
        let app = undecided(endpoint, false, 0).await;
        let path = format!("/v1/connections/{CONNECTION}/deliveries/replay");
        let preview = format!("{path}?preview=true");
        let again = |filter: Value| {
            let mut filter = filter;
            filter["create_again"] = true.into();
            filter
        };
        for filter in [json!({ "state": "parked" }), json!({ "reason": "shadow" })] {
            let refused = app.post(&path, again(filter)).await;
            assert_eq!(refused.status, 422);
            assert_eq!(refused.body["faults"][0]["pointer"], "/create_again");
        }
        let all = json!({ "reason": "create-undecided" });
        // Without the word they are only decided again, and looking does not tell.
        let shown = app.post(&preview, all.clone()).await.ok();
        assert_eq!(shown["items"][0]["reason"]["code"], "create-undecided");
        app.post(&path, all.clone()).await.ok();
        flush_after(&app, 15).await;
        assert_eq!(app.reason("cand_ada").await, "create-undecided");

        let shown = app.post(&preview, again(all.clone())).await.ok();
        assert_eq!(shown["items"][0]["action"], "create", "{shown}");
        app.flush().await;
        assert_eq!(
            app.called(endpoint).await,
            2,
            "a preview says nothing for good"
        );
        app.post(&path, again(all)).await.ok();
        flush_after(&app, 15).await;
        stands_at(&app, "Ada", "Replied", endpoint).await;
        assert!(app.flush_to_rest().await.is_empty());
    }
}

#[tokio::test]
async fn a_create_in_doubt_outlasts_another_registration_of_its_job() {
    let app = TestApp::connected().await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    let jobs = format!("/v1/connections/{CONNECTION}/jobs");
    let register = |as_what: Value| json!({ "dover_job_id": as_what, "ashby_job": job["id"], "title": "Staff Engineer" });
    app.post(&jobs, register(job["id"].clone())).await.ok();
    app.sim("switches", json!({ "listLagSeconds": 120 })).await;
    app.says(&Person::new("Ada").on(&id(&job)), "replied").await;
    lose(&app, CREATES[0], 1, true).await;
    app.flush().await;
    assert_eq!(app.reason("cand_ada").await, "create-in-doubt");

    let removed = app.request(reqwest::Method::DELETE, &format!("{jobs}/{}", id(&job)));
    app.send(removed.bearer_auth(TOKEN)).await;
    app.post(&jobs, register("job_42".into())).await.ok();
    app.flush().await;
    flush_after(&app, 15).await;
    app.flush_to_rest().await;
    assert_eq!(app.called(CREATES[0]).await, 1);
    assert_eq!(app.applications("Ada").await.len(), 1);
}

#[tokio::test]
async fn what_turns_up_late_is_linked_by_itself() {
    for endpoint in CREATES {
        let app = undecided(endpoint, true, 2 * 60 * 60).await;
        flush_after(&app, 120).await;
        flush_after(&app, 120).await;
        stands_at(&app, "Ada", "Replied", endpoint).await;
        assert!(app.flush_to_rest().await.is_empty());
        assert_eq!(app.called(endpoint).await, 2);
    }
}

#[tokio::test]
async fn what_somebody_found_in_ashby_is_linked() {
    let ada = Person::new("Ada");
    for endpoint in CREATES {
        let app = undecided(endpoint, true, 24 * 60 * 60).await;
        let query = if endpoint == CREATES[0] {
            format!("?candidate_id={}", id(&app.candidates("Ada").await[0]))
        } else {
            format!("?application_id={}", id(&app.applications("Ada").await[0]))
        };
        app.resync(&ada, &query).await;
        flush_after(&app, 15).await;
        stands_at(&app, "Ada", "Replied", endpoint).await;
        assert!(app.flush_to_rest().await.is_empty());
        // Ours, and nobody else's: Dover goes on moving them.
        app.says(&ada, "interviewing").await;
        flush_after(&app, 15).await;
        stands_at(&app, "Ada", "Phone Screen", endpoint).await;
    }
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_refused_by_name() {
    let app = undecided(CREATES[0], false, 0).await;
    let other = app.register("job_43", "Designer").await;
    let grace = app.sim("candidates", json!({ "name": "Grace" })).await;
    let body = json!({ "candidateId": grace["id"], "jobId": other["id"] });
    let elsewhere = app.sim("applications", body).await;
    let prospect = app.prospect("cand_ada").await;
    let path = format!(
        "/v1/connections/{CONNECTION}/prospects/{}/resync",
        id(&prospect)
    );
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (query, pointer) in [
        (format!("candidate_id={nobody}"), "/candidate_id"),
        ("candidate_id=ada".to_owned(), "/candidate_id"),
        (format!("application_id={nobody}"), "/application_id"),
        (
            format!("application_id={}", id(&elsewhere)),
            "/application_id",
        ),
        (
            format!("create_again=true&candidate_id={nobody}"),
            "/candidate_id",
        ),
    ] {
        let answer = app.post(&format!("{path}?{query}"), json!({})).await;
        assert!(answer.status.is_client_error(), "{query}: {answer:?}");
        assert_eq!(answer.body["faults"][0]["pointer"], pointer, "{query}");
    }
    assert_eq!(app.prospect("cand_ada").await["state"], "parked");
}

#[tokio::test]
async fn somebody_is_asked_when_looking_is_not_possible_for_an_hour_and_others_go_on() {
    let app = TestApp::with_job().await;
    app.says(&Person::new("Ada"), "replied").await;
    lose(&app, "candidate.create", 1, true).await;
    app.sim("switches", json!({ "listLagSeconds": 86_400 }))
        .await;
    let away = json!({ "endpoint": "candidate.search", "kind": "error-before", "times": 100_000 });
    app.sim("faults", away).await;
    app.flush().await;
    for quarter in 1..=3 {
        app.says(&Person::new(&format!("Grace {quarter}")), "replied")
            .await;
        flush_after(&app, 15).await;
        assert_eq!(app.reason("cand_ada").await, "create-in-doubt", "{quarter}");
        stands_at(&app, &format!("Grace {quarter}"), "Replied", "meanwhile").await;
    }
    flush_after(&app, 30).await;
    assert_eq!(app.reason("cand_ada").await, "create-undecided");
    assert_eq!(app.candidates("Ada").await.len(), 1);
}

#[tokio::test]
async fn an_answer_for_one_counts_for_whoever_is_the_same_person() {
    let app = undecided(CREATES[0], false, 0).await;
    app.register("job_43", "Designer").await;
    let mut other = Person::new("Ada").on("job_43");
    "cand_other".clone_into(&mut other.id);
    app.says(&other, "replied").await;
    app.flush().await;
    assert_eq!(app.reason("cand_other").await, "create-undecided");
    app.resync(&other, "?create_again=true").await;
    app.flush().await;
    assert_eq!(app.candidates("Ada").await.len(), 1);
    assert_eq!(app.applications("Ada").await.len(), 2);
}
