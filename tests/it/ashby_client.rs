//! The Ashby client: what it sends, what it makes of the answer, and whether it asks again.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use dover_ashby_sync::{
    ashby::{
        CallOutcome, Disposition, ErrorKind, Leave, NewApplication, NewCandidate, NewNote, Next,
        PageFrom, StageChange, SyncToken, WriteGuard, http_client, http_client_with_timeout,
    },
    clock::ManualClock,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::scripted_server::{
    KEY, Records, Say, Scene, ada, application, client_of, results, say, say_json,
    server_that_hangs_up_once, start,
};

#[tokio::test]
async fn a_request_carries_the_key_the_version_and_json() {
    let scene = Scene::of([results(&ada())]).await;
    scene.read_ada().await.unwrap();
    let heard = scene.script.heard.lock().unwrap();
    let [request] = heard.as_slice() else {
        panic!("one request")
    };
    assert_eq!(request.path, "/candidate.info");
    assert_eq!(request.body, json!({"id": "c-1"}));
    for (name, value) in [
        ("authorization", "Basic YXNoYnktdGVzdC1rZXk6"),
        ("ashby-version", "2026-01-01"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ] {
        assert_eq!(request.headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn each_method_asks_its_endpoint_for_what_it_needs() {
    let list = json!([]);
    let scene = Scene::of([
        results(&json!({"title": "Sync", "createdAt": null, "scopes": ["jobs:read"]})),
        results(&json!({"id": "j-1", "title": "Engineer", "status": "Open"})),
        results(&json!([{"id": "st-1", "title": "New Lead", "type": "Lead", "orderInInterviewPlan": 0}])),
        results(&list),
        results(&list),
        results(&list),
        results(&application()),
        results(&application()),
        results(&application()),
        results(&json!({"id": "n-1", "createdAt": "2026-11-20T09:00:00.123Z"})),
        results(&list),
    ])
    .await;
    let client = &scene.client;
    assert_eq!(client.api_key_info().await.unwrap().scopes, ["jobs:read"]);
    client.job_info(&"j-1".into()).await.unwrap();
    client.interview_stages(&"p-1".into()).await.unwrap();
    client.sources().await.unwrap();
    client.archive_reasons().await.unwrap();
    client
        .candidate_search_by_email("ada@example.com")
        .await
        .unwrap();
    client.application_info(&"a-1".into()).await.unwrap();
    let new = NewApplication {
        candidate_id: "c-1".into(),
        job_id: "j-1".into(),
        interview_plan_id: None,
        interview_stage_id: "st-1".into(),
        source_id: Some("s-1".into()),
        credited_to_user_id: None,
    };
    client.create_application(&new).await.unwrap();
    let archive = StageChange::Archive {
        application: "a-1".into(),
        stage: "st-9".into(),
        reason: "r-1".into(),
    };
    client.change_stage(&archive).await.unwrap();
    let note = NewNote {
        candidate: "c-1".into(),
        html: "<b>Replied</b>".to_owned(),
        created_at: "2026-11-20T10:00:00.123456+01:00".parse().unwrap(),
    };
    client.create_note(&note).await.unwrap();
    client.notes(&"c-1".into(), |_| true).await.unwrap();

    let heard = scene.script.heard.lock().unwrap();
    let asked: Vec<_> = heard
        .iter()
        .map(|request| (request.path.as_str(), request.body.clone()))
        .collect();
    let expected = [
        ("/apiKey.info", json!({})),
        ("/job.info", json!({"id": "j-1"})),
        ("/interviewStage.list", json!({"interviewPlanId": "p-1"})),
        ("/source.list", json!({"includeArchived": true})),
        ("/archiveReason.list", json!({"includeArchived": true})),
        ("/candidate.search", json!({"email": "ada@example.com"})),
        ("/application.info", json!({"applicationId": "a-1"})),
        (
            "/application.create",
            json!({"candidateId": "c-1", "jobId": "j-1", "interviewStageId": "st-1", "sourceId": "s-1"}),
        ),
        (
            "/application.changeStage",
            json!({"applicationId": "a-1", "interviewStageId": "st-9", "archiveReasonId": "r-1"}),
        ),
        (
            "/candidate.createNote",
            json!({
                "candidateId": "c-1", "note": {"type": "text/html", "value": "<b>Replied</b>"},
                "createdAt": "2026-11-20T09:00:00.123Z", "sendNotifications": false
            }),
        ),
        (
            "/candidate.listNotes",
            json!({"candidateId": "c-1", "limit": 100}),
        ),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn custom_fields_are_read_page_by_page_to_their_end() {
    let field = |id: &str| json!({"id": id, "title": id, "objectType": "Candidate", "fieldType": "String", "isArchived": false});
    let scene = Scene::of([
        say_json(&json!({"success": true, "results": [field("one")], "moreDataAvailable": true, "nextCursor": "abc"})),
        say_json(&json!({"success": true, "results": [field("two")], "moreDataAvailable": false})),
    ])
    .await;
    let fields = scene.client.custom_fields().await.unwrap();
    let ids: Vec<_> = fields.iter().map(|field| field.id.as_str()).collect();
    assert_eq!(ids, ["one", "two"]);
    let heard = scene.script.heard.lock().unwrap();
    let cursors: Vec<_> = heard
        .iter()
        .map(|request| &request.body["cursor"])
        .collect();
    assert_eq!(cursors, [&Value::Null, &json!("abc")]);
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_then_by_its_token() {
    let scene = Scene::of([
        say_json(&json!({"success": true, "results": [ada()], "moreDataAvailable": true, "nextCursor": "abc"})),
        say_json(&json!({"success": true, "results": [], "moreDataAvailable": false, "syncToken": "tok"})),
        say_json(&json!({"success": true, "results": [application()], "moreDataAvailable": false, "syncToken": "tok2"})),
    ])
    .await;
    let first = scene.client.candidates_page(&PageFrom::Start).await;
    assert_eq!(first.unwrap().next, Next::More("abc".to_owned()));
    let cursor = PageFrom::Cursor {
        cursor: "abc".to_owned(),
        since: None,
    };
    let last = scene.client.candidates_page(&cursor).await.unwrap();
    let token = SyncToken("tok".to_owned());
    assert_eq!(last.next, Next::Done(Some(token.clone())));
    let since = scene
        .client
        .applications_page(&PageFrom::Since(token))
        .await
        .unwrap();
    assert_eq!(since.items.len(), 1);

    let heard = scene.script.heard.lock().unwrap();
    let asked: Vec<_> = heard.iter().map(|request| &request.body).collect();
    assert_eq!(
        asked,
        [
            &json!({"limit": 100}),
            &json!({"limit": 100, "cursor": "abc"}),
            &json!({"limit": 100, "syncToken": "tok"}),
        ]
    );
}

#[tokio::test]
async fn a_read_is_repeated_after_every_passing_fault() {
    for fault in [
        say(
            500,
            r#"{"success":false,"errors":["generic_internal_error"]}"#,
        ),
        say(502, "<html><body>Bad gateway</body></html>"),
        say(200, "<html><body>Maintenance</body></html>"),
        say(200, r#"{"success":true,"results":{"id":"c-"#),
        say(
            200,
            r#"{"success":false,"errors":["generic_internal_error"],"errorInfo":null}"#,
        ),
    ] {
        let scene = Scene::of([fault, results(&ada())]).await;
        scene.read_ada().await.unwrap();
        assert_eq!(scene.times_asked(), 2);
    }
}

#[tokio::test]
async fn a_read_is_given_up_after_four_attempts() {
    let scene = Scene::of((0..5).map(|_| say(503, ""))).await;
    let error = scene.read_ada().await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Transient);
    assert_eq!(scene.times_asked(), 4);
    assert_eq!(scene.outcomes(), [CallOutcome::ServerError; 4]);
    // Waits of up to one, two and four seconds, of which jitter takes at most half.
    assert!((3..=7).contains(&scene.seconds_gone()));
}

#[tokio::test]
async fn a_write_of_unknown_effect_is_sent_once_and_in_doubt() {
    for (fault, outcome) in [
        (say(500, ""), CallOutcome::ServerError),
        (say(502, "<html></html>"), CallOutcome::ServerError),
        (say(200, "<html></html>"), CallOutcome::Unreadable),
        (
            say(200, r#"{"success":true,"results":{"id":"c-"#),
            CallOutcome::Unreadable,
        ),
        (
            say(
                200,
                r#"{"success":false,"errors":["generic_internal_error"]}"#,
            ),
            CallOutcome::ServerError,
        ),
    ] {
        let scene = Scene::of([fault]).await;
        let error = scene.create_ada().await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::InDoubt, "{error}");
        assert_eq!(error.request_id.as_deref(), Some("01REQUEST"));
        assert_eq!(scene.outcomes(), [outcome]);
    }
}

#[tokio::test]
async fn a_write_without_an_answer_in_time_is_in_doubt() {
    let http = http_client_with_timeout(Duration::from_millis(100));
    let scene = Scene::with_http(http, [Say::Silence]).await;
    let error = scene.create_ada().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.disposition(), Disposition::InDoubt);
    assert_eq!(scene.times_asked(), 1);
}

/// Gives leave until moments that many seconds from now.
struct LeaveUntil {
    send_by: i64,
    end_by: i64,
}

impl WriteGuard for LeaveUntil {
    fn may_write(&self) -> BoxFuture<'_, Option<Leave>> {
        Box::pin(std::future::ready(Some(Leave {
            send_by: start() + TimeDelta::seconds(self.send_by),
            end_by: start() + TimeDelta::seconds(self.end_by),
        })))
    }
}

#[tokio::test]
async fn a_write_whose_time_is_over_when_the_connection_stands_is_not_sent() {
    let scene = Scene::of([results(&ada())]).await;
    let late = LeaveUntil {
        send_by: -1,
        end_by: 20,
    };
    let client = scene.client.guarded_by(Arc::new(late));
    let error = client
        .create_candidate(&NewCandidate::named("Ada Lovelace"))
        .await
        .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Withheld, "{error}");
    assert_eq!(scene.times_asked(), 0);

    let timely = LeaveUntil {
        send_by: 0,
        end_by: 20,
    };
    let client = scene.client.guarded_by(Arc::new(timely));
    client
        .create_candidate(&NewCandidate::named("Ada Lovelace"))
        .await
        .unwrap();
    let heard = scene.script.heard.lock().unwrap();
    assert_eq!(heard[0].body["name"], "Ada Lovelace");
    assert!(heard[0].headers.contains_key("content-length"));
}

#[tokio::test]
async fn a_write_is_given_up_when_its_leave_ends() {
    let scene = Scene::of([Say::Silence]).await;
    let brief = LeaveUntil {
        send_by: 0,
        end_by: 1,
    };
    let client = scene.client.guarded_by(Arc::new(brief));
    let error = client
        .create_candidate(&NewCandidate::named("Ada Lovelace"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.disposition(), Disposition::InDoubt);
}

#[tokio::test]
async fn a_429_is_waited_out_exactly_and_the_write_goes_on() {
    let date = ("date", "Sat, 21 Nov 2026 10:00:00 GMT");
    for (headers, seconds) in [
        (vec![("retry-after", "7")], 7),
        (vec![("retry-after", "7"), ("x-ratelimit-reset", "30")], 7),
        // A second more: nobody knows which way Ashby rounds.
        (vec![("x-ratelimit-reset", "30")], 31),
        (vec![date, ("x-ratelimit-reset", "1795255230")], 31),
        (vec![date, ("x-ratelimit-reset", "1795255230000")], 31),
        (vec![("retry-after", "100000")], 90),
        (vec![], 60),
    ] {
        let body = r#"{"success":false,"errors":["rate_limit_exceeded"]}"#;
        let refusal = Say::Answer(429, headers.clone(), body.to_owned());
        let scene = Scene::of([refusal, results(&ada())]).await;
        scene.create_ada().await.unwrap();
        assert_eq!(scene.seconds_gone(), seconds, "{headers:?}");
        assert_eq!(
            scene.outcomes(),
            [CallOutcome::RateLimited, CallOutcome::Ok],
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_429_that_does_not_end_is_transient_and_says_whose_limit_it_is() {
    let refusal = || {
        let headers = vec![
            ("retry-after", "2"),
            ("x-ratelimit-scope", "integration-partner"),
        ];
        Say::Answer(429, headers, String::new())
    };
    let scene = Scene::of([refusal(), refusal(), refusal(), refusal()]).await;
    let error = scene.create_ada().await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Transient);
    assert_eq!(
        error.message,
        "rate limit of integration-partner: HTTP 429 Too Many Requests"
    );
    assert_eq!(scene.seconds_gone(), 6);
}

#[tokio::test]
async fn the_budget_is_learnt_from_the_answers_and_a_tenth_is_left_to_others() {
    let Say::Answer(status, _, body) = results(&ada()) else {
        unreachable!()
    };
    let headers = vec![
        ("x-ratelimit-limit", "50"),
        ("x-ratelimit-remaining", "5"),
        ("x-ratelimit-reset", "20"),
    ];
    let scene = Scene::of([Say::Answer(status, headers, body), results(&ada())]).await;
    scene.read_ada().await.unwrap();
    let budget = scene.client.pace().budget().unwrap();
    assert_eq!((budget.limit, budget.remaining), (50, 5));
    assert_eq!(budget.resets_at, Some(start() + TimeDelta::seconds(21)));
    assert!(!scene.client.pace().is_ample());
    scene.read_ada().await.unwrap();
    assert_eq!(scene.seconds_gone(), 21);
}

#[tokio::test]
async fn a_refusal_is_permanent_and_carries_code_message_and_request() {
    let body = json!({
        "success": false, "errors": ["application_not_found"],
        "errorInfo": {"code": "application_not_found", "message": "Application not found", "requestId": "01BODY", "meta": {}}
    });
    let scene = Scene::of([say_json(&body)]).await;
    let error = scene
        .client
        .application_info(&"a-1".into())
        .await
        .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Permanent);
    assert!(error.is_not_found());
    assert_eq!(error.request_id.as_deref(), Some("01REQUEST"));
    assert_eq!(error.message, "Application not found");
    assert_eq!(scene.outcomes(), [CallOutcome::Refused]);
}

#[tokio::test]
async fn a_job_id_that_is_no_uuid_is_a_permanent_refusal() {
    let body =
        json!({"success": false, "errors": [{"message": "invalid_input", "parameter": "id"}]});
    let scene = Scene::of([say_json(&body)]).await;
    let error = scene.client.job_info(&"engineer".into()).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Permanent);
    assert_eq!(error.code.as_deref(), Some("invalid_input"));
}

#[tokio::test]
async fn a_refused_key_is_told_apart_from_a_missing_right() {
    let key = Disposition::Key {
        endpoint: "candidate.create",
        permission: None,
    };
    let right = Disposition::Key {
        endpoint: "candidate.create",
        permission: Some("candidates:write"),
    };
    for (status, body, expected) in [
        (401, "Unauthorized", key),
        (403, "Forbidden", key),
        (
            403,
            r#"{"success":false,"errors":["x"],"errorInfo":null}"#,
            key,
        ),
        (
            403,
            r#"{"success":false,"errors":[{"message":"missing_endpoint_permission"}]}"#,
            right,
        ),
        (
            403,
            r#"{"success":false,"errors":["missing_endpoint_permission"]}"#,
            right,
        ),
        (
            403,
            r#"{"success":false,"errorInfo":{"code":"missing_endpoint_permission","message":"No"}}"#,
            right,
        ),
    ] {
        let scene = Scene::of([say(status, body)]).await;
        let error = scene.create_ada().await.unwrap_err();
        assert_eq!(error.disposition(), expected, "{status} {body}");
        assert_eq!(scene.times_asked(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let redirect = || Say::Answer(302, vec![("location", "/elsewhere")], String::new());
    let scene = Scene::of([redirect()]).await;
    let error = scene.create_ada().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreadable);
}

#[tokio::test]
async fn every_attempt_is_recorded_once_by_each_observer() {
    let scene = Scene::of([say(500, ""), results(&ada())]).await;
    let second = Arc::new(Records::default());
    let client = scene.client.observed_by(second.clone());
    client.candidate_info(&"c-1".into()).await.unwrap();
    let (mine, theirs) = (
        scene.records.0.lock().unwrap().clone(),
        second.0.lock().unwrap().clone(),
    );
    assert_eq!(mine, theirs);
    assert_eq!(mine[0].at, start());
    assert_eq!(
        serde_json::to_value(&mine[0]).unwrap(),
        json!({
            "endpoint": "candidate.info", "write": false, "outcome": "server-error",
            "request_id": "01REQUEST", "at": "2026-11-21T10:00:00Z", "duration_ms": 0
        })
    );
    assert_eq!(mine[1].outcome, CallOutcome::Ok);
}

#[tokio::test]
async fn callers_on_many_tasks_share_what_is_left() {
    let headers = |remaining| {
        vec![
            ("x-ratelimit-limit", "40"),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", "20"),
        ]
    };
    let body = json!({"success": true, "results": ada()}).to_string();
    let answer = |remaining| Say::Answer(200, headers(remaining), body.clone());
    let scene = Scene::of([answer("17"), answer("16"), answer("15"), answer("14")]).await;
    scene.read_ada().await.unwrap();
    let callers = [(); 3].map(|()| {
        let client = scene.client.clone();
        tokio::spawn(async move { client.candidate_info(&"c-1".into()).await })
    });
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(scene.seconds_gone(), 0);
    // Answers may overtake each other; what is left is then underrated for a while, never overrated.
    let remaining = scene.client.pace().budget().unwrap().remaining;
    assert!((12..=14).contains(&remaining), "{remaining}");
}

#[test]
fn the_key_is_not_printed() {
    let clock = ManualClock::at(start());
    let client = client_of(([127, 0, 0, 1], 1).into(), http_client(), &clock);
    let printed = format!("{client:?}");
    assert!(!printed.contains(KEY), "{printed}");
}

#[tokio::test]
async fn a_dropped_connection_repeats_a_read() {
    let clock = ManualClock::at(start());
    let client = client_of(server_that_hangs_up_once().await, http_client(), &clock);
    client.candidate_info(&"c-1".into()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_connection_leaves_a_write_in_doubt() {
    let clock = ManualClock::at(start());
    let client = client_of(server_that_hangs_up_once().await, http_client(), &clock);
    let new = NewCandidate::named("Ada Lovelace");
    let error = client.create_candidate(&new).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Dropped);
    assert_eq!(error.disposition(), Disposition::InDoubt);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_even_for_a_write_and_never_in_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let clock = ManualClock::at(start());
    let records = Arc::new(Records::default());
    let client = client_of(address, http_client(), &clock).observed_by(records.clone());
    let new = NewCandidate::named("Ada Lovelace");
    let error = client.create_candidate(&new).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(error.disposition(), Disposition::Transient);
    let records = records.0.lock().unwrap();
    assert_eq!(records.len(), 4);
    assert!(
        records
            .iter()
            .all(|record| record.outcome == CallOutcome::Unreachable)
    );
}
