//! Postgres goes away in the middle of things: killed, out of space, out of connections. Nothing that was acknowledged is
//! lost, whoever asks is told to come again, and when it is back everything goes on by itself.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    sync::{Arc, atomic::Ordering},
};

use dover_ashby_sync::embedded_postgres::EmbeddedPostgres;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tempfile::TempDir;
use url::Url;

use super::{
    Door, ashby::Ashby, client, door, furnished, holds::Moment, let_doubts_grow_old, now,
    postgres_proxy::PostgresProxy, program::Program, say, setting, stored,
};
use crate::{
    app::{Answer, CONNECTION, Person},
    database::database,
    patience::until,
    scenario::{Scenario, outcome},
};

/// A sender that keeps count: it sends every delivery again until that is acknowledged, as Dover does.
struct Sender<'a> {
    door: &'a Door,
    deliveries: &'a [Value],
    acknowledged: Vec<String>,
}

impl<'a> Sender<'a> {
    fn of(deliveries: &'a [Value], door: &'a Door) -> Self {
        Self {
            door,
            deliveries,
            acknowledged: Vec::new(),
        }
    }

    /// Sends what comes next, once, and answers what came of it. Anything but an acknowledgement asks to come again.
    async fn send(&mut self) -> Answer {
        let number = self.acknowledged.len() % self.deliveries.len();
        let id = format!("msg_{}", self.acknowledged.len());
        let sent = self.door.deliver(CONNECTION, &id, &self.deliveries[number]);
        let answer = sent.await.unwrap();
        if matches!(answer.status, StatusCode::ACCEPTED | StatusCode::OK) {
            self.acknowledged.push(id);
        } else {
            assert_eq!(
                answer.status,
                StatusCode::SERVICE_UNAVAILABLE,
                "{}",
                answer.body
            );
            assert!(answer.headers.contains_key("retry-after"));
            assert_eq!(answer.code(), "database-unavailable");
        }
        answer
    }

    /// Sends on until `wanted` more are acknowledged. Answers how many were sent away.
    async fn send_on(&mut self, wanted: usize) -> usize {
        let (goal, mut sent_away) = (self.acknowledged.len() + wanted, 0);
        until("the deliveries are taken", 60, async || {
            if self.send().await.status == StatusCode::SERVICE_UNAVAILABLE {
                sent_away += 1;
            }
            (self.acknowledged.len() == goal).then_some(sent_away)
        })
        .await
    }

    /// Every delivery that was acknowledged is in the table.
    async fn assert_none_is_lost(&self, pool: &PgPool) {
        assert_eq!(
            stored(pool, &self.acknowledged).await,
            self.acknowledged.len()
        );
    }
}

/// What monitoring sees: 503 of both, and the process itself is alive.
async fn assert_the_database_is_missed(door: &Door) {
    for path in ["/readyz", "/health"] {
        let answer = door.get(path).await;
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{path}: {}",
            answer.body
        );
    }
    assert_eq!(door.get("/healthz").await.status, StatusCode::OK);
}

/// Monitoring is content again.
async fn well_again(door: &Door) {
    for path in ["/readyz", "/health"] {
        until(path, 60, async || {
            (door.get(path).await.status == StatusCode::OK).then_some(())
        })
        .await;
    }
}

/// A Postgres that a test may kill, at an address that stays.
struct Mortal {
    postgres: Option<EmbeddedPostgres>,
    directory: TempDir,
    url: String,
}

impl Mortal {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The user postgres enters when root runs the tests.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let postgres = EmbeddedPostgres::start(directory.path()).await.unwrap();
        postgres.create_database("mortal", None).await.unwrap();
        let url = postgres.url("mortal");
        Self {
            postgres: Some(postgres),
            directory,
            url,
        }
    }

    /// Ends the server: with SIGKILL as a lack of memory does, with SIGQUIT as `pg_ctl stop -m immediate` does.
    async fn kill(&mut self, signal: Signal) {
        let postgres = self.postgres.take().unwrap();
        let file = postgres.directory().join("cluster/postmaster.pid");
        let text = fs::read_to_string(file).unwrap();
        let pid = Pid::from_raw(text.lines().next().unwrap().parse().unwrap());
        kill(pid, signal).unwrap();
        // Waits for its end.
        tokio::task::spawn_blocking(move || drop(postgres))
            .await
            .unwrap();
    }

    /// Starts it again. Sessions that outlive a killed server by a moment are waited for.
    async fn revive(&mut self) {
        let directory = self.directory.path();
        let postgres = until("Postgres starts again", 60, async || {
            EmbeddedPostgres::start(directory).await.ok()
        })
        .await;
        assert_eq!(postgres.url("mortal"), self.url, "it has its port again");
        self.postgres = Some(postgres);
    }

    fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy(&self.url)
            .unwrap()
    }
}

