//! Many connections in one process: whatever one of them has to do, or cannot, the others are flushed on time. A worker
//! at work, on a clock that the test moves; time goes by only while nothing else happens, as if every call and every
//! statement took none.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dover_ashby_sync::{
    clock::Clock,
    sync::{Clients, Sync},
    telemetry::Metrics,
    worker::Worker,
};
use futures::{StreamExt, future::BoxFuture, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{PatientClock, Person, SECRET, TestApp},
    patience::until_so,
};

const INTERVAL: TimeDelta = TimeDelta::minutes(15);

/// What is to be shared out.
struct Load {
    /// Connections with nothing but a candidate each.
    small: usize,
    /// Connections with many.
    large: usize,
    /// How many.
    backlog: usize,
    /// Whether there is one besides whose key Ashby no longer takes.
    dead: bool,
    /// The limit of every key.
    limit: u32,
    minutes: i64,
    /// How late a flush may begin.
    may_be_late: TimeDelta,
}

/// What came of it.
struct Outcome {
    app: TestApp,
    /// How late each flush of a small connection began.
    late: Vec<TimeDelta>,
}

impl Outcome {
    /// Nobody small is late, the large one goes on from turn to turn with what its own key may do, at least `created` so
    /// far, and the dead one was tried once.
    async fn is_fair(&self, load: &Load, created: usize) {
        let app = &self.app;
        assert!(self.late.len() >= load.small);
        assert!(self.latest() <= load.may_be_late, "{}", self.latest());
        let turns = begun(app, "large-0").await.len();
        assert!(turns >= 5, "{turns}");
        let done = applications(app, "large-0").await;
        assert!(done >= created, "{done}");
        let calls = app.calls().await;
        let refused = calls.iter().filter(|call| call["status"] == 403).count();
        assert!(
            (1..=2).contains(&refused),
            "{refused} calls with a dead key"
        );
        let dead = app.get("/v1/connections/dead").await.ok();
        assert_eq!(dead["status"], "needs-attention");
    }

    fn latest(&self) -> TimeDelta {
        self.late.iter().max().copied().unwrap()
    }
}

async fn deliver(app: &TestApp, connection: &str, people: usize) {
    let sent = stream::iter(0..people).map(|n| async move {
        let who = Person::new(&format!("Person {n} of {connection}"));
        let delivery = who.change(json!({ "stage": "replied", "updated_at": app.now() }));
        let body = serde_json::to_vec(&delivery).unwrap();
        let id = format!("msg_{n}");
        app.send(app.signed_for(connection, &id, &body)).await.ok();
    });
    sent.buffer_unordered(32).collect::<()>().await;
}

/// Makes a connection with a key and a job of its own. Answers when its first flush is due.
async fn connect(app: &TestApp, name: &str) -> DateTime<Utc> {
    app.sim("api-keys", json!({ "key": format!("key-{name}") }))
        .await;
    let body = json!({ "name": name, "ashby_api_key": format!("key-{name}"), "dover_webhook_secret": SECRET });
    app.post("/v1/connections", body).await.ok();
    let title = format!("Job of {name}");
    let job = app.sim("jobs", json!({ "title": title })).await;
    let body = json!({ "dover_job_id": "job_42", "ashby_job": job["id"], "title": title });
    app.post(&format!("/v1/connections/{name}/jobs"), body)
        .await
        .ok();
    let made = app.get(&format!("/v1/connections/{name}")).await.ok();
    made["next_flush_at"].as_str().unwrap().parse().unwrap()
}

/// The worker's clock: only the worker itself sleeps by it, once after each look for what is due.
#[derive(Debug)]
struct CountedLooks {
    clock: PatientClock,
    looks: watch::Sender<u64>,
}

impl Clock for CountedLooks {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.looks.send_modify(|looks| *looks += 1);
        self.clock.sleep(duration)
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.clock.pass(duration)
    }
}

/// How much of what has come running flushes have still to read: that calls nobody, and takes no time of the test's clock
/// either.
async fn unread(app: &TestApp) -> i64 {
    let unread = "SELECT count(*) FROM flush f JOIN pending p USING (connection_id) WHERE f.status = 'running'";
    let pool = &app.database.pool;
    sqlx::query_scalar(unread).fetch_one(pool).await.unwrap()
}

/// Looks in a row that show the same before nobody is taken to do anything. Whoever has something to read may only be slow;
/// or waits for the limit, and reads later.
const fn looks_at_rest(unread: i64) -> u32 {
    if unread == 0 { 2 } else { 50 }
}

/// Lets time go by for so long, a few seconds at a time, while nobody calls Ashby, and never so fast that the worker
/// misses some of it.
async fn pass(app: &TestApp, minutes: i64, looks: watch::Receiver<u64>) {
    let end = app.now() + TimeDelta::minutes(minutes);
    while app.now() < end {
        let looked = *looks.borrow();
        app.clock.advance(Duration::from_secs(4));
        until_so("the worker looks", async || *looks.borrow() > looked).await;
        let (mut before, mut quiet) = ((app.mark().await, 0), 0);
        until_so("nobody calls", async || {
            let now = (app.mark().await, unread(app).await);
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
            quiet >= looks_at_rest(now.1)
        })
        .await;
    }
}

