//! Connecting an employer and registering jobs: every refusal, every remedy, and what must never be shown.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    app::{ASHBY_KEY, Answer, CONNECTION, Person, SECRET, TOKEN, TestApp},
    patience::until_so,
};

const UNKNOWN: &str = "8f4d1f1e-3c0a-4a35-9b7c-2f6a1d5e0b11";

async fn register(app: &TestApp, dover: &str, ashby: &str, title: &str) -> Answer {
    let body = json!({ "dover_job_id": dover, "ashby_job": ashby, "title": title });
    app.post(&format!("/v1/connections/{CONNECTION}/jobs"), body)
        .await
}

async fn connect(app: &TestApp, name: &str, key: &str) -> Answer {
    let body = json!({ "name": name, "ashby_api_key": key, "dover_webhook_secret": SECRET });
    app.post("/v1/connections", body).await
}

async fn check(app: &TestApp) -> Value {
    let path = format!("/v1/connections/{CONNECTION}/check");
    app.post(&path, json!({})).await.ok()
}

async fn grant(app: &TestApp, key: &str, change: Value) -> Value {
    app.sim_as(Method::PATCH, &format!("api-keys/{key}"), Some(change))
        .await
}

/// The findings of that name.
fn found<'a>(answer: &'a Value, name: &str) -> Vec<&'a Value> {
    let checks = answer["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|check| check["check"] == name)
        .collect()
}

/// What is found of the installation: these tests run without a worker, on a clock that is not the database's, and nothing
/// was delivered to them.
const OF_THE_INSTALLATION: [&str; 4] = ["database-clock", "database-space", "worker", "deliveries"];

