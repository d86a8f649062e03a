//! Several processes over one Postgres: one flush of a connection at a time, whoever dies or stands still, and the work in
//! fair shares.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dover_ashby_sync::clock::{Clock, SystemClock};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Door,
    ashby::{Ashby, Entrance},
    client, door, furnished,
    holds::Moment,
    let_doubts_grow_old, now,
    postgres_proxy::{INTENT, PostgresProxy},
    program::{Program, Setting},
    rewrite, say, setting,
    steps::Steps,
};
use crate::{
    app::{CONNECTION, Person},
    database::{TestDatabase, database},
    patience::until,
    scenario::Scenario,
};

/// The lease of these tests: long enough for a busy machine to keep it, short enough to be waited for.
const LEASE_SECONDS: i64 = 6;

/// How long after the end of a lease a worker may take to notice: its looks are 2.4 s apart at most, and it has to begin.
const LOOK_SECONDS: i64 = 4;

/// One installation, which processes are to join.
struct Site {
    http: Client,
    database: TestDatabase,
    ashby: Ashby,
}

impl Site {
    /// Ashby with the two jobs, and nobody in it that matters here.
    async fn new() -> Self {
        let (http, database) = (client(), database().await);
        let ashby = furnished(&Scenario::as_of(now()), Arc::default()).await;
        Self {
            http,
            database,
            ashby,
        }
    }

    fn setting(&self) -> Setting {
        let mut setting = setting(&self.database.url, &self.ashby);
        setting.set("FLUSH_LEASE", &format!("{LEASE_SECONDS}s"));
        setting
    }

    /// A process that flushes when it is told to, and its door.
    async fn join(&self) -> (Program, Door) {
        let program = Program::serve_alone(&self.setting()).await;
        let door = door(&self.http, &program);
        (program, door)
    }

    /// Makes the connection, with two people who are to be carried over.
    async fn expect_two(&self, door: &Door) {
        door.connect(CONNECTION).await;
        door.register(CONNECTION).await;
        self.expect(door, &["Ada", "Grace"]).await;
    }

    /// Dover says of each that they have replied.
    async fn expect(&self, door: &Door, names: &[&str]) {
        for name in names {
            let news = json!({ "stage": "replied", "updated_at": now() });
            let answer = door
                .deliver(CONNECTION, name, &Person::new(name).change(news))
                .await;
            assert_eq!(answer.unwrap().status, StatusCode::ACCEPTED);
        }
    }

    fn assert_two_are_there(&self) {
        self.assert_are_there(&["Ada", "Grace"]);
    }

    /// Each is one candidate with one application that stands where Dover said.
    fn assert_are_there(&self, names: &[&str]) {
        let world = self.ashby.world();
        for name in names {
            let of = |what: &str, key: &str| -> Vec<Value> {
                let all = world[what].as_array().unwrap().iter();
                all.filter(|one| one[key] == *name).cloned().collect()
            };
            let (people, applications) =
                (of("candidates", "name"), of("applications", "candidate"));
            assert_eq!(
                (people.len(), applications.len()),
                (1, 1),
                "{name}: {applications:?}"
            );
            assert_eq!(applications[0]["stage"], "Replied");
        }
    }

    /// The flushes of all connections that overlapped with another of the same.
    async fn overlaps(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM flush a JOIN flush b ON a.connection_id = b.connection_id AND a.id < b.id
             WHERE tstzrange(a.started_at, coalesce(a.finished_at, 'infinity')) &&
                   tstzrange(b.started_at, coalesce(b.finished_at, 'infinity'))",
        )
        .fetch_one(&self.database.pool)
        .await
        .unwrap()
    }
}

/// Flushes in the background.
fn flush(door: &Door) -> tokio::task::JoinHandle<Value> {
    let door = door.clone();
    tokio::spawn(async move { door.flush().await.unwrap().ok() })
}

