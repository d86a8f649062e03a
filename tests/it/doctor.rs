//! The doctor: the real command over a database and a simulated Ashby, and the check of a connection by the door.

use chrono::{DateTime, TimeDelta, Utc};
use dover_ashby_sync::clock::{Clock, SystemClock};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::app::{ASHBY_KEY, CONNECTION, Person, TestApp};

/// 32 bytes of seven, as the program under test has them.
pub(crate) const MASTER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const ANOTHER_KEY: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";

/// What the command said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn report(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }

    /// Findings that are not as they should be, as `level check`, without those about the disk of this machine.
    fn complaints(&self) -> Vec<String> {
        let report = self.report();
        let connections = report["connections"].as_array().unwrap().iter();
        let lists = connections.map(|one| &one["checks"]);
        let checks = lists
            .chain([&report["installation"]])
            .flat_map(|list| list.as_array().unwrap());
        let bad =
            checks.filter(|check| check["level"] != "ok" && check["check"] != "database-space");
        let mut named: Vec<String> = bad
            .map(|check| {
                assert!(check["remedy"].is_string(), "{check}");
                format!(
                    "{} {}",
                    check["level"].as_str().unwrap(),
                    check["check"].as_str().unwrap()
                )
            })
            .collect();
        named.sort();
        named
    }

    /// What a person reads, whoever asked how.
    fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// The command, in an environment of its own.
fn doctor(variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dover-ashby-sync"));
    command.arg("doctor").args(arguments).env_clear();
    command.envs(variables.iter().copied());
    command
}