/// Every finding of the connection that is not as it should be says what to do.
fn faults(answer: &Value) -> Vec<String> {
    let checks = answer["checks"].as_array().unwrap();
    let faulty = checks.iter().filter(|check| check["level"] != "ok");
    faulty
        .filter(|check| !OF_THE_INSTALLATION.contains(&check["check"].as_str().unwrap()))
        .map(|check| {
            assert!(check["remedy"].is_string(), "{check}");
            check["check"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (status, code),
        "{}",
        answer.body
    );
    assert!(answer.body["detail"].is_string(), "{}", answer.body);
}

#[tokio::test]
async fn a_job_is_registered_by_its_id_or_by_a_pasted_address() {
    let app = TestApp::connected().await;
    for (place, shape) in [
        "{}",
        " {} ",
        "https://app.ashbyhq.com/jobs/{}",
        "https://app.ashbyhq.com/jobs/{}/overview?tab=plan",
        "app.ashbyhq.com/job/{}/",
    ]
    .iter()
    .enumerate()
    {
        let title = format!("Job {place}");
        let job = app.sim("jobs", json!({ "title": title })).await;
        let id = job["id"].as_str().unwrap();
        let answer = register(&app, &format!("d{place}"), &shape.replace("{}", id), &title).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        assert_eq!(answer.body["ashby_job_id"], job["id"]);
        assert_eq!(answer.body["status"], "active");
        assert!(faults(&answer.body).is_empty(), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_registered_is_refused_with_its_reason() {
    let app = TestApp::connected().await;
    let job = app.sim("jobs", json!({ "title": "Staff Engineer" })).await;
    let id = job["id"].as_str().unwrap();

    let mismatch = register(&app, "d", id, "Staff engineer").await;
    refused(&mismatch, 422, "title-mismatch");
    assert_eq!(mismatch.body["ashby_title"], "Staff Engineer");
    assert!(
        mismatch.body["detail"]
            .as_str()
            .unwrap()
            .contains("Staff Engineer")
    );

    for nonsense in ["12345", "Staff Engineer", "https://example.com/jobs/1"] {
        refused(
            &register(&app, "d", nonsense, "Staff Engineer").await,
            422,
            "not-an-ashby-job",
        );
    }
    refused(
        &register(&app, "d", UNKNOWN, "Staff Engineer").await,
        422,
        "job-not-visible",
    );

    app.edit("jobs", &job, json!({ "status": "Closed" })).await;
    refused(
        &register(&app, "d", id, "Staff Engineer").await,
        422,
        "job-not-open",
    );
    app.edit(
        "jobs",
        &job,
        json!({ "status": "Open", "confidential": true }),
    )
    .await;
    refused(
        &register(&app, "d", id, "Staff Engineer").await,
        422,
        "job-not-visible",
    );
    app.edit("jobs", &job, json!({ "confidential": false }))
        .await;
    register(&app, "d", id, "Staff Engineer").await.ok();
    refused(
        &register(&app, "e", id, "Staff Engineer").await,
        409,
        "already-registered",
    );
    let other = app.sim("jobs", json!({ "title": "Designer" })).await;
    refused(
        &register(&app, "d", other["id"].as_str().unwrap(), "Designer").await,
        409,
        "already-registered",
    );
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_not_kept() {
    let app = TestApp::bare().await;
    app.sim("api-keys", json!({ "key": "revoked-key" })).await;
    grant(&app, "revoked-key", json!({ "revoked": true })).await;
    for key in ["no-such-key", "revoked-key"] {
        refused(
            &connect(&app, CONNECTION, key).await,
            422,
            "ashby-key-refused",
        );
        let answer = app.get(&format!("/v1/connections/{CONNECTION}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    connect(&app, CONNECTION, ASHBY_KEY).await.ok();
    refused(
        &connect(&app, CONNECTION, ASHBY_KEY).await,
        409,
        "name-taken",
    );
}

#[tokio::test]
async fn a_key_that_lacks_a_permission_is_kept_and_works_once_it_is_granted() {
    let all = [
        "apiKeys:read",
        "jobs:read",
        "interviews:read",
        "hiringProcessMetadata:read",
        "candidates:read",
        "candidates:write",
    ];
    for lacking in &all[1..] {
        let app = TestApp::bare().await;
        app.furnish().await;
        let scopes: Vec<_> = all.iter().filter(|scope| *scope != lacking).collect();
        app.sim("api-keys", json!({ "key": "lame", "scopes": scopes }))
            .await;
        let answer = connect(&app, CONNECTION, "lame").await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        assert_eq!(answer.body["status"], "needs-attention", "{lacking}");
        let finding = found(&answer.body, "permissions")[0];
        assert_eq!(finding["level"], "fault");
        assert!(
            finding["detail"].as_str().unwrap().contains(lacking),
            "{finding}"
        );
        assert!(
            finding["remedy"].as_str().unwrap().contains(lacking),
            "{finding}"
        );

        // Deliveries are received meanwhile; nothing is sent.
        app.says(&Person::new("Ada"), "replied").await;
        let flush = format!("/v1/connections/{CONNECTION}/flushes?wait=true");
        refused(
            &app.post(&flush, json!({})).await,
            409,
            "connection-needs-attention",
        );
        assert_eq!(check(&app).await["status"], "needs-attention");

        grant(&app, "lame", json!({ "scopes": all })).await;
        let checked = check(&app).await;
        assert_eq!(
            (&checked["status"], &checked["attention"]),
            (&json!("connected"), &json!(null)),
            "{checked}"
        );
        app.register("job_42", "Staff Engineer").await;
        app.flush_to_rest().await;
        assert_eq!(app.application("Ada").await["stage"], "Replied");
    }
}

#[tokio::test]
async fn a_key_that_may_not_read_about_itself_works_all_the_same() {
    let app = TestApp::bare().await;
    let scopes = [
        "jobs:read",
        "interviews:read",
        "hiringProcessMetadata:read",
        "candidates:read",
        "candidates:write",
    ];
    app.sim("api-keys", json!({ "key": "shy", "scopes": scopes }))
        .await;
    let answer = connect(&app, CONNECTION, "shy").await;
    assert_eq!(
        (answer.status, &answer.body["status"]),
        (StatusCode::CREATED, &json!("connected"))
    );
    assert_eq!(found(&answer.body, "ashby-key")[0]["level"], "warning");
}

/// Whatever goes wrong with the key amid a flush, nothing is sent any more until a check passes.
#[tokio::test]
async fn a_key_that_fails_amid_a_flush_stops_it_until_a_check_passes() {
    for (broken, mended) in [
        (json!({ "revoked": true }), json!({ "revoked": false })),
        (
            json!({ "scopes": ["apiKeys:read", "jobs:read", "interviews:read", "hiringProcessMetadata:read", "candidates:read"] }),
            json!({ "scopes": ["apiKeys:read", "jobs:read", "interviews:read", "hiringProcessMetadata:read", "candidates:read", "candidates:write"] }),
        ),
    ] {
        let app = TestApp::with_job().await;
        for number in 0..30 {
            app.says(&Person::new(&format!("Person {number}")), "replied")
                .await;
        }
        let slow = json!({ "endpoint": "candidate.create", "kind": "slow", "delay_ms": 1_500, "times": 30 });
        app.sim("faults", slow).await;
        let revoke = async {
            until_so("a create", async || {
                app.called("candidate.create").await > 0
            })
            .await;
            grant(&app, ASHBY_KEY, broken.clone()).await;
        };
        let (flush, ()) = tokio::join!(app.flush(), revoke);
        assert_eq!(flush["status"], "stopped", "{flush}");
        assert!(flush["detail"].is_string());
        app.sim_as(Method::DELETE, "faults", None).await;

        let connection = app.get(&format!("/v1/connections/{CONNECTION}")).await.ok();
        assert_eq!(connection["status"], "needs-attention");
        let health = app.get("/health").await.ok();
        assert_eq!(health["status"], "degraded", "{health}");
        let calls = app.mark().await;
        let path = format!("/v1/connections/{CONNECTION}/flushes?wait=true");
        refused(
            &app.post(&path, json!({})).await,
            409,
            "connection-needs-attention",
        );
        app.says(&Person::new("Late"), "replied").await;
        assert_eq!(app.mark().await, calls, "nothing more is sent");

        assert_eq!(check(&app).await["status"], "needs-attention");
        grant(&app, ASHBY_KEY, mended).await;
        assert_eq!(check(&app).await["status"], "connected");
        app.wait(15);
        app.flush().await;
        app.wait(15);
        app.flush_to_rest().await;
        let world = app.world().await;
        for kind in ["candidates", "applications"] {
            assert_eq!(world[kind].as_array().unwrap().len(), 31, "{kind}");
        }
    }
}

#[tokio::test]
async fn what_an_admin_has_to_add_is_told_at_once_with_where_to_add_it() {
    let app = TestApp::bare().await;
    let connected = connect(&app, CONNECTION, ASHBY_KEY).await.ok();
    assert_eq!(connected["status"], "connected");
    let wanting = ["source", "archive-reason", "archive-reason"];
    assert_eq!(faults(&connected), wanting);
    let job = app.sim("jobs", json!({ "title": "Designer" })).await;
    let registered = register(&app, "d", job["id"].as_str().unwrap(), "Designer")
        .await
        .ok();
    assert_eq!(faults(&registered), wanting);
    let remedy = found(&registered, "source")[0]["remedy"].as_str().unwrap();
    assert!(remedy.contains("Sources"), "{remedy}");
    app.furnish().await;
    assert!(faults(&check(&app).await).is_empty());
}

#[tokio::test]
async fn a_plan_that_lacks_stages_is_told_at_registration() {
    let app = TestApp::connected().await;
    let stages = json!([
        { "title": "Fresh", "type": "Lead" }, { "title": "Reached Out", "type": "Lead" },
    ]);
    let job = app
        .sim("jobs", json!({ "title": "Designer", "stages": stages }))
        .await;
    let registered = register(&app, "d", job["id"].as_str().unwrap(), "Designer")
        .await
        .ok();
    assert_eq!(
        faults(&registered),
        ["lead-stage", "lead-stage", "active-stage", "archived-stage"]
    );
}

#[tokio::test]
async fn a_renamed_job_is_told_at_check() {
    let app = TestApp::connected().await;
    let job = app.register("job_42", "Staff Engineer").await;
    app.edit("jobs", &job, json!({ "title": "Principal Engineer" }))
        .await;
    app.says(&Person::new("Ada").on("job_42"), "replied").await;
    app.flush_to_rest().await;
    for _ in 0..2 {
        let checked = check(&app).await;
        assert_eq!(faults(&checked), ["job-title"]);
        let told = &found(&checked, "job-title")[0];
        assert!(
            told["detail"]
                .as_str()
                .unwrap()
                .contains("Principal Engineer"),
            "{told}"
        );
        assert!(told["remedy"].as_str().unwrap().contains("PATCH"), "{told}");
    }
    // Until an admin says that it is meant.
    let path = format!("/v1/connections/{CONNECTION}/jobs/job_42");
    let confirmed = json!({ "title": "Principal Engineer" });
    let job = app.patch(&path, confirmed).await.ok();
    assert_eq!(job["title"], "Principal Engineer");
    assert!(faults(&check(&app).await).is_empty());
}

/// Everything that the API answers, and everything that the database holds as text.
async fn all_that_is_shown(app: &TestApp) -> String {
    let base = format!("/v1/connections/{CONNECTION}");
    let mut shown = String::new();
    for path in [
        "/v1/connections".to_owned(),
        base.clone(),
        format!("{base}/jobs"),
        format!("{base}/prospects"),
        format!("{base}/deliveries"),
        format!("{base}/flushes"),
        format!("{base}/flushes/preview"),
        "/health".to_owned(),
        "/metrics".to_owned(),
        "/readyz".to_owned(),
    ] {
        shown.push_str(&app.get(&path).await.body.to_string());
    }
    shown.push_str(&check(app).await.to_string());
    shown
}

/// Every row of every table, as text.
async fn dump(app: &TestApp) -> String {
    let pool = &app.database.pool;
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
    let mut dump = String::new();
    for table in tables {
        let rows = format!("SELECT t::text FROM \"{table}\" t");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(rows))
            .fetch_all(pool)
            .await
            .unwrap();
        dump.push_str(&rows.join("\n"));
    }
    dump
}

#[tokio::test]
async fn keys_and_secrets_are_never_shown_and_never_kept_in_clear() {
    let app = TestApp::bare().await;
    app.furnish().await;
    let key = "a-very-secret-ashby-key";
    app.sim("api-keys", json!({ "key": key })).await;
    let connected = connect(&app, CONNECTION, key).await.ok().to_string();
    app.register("job_42", "Staff Engineer").await;
    let bearer = "a-static-token-of-the-relay";
    let change = app.request(Method::PATCH, &format!("/v1/connections/{CONNECTION}"));
    let change = change
        .bearer_auth(TOKEN)
        .json(&json!({ "webhook_bearer_token": bearer }));
    let changed = app.send(change).await.ok().to_string();
    app.says(&Person::new("Ada"), "replied").await;
    app.flush_to_rest().await;
    let shown = connected + &changed + &all_that_is_shown(&app).await;
    let kept = dump(&app).await;
    assert!(kept.contains("job_42"), "the dump shows what is kept");
    let tail = SECRET.trim_start_matches("whsec_");
    for secret in [key, SECRET, tail, bearer, TOKEN] {
        assert!(!shown.contains(secret), "{secret} is shown");
        assert!(!kept.contains(secret), "{secret} is kept in clear");
        assert!(
            !kept.contains(&hex::encode(secret)),
            "{secret} is kept in clear, as bytes"
        );
    }
    // People whom Dover does not know are kept as hashes alone.
    app.sim(
        "candidates",
        json!({ "name": "Stranger", "email": "stranger@example.com" }),
    )
    .await;
    app.flush_to_rest().await;
    let kept = dump(&app).await;
    for trace in ["Stranger", "stranger@example.com"] {
        assert!(!kept.contains(trace) && !kept.contains(&hex::encode(trace)));
    }
}

#[tokio::test]
async fn another_key_of_the_same_organisation_takes_over() {
    let app = TestApp::with_job().await;
    app.sim("api-keys", json!({ "key": "the-new-key" })).await;
    let path = format!("/v1/connections/{CONNECTION}");
    let replace = |key: &str| {
        let request = app.request(Method::PATCH, &path).bearer_auth(TOKEN);
        app.send(request.json(&json!({ "ashby_api_key": key })))
    };
    refused(&replace("no-such-key").await, 422, "ashby-key-refused");
    replace("the-new-key").await.ok();
    grant(&app, ASHBY_KEY, json!({ "revoked": true })).await;
    app.says(&Person::new("Ada"), "replied").await;
    assert_eq!(app.flush_to_rest().await.len(), 2);
}

#[tokio::test]
async fn news_of_somebody_who_is_given_away_at_that_moment_is_not_lost() {
    let app = TestApp::with_job().await;
    let ada = Person::new("Ada");
    app.says(&ada, "new_lead").await;
    app.preview().await;
    app.says(&ada, "replied").await;
    // As a registration does with whoever it gives to another prospect: locked, and removed once all is given.
    let mut giving = app.database.pool.begin().await.unwrap();
    let lock = "SELECT FROM prospect FOR UPDATE";
    sqlx::query(lock).execute(&mut *giving).await.unwrap();
    let given = async {
        until_so("the fold has met her", async || {
            let waits =
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                         AND wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE OF p%')";
            let pool = &app.database.pool;
            sqlx::query_scalar(waits).fetch_one(pool).await.unwrap()
        })
        .await;
        let remove = "DELETE FROM prospect";
        sqlx::query(remove).execute(&mut *giving).await.unwrap();
        giving.commit().await.unwrap();
    };
    tokio::join!(app.flush(), given);
    assert_eq!(app.application("Ada").await["stage"], "Replied");
    assert_eq!(app.get("/health").await.ok()["queue"]["pending"], 0);
}