/// A program on a Postgres that may be killed, connected, and its jobs registered.
async fn connected(http: &Client, url: &str, ashby: &Ashby) -> (Program, Door) {
    let program = Program::start(&setting(url, ashby), &["serve", "--no-worker"]).await;
    let its = door(http, &program);
    its.connect(CONNECTION).await;
    its.register(CONNECTION).await;
    its.release_the_brake(CONNECTION).await;
    (program, its)
}

/// Flushes until everything has come to its end; the last flush writes nothing.
async fn come_to_rest(door: &Door, pool: &PgPool) {
    for _ in 0..3 {
        let flush = door.flush().await.unwrap().ok();
        assert_eq!(flush["status"], "done", "{flush}");
        let_doubts_grow_old(pool).await;
    }
    let flush = door.flush().await.unwrap().ok();
    assert_eq!(flush["ashby_calls"]["write"], 0, "{flush}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_killed_while_receiving_costs_no_delivery() {
    let (http, scenario, mut mortal) = (client(), Scenario::as_of(now()), Mortal::start().await);
    let ashby = furnished(&scenario, Arc::default()).await;
    let (_program, its) = connected(&http, &mortal.url, &ashby).await;
    let mut sender = Sender::of(&scenario.deliveries, &its);
    let mut sent_away = 0;
    for signal in [Signal::SIGQUIT, Signal::SIGKILL] {
        sender.send_on(15).await;
        // One is on its way when the server goes.
        let (answer, ()) = tokio::join!(sender.send(), mortal.kill(signal));
        sent_away += usize::from(answer.status == StatusCode::SERVICE_UNAVAILABLE);
        sender.send().await;
        assert_the_database_is_missed(&its).await;
        mortal.revive().await;
        sent_away += sender.send_on(15).await;
        well_again(&its).await;
    }
    let pool = mortal.pool();
    sender.assert_none_is_lost(&pool).await;
    say(&format!(
        "Postgres killed twice while receiving: {} acknowledged, 0 lost, {sent_away} sent away and taken later",
        sender.acknowledged.len()
    ));
    come_to_rest(&its, &pool).await;
    for person in outcome(&ashby.world()) {
        let applications = person["applications"].as_array().unwrap().len();
        assert!((1..=2).contains(&applications), "{person}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_killed_in_a_flush_fails_it_and_the_next_one_ends_it() {
    for (signal, endpoint, moment) in [
        (Signal::SIGQUIT, "candidate.create", Moment::After),
        (Signal::SIGKILL, "application.create", Moment::After),
        (Signal::SIGKILL, "job.info", Moment::After),
    ] {
        let what = format!("{signal} {endpoint}");
        let (http, mut mortal) = (client(), Mortal::start().await);
        let ashby = furnished(&Scenario::as_of(now()), Arc::default()).await;
        let (_program, its) = connected(&http, &mortal.url, &ashby).await;
        let before = ashby.world()["candidates"].as_array().unwrap().len();
        for number in 0..6 {
            let who = Person::new(&format!("P{number}"));
            let news = who.change(json!({ "stage": "replied", "updated_at": now() }));
            let answer = its.deliver(CONNECTION, &who.id, &news).await.unwrap();
            assert_eq!(answer.status, StatusCode::ACCEPTED);
        }
        let mut call = ashby.hold(endpoint, moment);
        let flushing = tokio::spawn({
            let its = its.clone();
            async move { its.flush().await.unwrap() }
        });
        call.arrived().await;
        mortal.kill(signal).await;
        call.release();
        assert_the_database_is_missed(&its).await;
        mortal.revive().await;
        well_again(&its).await;
        let ended = flushing.await.unwrap();
        let pool = mortal.pool();
        let (status, detail): (String, Option<String>) =
            sqlx::query_as("SELECT status, detail FROM flush")
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!(status, "failed", "{what}: {detail:?} {ended:?}");

        come_to_rest(&its, &pool).await;
        let world = ashby.world();
        let people = world["candidates"].as_array().unwrap().len() - before;
        let applications = world["applications"].as_array().unwrap().iter();
        let theirs = applications.filter(|one| one["candidate"].as_str().unwrap().starts_with('P'));
        assert_eq!((people, theirs.count()), (6, 6), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_sends_deliveries_away_and_fails_flushes_until_there_is_space() {
    let (http, scenario, database) = (client(), Scenario::as_of(now()), database().await);
    let ashby = furnished(&scenario, Arc::default()).await;
    let proxy = PostgresProxy::before(&database.url, Arc::default()).await;
    let (_program, its) = connected(&http, &proxy.url, &ashby).await;
    let mut sender = Sender::of(&scenario.deliveries, &its);
    sender.send_on(20).await;

    proxy.is_disk_full.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(sender.send().await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    let flush = its.flush().await.unwrap();
    assert_eq!(
        flush.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        flush.body
    );
    assert_eq!(ashby.writes().await, Vec::<String>::new());
    proxy.is_disk_full.store(false, Ordering::SeqCst);

    sender.send_on(20).await;
    // Full again, in the middle of a flush.
    let mut call = ashby.hold("candidate.create", Moment::After);
    let flushing = tokio::spawn({
        let its = its.clone();
        async move { its.flush().await.unwrap().ok() }
    });
    call.arrived().await;
    proxy.is_disk_full.store(true, Ordering::SeqCst);
    call.release();
    let flush = flushing.await.unwrap();
    assert_eq!(flush["status"], "failed", "{flush}");
    proxy.is_disk_full.store(false, Ordering::SeqCst);

    sender.assert_none_is_lost(&database.pool).await;
    come_to_rest(&its, &database.pool).await;
    for person in outcome(&ashby.world()) {
        let applications = person["applications"].as_array().unwrap().len();
        assert!((1..=2).contains(&applications), "{person}");
    }
    well_again(&its).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_without_a_connection_left_sends_deliveries_away() {
    let (http, scenario, database) = (client(), Scenario::as_of(now()), database().await);
    let ashby = furnished(&scenario, Arc::default()).await;
    // The limit of a role does not hold superusers back.
    let role = format!("{}_limited", database.name);
    let end_sessions =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'");
    for sql in [
        format!("CREATE ROLE {role} LOGIN PASSWORD 'limited'"),
        format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"),
        format!("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"),
    ] {
        super::rewrite(&database.pool, &sql).await;
    }
    let mut url = Url::parse(&database.url).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("limited")).unwrap();
    let program = Program::serve_alone(&setting(url.as_str(), &ashby)).await;
    let its = door(&http, &program);
    its.connect(CONNECTION).await;
    its.register(CONNECTION).await;
    its.release_the_brake(CONNECTION).await;
    let mut sender = Sender::of(&scenario.deliveries, &its);
    sender.send_on(20).await;

    super::rewrite(
        &database.pool,
        &format!("ALTER ROLE {role} CONNECTION LIMIT 0"),
    )
    .await;
    super::rewrite(&database.pool, &end_sessions).await;
    assert_eq!(sender.send().await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_the_database_is_missed(&its).await;
    let flush = its.flush().await.unwrap();
    assert_eq!(flush.status, StatusCode::SERVICE_UNAVAILABLE);

    super::rewrite(
        &database.pool,
        &format!("ALTER ROLE {role} CONNECTION LIMIT -1"),
    )
    .await;
    sender.send_on(20).await;
    well_again(&its).await;
    sender.assert_none_is_lost(&database.pool).await;
    come_to_rest(&its, &database.pool).await;
    program.kill().await;
    super::rewrite(&database.pool, &format!("DROP OWNED BY {role}")).await;
    super::rewrite(&database.pool, &format!("DROP ROLE {role}")).await;
}