/// Has `door` take over from the process that stands still in a flush: that flush is answered while its lease lasts.
async fn take_over(site: &Site, door: &Door) -> Value {
    let held: Uuid = sqlx::query_scalar("SELECT id FROM flush WHERE status = 'running'")
        .fetch_one(&site.database.pool)
        .await
        .unwrap();
    let path = format!("/v1/connections/{CONNECTION}/flushes");
    let id = until("the lease runs out", 60, async || {
        let answer = door.post(&path, &json!({})).await;
        // The row of the connection may be locked by who stands still.
        let id = answer.body["id"].as_str()?.to_owned();
        (id != held.to_string()).then_some(id)
    })
    .await;
    until("the next flush is done", 60, async || {
        let shown = door.get(&format!("{path}/{id}")).await.ok();
        (shown["status"] == "done").then_some(shown)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_stood_still_before_its_writes_sends_none_when_it_wakes() {
    let site = Site::new().await;
    let (one, its_door) = site.join().await;
    let (_other, other_door) = site.join().await;
    site.expect_two(&its_door).await;

    let mut look = site.ashby.hold("job.info", Moment::After);
    let flush = flush(&its_door);
    look.arrived().await;
    one.stop();
    look.release();
    take_over(&site, &other_door).await;
    site.assert_two_are_there();
    let writes = site.ashby.writes().await;
    assert_eq!(writes.len(), 4, "{writes:?}");

    one.wake();
    let ended = flush.await.unwrap();
    assert_eq!(ended["status"], "stopped", "{ended}");
    assert_eq!(ended["ashby_calls"]["write"], 0, "{ended}");
    assert_eq!(site.ashby.writes().await, writes);
    site.assert_two_are_there();
}

/// A process that stands still between two statements: it has decided, and its intent is on its way, or is recorded and
/// the write comes next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_stood_still_right_before_a_write_does_not_send_it_when_it_wakes() {
    for moment in [Moment::Before, Moment::After] {
        let site = Site::new().await;
        let steps: Arc<Steps> = Arc::default();
        let proxy = PostgresProxy::before(&site.database.url, Arc::clone(&steps)).await;
        let mut behind = site.setting();
        behind.database_url.clone_from(&proxy.url);
        let one = Program::serve_alone(&behind).await;
        let its_door = door(&site.http, &one);
        let (_other, other_door) = site.join().await;
        its_door.connect(CONNECTION).await;
        its_door.register(CONNECTION).await;
        site.expect(&its_door, &["Ada"]).await;

        let mut intent = steps.holds.hold(INTENT, moment);
        let flush = flush(&its_door);
        intent.arrived().await;
        one.stop();
        take_over(&site, &other_door).await;
        // Where an intent stands, the next holder looks for what it may have led to, for long enough.
        for _ in 0..2 {
            let_doubts_grow_old(&site.database.pool).await;
            other_door.flush().await.unwrap().ok();
        }
        site.assert_are_there(&["Ada"]);
        let writes = site.ashby.writes().await;
        assert_eq!(writes, ["candidate.create", "application.create"]);

        one.wake();
        intent.release();
        let ended = flush.await.unwrap();
        assert_eq!(ended["status"], "stopped", "{moment:?}: {ended}");
        assert_eq!(ended["ashby_calls"]["write"], 0, "{moment:?}: {ended}");
        assert_eq!(site.ashby.writes().await, writes, "{moment:?}");
        let last = other_door.flush().await.unwrap().ok();
        assert_eq!(last["ashby_calls"]["write"], 0, "{moment:?}: {last}");
        site.assert_are_there(&["Ada"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_stood_still_in_a_write_neither_repeats_it_nor_writes_on() {
    for (endpoint, moment) in [
        ("candidate.create", Moment::Before),
        ("candidate.create", Moment::After),
        ("application.create", Moment::Before),
        ("application.create", Moment::After),
    ] {
        let site = Site::new().await;
        let (one, its_door) = site.join().await;
        let (_other, other_door) = site.join().await;
        site.expect_two(&its_door).await;

        let mut write = site.ashby.hold(endpoint, moment);
        let flush = flush(&its_door);
        write.arrived().await;
        one.stop();
        if moment == Moment::After {
            // It has taken effect; only the answer is missing.
            write.release();
            take_over(&site, &other_door).await;
        } else {
            // It takes effect when the next holder has looked already and seen nothing.
            take_over(&site, &other_door).await;
            write.release();
        }
        one.wake();
        let ended = flush.await.unwrap();
        assert_eq!(ended["status"], "stopped", "{endpoint} {moment:?}: {ended}");
        for _ in 0..3 {
            other_door.flush().await.unwrap().ok();
            let_doubts_grow_old(&site.database.pool).await;
        }
        let last = other_door.flush().await.unwrap().ok();
        assert_eq!(
            last["ashby_calls"]["write"], 0,
            "{endpoint} {moment:?}: {last}"
        );
        site.assert_two_are_there();
        assert_eq!(site.ashby.writes().await.len(), 4, "{endpoint} {moment:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_replica_held_is_taken_over_within_a_lease() {
    let site = Site::new().await;
    let serving = Program::serve(&site.setting()).await;
    let its_door = door(&site.http, &serving);
    site.expect_two(&its_door).await;
    let mut write = site.ashby.hold("candidate.create", Moment::After);
    rewrite(
        &site.database.pool,
        "UPDATE connection SET next_flush_at = now()",
    )
    .await;
    write.arrived().await;
    let others = [
        Program::start(&site.setting(), &["work"]).await,
        Program::start(&site.setting(), &["work"]).await,
    ];

    let killed_at = now();
    serving.kill().await;
    write.release();
    let taken_over_at: DateTime<Utc> = until("another takes over", 60, async || {
        sqlx::query_scalar("SELECT started_at FROM flush WHERE started_at > $1")
            .bind(killed_at)
            .fetch_optional(&site.database.pool)
            .await
            .unwrap()
    })
    .await;
    until("the rest is done", 60, async || {
        let there = site.ashby.writes().await.len();
        (there == 4).then_some(())
    })
    .await;
    let done_at = now();
    site.assert_two_are_there();
    let took = taken_over_at - killed_at;
    say(&format!(
        "SIGKILL of a replica in mid-flush, lease {LEASE_SECONDS} s: taken over after {} ms, all done after {} ms",
        took.num_milliseconds(),
        (done_at - killed_at).num_milliseconds()
    ));
    assert!(
        took <= TimeDelta::seconds(LEASE_SECONDS + LOOK_SECONDS),
        "{took}"
    );
    assert_eq!(site.overlaps().await, 0);
    drop(others);
}

/// A site with so many connections, none of them due.
async fn site_with(connections: usize) -> Site {
    let site = Site::new().await;
    let plenty = json!({ "rateLimit": { "limit": 1_000_000, "windowSeconds": 60 } });
    site.ashby.make("switches", plenty).await;
    let (alone, its_door) = site.join().await;
    for number in 0..connections {
        its_door.connect(&format!("employer-{number}")).await;
    }
    alone.kill().await;
    let later = "UPDATE connection SET next_flush_at = now() + interval '1 hour'";
    rewrite(&site.database.pool, later).await;
    site
}

/// A process that works, and the entrance to Ashby that it has for itself, so that it can be told who did what.
async fn workers(site: &Site, count: usize, interval: &str) -> Vec<(Program, Entrance)> {
    let mut running = Vec::new();
    for number in 0..count {
        let entrance = site.ashby.entrance().await;
        let mut setting = site.setting();
        setting.ashby = entrance.addr;
        setting.set("FLUSH_INTERVAL", interval);
        let arguments: &[&str] = if number % 2 == 0 {
            &["work"]
        } else {
            &["serve", "--no-migrate"]
        };
        running.push((Program::start(&setting, arguments).await, entrance));
    }
    until("all workers know of each other", 30, async || {
        let known: i64 = sqlx::query_scalar("SELECT count(*) FROM worker")
            .fetch_one(&site.database.pool)
            .await
            .unwrap();
        (usize::try_from(known) == Ok(count)).then_some(())
    })
    .await;
    let due = "UPDATE connection SET next_flush_at = now() + interval '1 second'";
    rewrite(&site.database.pool, due).await;
    running
}

/// How many flushes each did.
fn flushes(workers: &[(Program, Entrance)]) -> Vec<usize> {
    workers
        .iter()
        .map(|(_, entrance)| entrance.flushes())
        .collect()
}

/// Flushes of 40 connections, round after round.
async fn shared_out(processes: usize) -> Vec<usize> {
    let site = site_with(40).await;
    let running = workers(&site, processes, "5s").await;
    until("every connection is flushed five times", 180, async || {
        let least: Option<i64> = sqlx::query_scalar(
            "SELECT min(flushed) FROM (SELECT count(f.id) AS flushed FROM connection c
             LEFT JOIN flush f ON f.connection_id = c.id AND f.status = 'done' GROUP BY c.id) AS counts",
        )
        .fetch_one(&site.database.pool)
        .await
        .unwrap();
        SystemClock.sleep(Duration::from_millis(200)).await;
        (least >= Some(5)).then_some(())
    })
    .await;
    assert_eq!(
        site.overlaps().await,
        0,
        "two flushes of a connection at once"
    );
    flushes(&running)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_shared_out_evenly() {
    for (processes, least, most) in [(2, 0.35, 0.65), (4, 0.15, 0.35)] {
        let flushes = shared_out(processes).await;
        let all: usize = flushes.iter().sum();
        say(&format!(
            "{processes} processes, 40 connections, {all} flushes: {flushes:?}"
        ));
        for one in &flushes {
            #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
            let share = *one as f64 / all as f64;
            assert!((least..=most).contains(&share), "{flushes:?}");
        }
    }
}

/// One process could take them all: whoever looks first must leave the others theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_at_once_is_shared_out_although_one_could_take_it_all() {
    let site = site_with(12).await;
    // So long that all have looked before the first flush ends.
    let slow =
        json!({ "endpoint": "candidate.list", "kind": "slow", "delay_ms": 8_000, "times": 12 });
    site.ashby.make("faults", slow).await;
    let running = workers(&site, 4, "24h").await;
    until("all are flushed", 60, async || {
        let all: usize = flushes(&running).iter().sum();
        (all == 12).then_some(())
    })
    .await;
    assert_eq!(flushes(&running), [3, 3, 3, 3]);
}