pub(crate) async fn said(mut command: Command) -> Said {
    let output = command.output().await.unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Over the database and the Ashby of `app`.
async fn examined(app: &TestApp, master_key: &str, arguments: &[&str]) -> Said {
    let ashby = app.ashby_url().to_string();
    let variables = [
        ("DATABASE_URL", app.database.url.as_str()),
        ("MASTER_KEY", master_key),
        ("ASHBY_BASE_URL", ashby.as_str()),
    ];
    said(doctor(&variables, arguments)).await
}

async fn json_of(app: &TestApp) -> Said {
    examined(app, MASTER_KEY, &["--format", "json"]).await
}

/// The command lives in the present, so the clock of the test has to show it.
pub(crate) fn to_the_present(app: &TestApp) {
    let ahead = (SystemClock.now() - app.now()).to_std().unwrap_or_default();
    app.clock.advance(ahead);
}

/// An installation with nothing to complain of.
async fn healthy() -> TestApp {
    let app = TestApp::with_job().await;
    to_the_present(&app);
    app.says(&Person::new("Ada"), "replied").await;
    app.flush().await;
    works(&app).await;
    app
}

/// A worker has just looked for what is due.
async fn works(app: &TestApp) {
    sqlx::query(
        "INSERT INTO worker (id, seen_at) VALUES (gen_random_uuid(), now() + interval '1 hour')",
    )
    .execute(&app.database.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_healthy_installation_ends_with_0_and_nothing_is_written_to_ashby() {
    let app = healthy().await;
    let before = app.writes().await;
    to_the_present(&app);
    let said = json_of(&app).await;
    assert_eq!(said.complaints(), [""; 0], "{}", said.out);
    let expected = match said.report()["level"].as_str().unwrap() {
        // The disk of this machine may be tight.
        "warning" => 1,
        "fault" => 2,
        _ => 0,
    };
    assert_eq!(said.code, expected);
    assert_eq!(app.writes().await, before);

    let report = said.report();
    assert_eq!(report["connections"][0]["name"], CONNECTION);
    let all = said.out.clone();
    for check in [
        "database",
        "database-space",
        "database-clock",
        "migrations",
        "worker",
        "master-key",
        "ashby-key",
        "permission",
        "source",
        "archive-reason",
        "job",
        "lead-stage",
        "active-stage",
        "ashby-clock",
        "flush",
        "webhook-secret-age",
        "deliveries",
    ] {
        assert!(all.contains(&format!("\"check\": \"{check}\"")), "{check}");
    }
    let text = examined(&app, MASTER_KEY, &[]).await;
    assert!(
        text.out
            .contains("ok      job_42: \u{201c}Staff Engineer\u{201d} is open."),
        "{}",
        text.out
    );
}

#[tokio::test]
async fn what_somebody_should_know_ends_with_1() {
    let app = healthy().await;
    app.says(&Person::new("Grace").on("nowhere"), "replied")
        .await;
    let bad = app.signed("msg_bad", b"{}");
    assert_eq!(app.send(bad).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    app.flush().await;
    let rotate = format!("/v1/connections/{CONNECTION}/webhook-secret/rotate");
    app.post(&rotate, json!({})).await.ok();
    sqlx::query("DELETE FROM worker")
        .execute(&app.database.pool)
        .await
        .unwrap();
    to_the_present(&app);
    let said = json_of(&app).await;
    let expected = [
        "warning deliveries",
        "warning parked",
        "warning webhook-secret-rotation",
        "warning worker",
    ];
    assert_eq!(said.complaints(), expected, "{}", said.out);
    assert_eq!(said.code, 1);
    assert!(
        said.out
            .contains("1 wait with the reason job-not-registered."),
        "{}",
        said.out
    );
}

#[tokio::test]
async fn what_waits_to_be_mended_ends_with_2() {
    let app = healthy().await;
    let sources = app.world().await["sources"].clone();
    let source = &sources[0];
    app.edit("sources", source, json!({ "isArchived": true }))
        .await;
    to_the_present(&app);
    let said = json_of(&app).await;
    assert_eq!(
        (said.code, said.complaints()),
        (2, vec!["fault source".to_owned()]),
        "{}",
        said.out
    );

    // Nobody has flushed for two intervals.
    let app = healthy().await;
    sqlx::query("UPDATE connection SET next_flush_at = now() - interval '31 minutes'")
        .execute(&app.database.pool)
        .await
        .unwrap();
    to_the_present(&app);
    let said = json_of(&app).await;
    assert_eq!(
        (said.code, said.complaints()),
        (2, vec!["fault flush".to_owned()]),
        "{}",
        said.out
    );

    let key = format!("api-keys/{ASHBY_KEY}");
    app.sim_as(Method::PATCH, &key, Some(json!({ "revoked": true })))
        .await;
    let said = json_of(&app).await;
    assert_eq!(said.code, 2);
    assert!(
        said.complaints().contains(&"fault ashby-key".to_owned()),
        "{}",
        said.out
    );
}

#[tokio::test]
async fn an_ashby_that_cannot_be_reached_is_a_finding_and_the_rest_is_looked_at() {
    let app = healthy().await;
    to_the_present(&app);
    let variables = [
        ("DATABASE_URL", app.database.url.as_str()),
        ("MASTER_KEY", MASTER_KEY),
        ("ASHBY_BASE_URL", "http://127.0.0.1:1"),
    ];
    let said = said(doctor(&variables, &["--format", "json"])).await;
    assert_eq!(
        (said.code, said.complaints()),
        (2, vec!["fault ashby".to_owned()]),
        "{}",
        said.out
    );
    assert!(said.out.contains("webhook-secret-age"));
}

#[tokio::test]
async fn a_schema_that_is_not_this_programs_is_a_finding() {
    let app = healthy().await;
    to_the_present(&app);
    let database = &app.database.pool;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, '', 0)",
    )
    .execute(database)
    .await
    .unwrap();
    let said = json_of(&app).await;
    assert_eq!(said.complaints(), ["warning migrations"], "{}", said.out);
    assert_eq!(said.code, 1);
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version IN (9999, 12)")
        .execute(database)
        .await
        .unwrap();
    let said = json_of(&app).await;
    assert_eq!(
        (said.code, said.complaints()),
        (2, vec!["fault migrations".to_owned()]),
        "{}",
        said.out
    );
    assert!(said.out.contains("`migrate`"), "{}", said.out);
}

#[tokio::test]
async fn what_keeps_it_from_looking_is_a_finding_too() {
    let app = healthy().await;
    let url = app.database.url.as_str();
    let nowhere = "postgres://somebody:hunter2@127.0.0.1:1/nothing";
    for (variables, check) in [
        (
            vec![("DATABASE_URL", nowhere), ("MASTER_KEY", MASTER_KEY)],
            "fault database",
        ),
        (
            vec![("DATABASE_URL", "hunter2"), ("MASTER_KEY", MASTER_KEY)],
            "fault database",
        ),
        (vec![("DATABASE_URL", url)], "fault master-key"),
        (
            vec![("DATABASE_URL", url), ("MASTER_KEY", "hunter2")],
            "fault master-key",
        ),
        (
            vec![("DATABASE_URL", url), ("MASTER_KEY", ANOTHER_KEY)],
            "fault master-key",
        ),
    ] {
        let said = said(doctor(&variables, &["--format", "json"])).await;
        assert_eq!(said.code, 2, "{check}: {}", said.all());
        assert!(
            said.complaints().contains(&check.to_owned()),
            "{check}: {}",
            said.out
        );
        assert!(!said.all().contains("hunter2"), "{}", said.all());
        assert!(!said.err.contains("error:"), "{}", said.err);
    }
    let said = examined(
        &app,
        MASTER_KEY,
        &["--format", "json", "--connection", "none"],
    )
    .await;
    assert_eq!(said.code, 2);
    assert!(
        said.out.contains("there is no connection named none"),
        "{}",
        said.out
    );
}

/// The check of `acme` by the door.
async fn checks(app: &TestApp) -> Vec<Value> {
    let path = format!("/v1/connections/{CONNECTION}/check");
    let found = app.post(&path, json!({})).await.ok();
    found["checks"].as_array().unwrap().clone()
}

async fn levels(app: &TestApp, check: &str) -> Vec<String> {
    let checks = checks(app).await;
    let found = checks.iter().filter(|found| found["check"] == check);
    found
        .map(|found| found["level"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_clock_that_differs_from_ashbys_is_told() {
    let app = TestApp::with_job().await;
    for (ahead, level) in [
        (0, "ok"),
        (-60, "warning"),
        (60, "warning"),
        (600, "fault"),
        (-600, "fault"),
    ] {
        app.sim("switches", json!({ "clockAheadSeconds": ahead }))
            .await;
        assert_eq!(levels(&app, "ashby-clock").await, [level], "{ahead}");
    }
}

#[tokio::test]
async fn each_right_of_the_key_is_told_by_endpoint_and_what_only_a_write_would_prove_is_not_claimed()
 {
    let app = TestApp::with_job().await;
    let of = async |scopes: Value| {
        let key = format!("api-keys/{ASHBY_KEY}");
        app.sim_as(Method::PATCH, &key, Some(json!({ "scopes": scopes })))
            .await;
        let mut rights: Vec<String> = checks(&app)
            .await
            .iter()
            .filter(|check| check["check"] == "permission")
            .map(|check| {
                let detail = check["detail"].as_str().unwrap();
                let right = detail.split(' ').next().unwrap();
                format!("{} {right}", check["level"].as_str().unwrap())
            })
            .collect();
        rights.sort();
        rights
    };
    let all = json!([
        "apiKeys:read",
        "jobs:read",
        "interviews:read",
        "hiringProcessMetadata:read",
        "candidates:read",
        "candidates:write"
    ]);
    let granted = [
        "ok candidates:read",
        "ok candidates:write",
        "ok hiringProcessMetadata:read",
        // Not granted, and only settings ask for it.
        "ok hiringProcessMetadata:write",
        "ok interviews:read",
        "ok jobs:read",
        "ok organization:read",
    ];
    assert_eq!(of(all).await, granted);
    // A key that may not read about itself: reading is tried, writing is not.
    let silent = json!([
        "jobs:read",
        "interviews:read",
        "hiringProcessMetadata:read",
        "candidates:read",
        "candidates:write"
    ]);
    let mark = app.mark().await;
    let unproven = [
        "ok candidates:read",
        "ok hiringProcessMetadata:read",
        "ok interviews:read",
        "ok jobs:read",
        "warning candidates:write",
    ];
    assert_eq!(of(silent).await, unproven);
    let calls = app
        .sim_as(Method::GET, &format!("calls?since={mark}"), None)
        .await;
    for call in calls["calls"].as_array().unwrap() {
        let endpoint = call["endpoint"].as_str().unwrap();
        assert!(
            !endpoint.contains("create") && !endpoint.contains("change"),
            "{endpoint}"
        );
    }
    let blind = json!([
        "hiringProcessMetadata:read",
        "candidates:read",
        "candidates:write"
    ]);
    let missing = [
        "fault interviews:read",
        "fault jobs:read",
        "ok candidates:read",
        "ok hiringProcessMetadata:read",
        "warning candidates:write",
    ];
    assert_eq!(of(blind).await, missing);
}

#[tokio::test]
async fn what_time_brings_is_told() {
    let app = TestApp::with_job().await;
    let path = format!("/v1/connections/{CONNECTION}");
    let due = app.get(&path).await.ok()["next_flush_at"].clone();
    let due: DateTime<Utc> = due.as_str().unwrap().parse().unwrap();
    // Nobody flushes here.
    for (minutes_late, level) in [(1, "ok"), (3, "warning"), (16, "fault")] {
        let until = due + TimeDelta::minutes(minutes_late) - app.now();
        app.clock.advance(until.to_std().unwrap());
        assert_eq!(levels(&app, "flush").await, [level], "{minutes_late}");
    }
    assert_eq!(levels(&app, "webhook-secret-age").await, ["ok"]);
    app.wait(366 * 24 * 60);
    assert_eq!(levels(&app, "webhook-secret-age").await, ["warning"]);
    let rotate = format!("{path}/webhook-secret/rotate");
    app.post(&rotate, json!({})).await.ok();
    assert_eq!(levels(&app, "webhook-secret-age").await, ["ok"]);
    assert_eq!(levels(&app, "webhook-secret-rotation").await, ["warning"]);
}

#[tokio::test]
async fn two_sources_of_one_name_are_told_until_one_is_archived() {
    let app = TestApp::with_job().await;
    let another = json!({ "title": "Dover", "sourceType": "Sourced" });
    let another = app.sim("sources", another).await;
    assert_eq!(levels(&app, "source").await, ["fault"]);
    app.edit("sources", &another, json!({ "isArchived": true }))
        .await;
    assert_eq!(levels(&app, "source").await, ["ok"]);
}