/// When the cadence began to flush a connection, oldest first.
async fn begun(app: &TestApp, connection: &str) -> Vec<DateTime<Utc>> {
    let path = format!("/v1/connections/{connection}/flushes?limit=100");
    let flushes = app.get(&path).await.ok();
    let flushes: Vec<Value> = flushes["items"].as_array().unwrap().clone();
    let started = flushes
        .iter()
        .rev()
        .map(|flush| flush["started_at"].as_str().unwrap().parse().unwrap());
    started.collect()
}

async fn share_out(load: &Load) -> Outcome {
    let app = TestApp::bare().await;
    app.furnish().await;
    let mut due = BTreeMap::new();
    for n in 0..load.small {
        let name = format!("small-{n}");
        due.insert(name.clone(), connect(&app, &name).await);
        deliver(&app, &name, 1).await;
    }
    for n in 0..load.large {
        let name = format!("large-{n}");
        connect(&app, &name).await;
        deliver(&app, &name, load.backlog).await;
    }
    if load.dead {
        connect(&app, "dead").await;
        deliver(&app, "dead", 10).await;
        app.sim_as(
            Method::PATCH,
            "api-keys/key-dead",
            Some(json!({ "revoked": true })),
        )
        .await;
    }
    app.sim("switches", json!({ "rateLimit": { "limit": load.limit } }))
        .await;

    let stop = CancellationToken::new();
    // Those that make trouble begin at once.
    sqlx::query("UPDATE connection SET next_flush_at = $1 WHERE name NOT LIKE 'small-%'")
        .bind(app.now())
        .execute(&app.database.pool)
        .await
        .unwrap();
    let patient = || PatientClock(app.clock.clone());
    let (looks, looked) = watch::channel(0);
    let clock = patient();
    let sync = Sync {
        clients: Clients::new(app.ashby_url(), Arc::new(patient()), Metrics::default()),
        clock: Arc::new(CountedLooks { clock, looks }),
        ..app.sync()
    };
    let working = tokio::spawn(Worker::new(sync, stop.clone()).run());
    let began = app.now();
    pass(&app, load.minutes, looked).await;
    stop.cancel();

    let mut late = Vec::new();
    for (name, first) in due {
        let flushes = begun(&app, &name).await;
        let beats = (0..).map(|beat| first.max(began) + INTERVAL * beat);
        let over = beats.take_while(|beat| *beat + load.may_be_late < app.now());
        for (beat, due) in over.enumerate() {
            let started = flushes.get(beat);
            let started = started.unwrap_or_else(|| panic!("{name} missed the beat of {due}"));
            late.push(*started - due);
        }
    }
    // What is under way waits for the limit, by a clock that nobody moves any more.
    working.abort();
    Outcome { app, late }
}

async fn applications(app: &TestApp, of: &str) -> usize {
    let world = app.world().await;
    let of = format!("of {of}");
    let theirs = |one: &&Value| one["candidate"].as_str().unwrap().ends_with(&of);
    let all = world["applications"].as_array().unwrap();
    all.iter().filter(theirs).count()
}

#[tokio::test]
async fn one_large_backlog_and_one_dead_key_make_nobody_late() {
    let load = Load {
        small: 28,
        large: 1,
        backlog: 1_000,
        dead: true,
        limit: 100,
        minutes: 18,
        may_be_late: TimeDelta::minutes(2),
    };
    share_out(&load).await.is_fair(&load, 400).await;
}

#[tokio::test]
async fn more_large_backlogs_than_places_make_nobody_late_by_an_interval() {
    let load = Load {
        small: 5,
        large: 20,
        backlog: 80,
        dead: false,
        limit: 10,
        minutes: 24,
        may_be_late: TimeDelta::minutes(8),
    };
    let outcome = share_out(&load).await;
    assert!(outcome.late.len() >= 5);
    assert!(outcome.latest() <= load.may_be_late, "{}", outcome.latest());
    for n in 0..20 {
        let done = applications(&outcome.app, &format!("large-{n}")).await;
        assert!(done > 0, "large-{n} got no turn");
    }
}

#[tokio::test]
#[ignore = "a hundred connections and fifty thousand deliveries take minutes"]
async fn a_hundred_connections_at_full_size() {
    let load = Load {
        small: 98,
        large: 1,
        backlog: 50_000,
        dead: true,
        limit: 1_000,
        minutes: 31,
        may_be_late: TimeDelta::minutes(2),
    };
    let outcome = share_out(&load).await;
    println!(
        "{} flushes of small connections, the latest {} s after its beat; the large one created {}",
        outcome.late.len(),
        outcome.latest().num_seconds(),
        applications(&outcome.app, "large-0").await
    );
    outcome.is_fair(&load, 1_000).await;
}
