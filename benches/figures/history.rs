//! What history costs: receiving, starting and being asked, with empty tables and with full ones, in turns; and the memory
//! that our program takes with a million deliveries waiting, and while it flushes them.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use dover_ashby_sync::clock::SystemClock;
use sqlx::AssertSqlSafe;

use crate::{
    ashby::Ashby,
    employer::settle,
    hands::{now, pause},
    queue::Queue,
    receiving::Extent,
    sheet::{Sheet, median, spread},
    stage::{Server, Stage, flush, get, send},
    usage,
};

/// What waits: the last of the old deliveries. Their job is not registered, so nobody is made in Ashby for them.
const WAITING: Queue = Queue {
    deliveries: 1_000_000,
    prospects: 20_000,
    withdrawn: 0,
};
/// Rows that are made in one statement.
const STEP: u64 = 500_000;
/// How long the flush of what waits is watched.
const WATCHED: Duration = Duration::from_mins(1);
/// How long after a checkpoint is measured: at first each page that is written to goes to the log as a whole, once, and from one
/// checkpoint to the next it is five minutes.
const AFTER_CHECKPOINT: Duration = Duration::from_secs(4);
/// How often each door is asked.
const ASKED: usize = 31;

/// Fills a database with `old` deliveries, of which the last million wait, and measures beside an empty one.
pub(crate) async fn measure(
    stage: &Stage,
    extent: Extent,
    old: u64,
    sheet: &mut Sheet,
) -> Result<()> {
    let ashby = Ashby::open(Arc::new(SystemClock)).await?;
    let address = ashby.url()?;
    let empty = stage.twin("figures_empty").await?;
    let full = stage.twin("figures_full").await?;
    let worker = ["--no-worker"];
    let (on_empty, _) = empty.program(&worker, address.as_str()).await?;
    let (on_full, _) = full.program(&worker, address.as_str()).await?;
    fill(&full, old).await?;
    let what = format!("{} M old deliveries, 1 M of them pending", old / 1_000_000);
    note_memory(&on_full, &format!("at rest, with {what}"), sheet)?;
    let mut ratios = Vec::new();
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..extent.rounds {
        let run = format!("h{round}");
        let one = receive(&empty, &on_empty, extent, &run).await?;
        let other = receive(&full, &on_full, extent, &run).await?;
        crate::progress(&format!(
            "round {}: {one:.0}/s empty, {other:.0}/s full",
            round + 1
        ));
        rates[0].push(one);
        rates[1].push(other);
        ratios.push(other / one);
    }
    for (rates, name) in rates.into_iter().zip(["empty tables", what.as_str()]) {
        sheet.fact(
            format!("our inbox, 64 connections, {name}"),
            format!("{} /s", spread(rates)),
        );
    }
    sheet.at_least(
        format!("throughput with {what} / empty"),
        median(ratios),
        0.95,
    );
    for path in ["/health", "/metrics"] {
        let [one, other] = asked([&on_empty, &on_full], path).await?;
        let name = format!("`GET {path}` with {what} / empty ({other:.2} / {one:.2} ms)");
        sheet.at_most(name, other / one, 1.5);
    }
    let (_, empty_too) = usage::memory(on_empty.pid()?)?;
    let after = format!("after receiving, with {what} ({empty_too:.0} with none)");
    note_memory(&on_full, &after, sheet)?;
    drop(on_full);
    starts(&full, extent.rounds, &what, sheet).await?;
    flushed(&full, &ashby, sheet).await?;
    drop(on_empty);
    ashby.close().await
}

/// The most memory that the program has had so far.
fn note_memory(server: &Server, when: &str, sheet: &mut Sheet) -> Result<()> {
    let (_, most) = usage::memory(server.pid()?)?;
    sheet.at_most(format!("MiB resident, the most, {when}"), most, 60.0);
    Ok(())
}

/// Flushes what waits with a program that has done nothing else, for so long as is watched.
async fn flushed(stage: &Stage, ashby: &Ashby, sheet: &mut Sheet) -> Result<()> {
    let address = ashby.url()?;
    let (server, _) = stage.program(&["--no-worker"], address.as_str()).await?;
    let before = stage.count("pending").await?;
    let began = now();
    let is_done = tokio::select! {
        done = flush(server.addr) => { done?; true }
        () = pause(WATCHED) => false,
    };
    let took = now() - began;
    let (_, most) = usage::memory(server.pid()?)?;
    let folded = before.saturating_sub(stage.count("pending").await?);
    let decided = stage.count("decision").await?;
    let end = if is_done {
        "to its end"
    } else {
        "stopped then"
    };
    sheet.fact(
        "a flush of what waits, on a job that is not registered".to_owned(),
        format!("{folded} of {before} deliveries folded, {decided} prospects decided in {took:.1?}, {end}"),
    );
    sheet.at_most(
        "MiB resident, the most, flushing that".to_owned(),
        most,
        60.0,
    );
    Ok(())
}

/// How long the program takes to be ready.
pub(crate) async fn starts(
    stage: &Stage,
    rounds: usize,
    what: &str,
    sheet: &mut Sheet,
) -> Result<()> {
    let mut took = Vec::new();
    for _ in 0..rounds {
        let (server, ready) = stage
            .program(&["--no-worker"], "http://127.0.0.1:1")
            .await?;
        took.push(ready.as_secs_f64());
        drop(server);
    }
    sheet.at_most(
        format!("seconds until it is ready, {what}"),
        median(took),
        1.0,
    );
    Ok(())
}

async fn receive(stage: &Stage, server: &Server, extent: Extent, run: &str) -> Result<f64> {
    let mut session = stage.session().await?;
    sqlx::raw_sql("CHECKPOINT").execute(&mut session).await?;
    let last: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM delivery")
        .fetch_one(&mut session)
        .await?;
    let extent = Extent {
        warm_up: AFTER_CHECKPOINT,
        ..extent
    };
    let outcome = send(&extent.load(server, 64, run)?).await?;
    ensure!(outcome.refused == 0, "{} were refused", outcome.refused);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM delivery WHERE id > $1")
        .bind(last)
        .fetch_one(&mut session)
        .await?;
    ensure!(
        u64::try_from(kept)? == outcome.accepted,
        "{kept} of {}",
        outcome.accepted
    );
    Ok(outcome.rate)
}

/// Makes old deliveries about 20,000 candidates, of some hundred bytes each, and behind them those that wait.
async fn fill(stage: &Stage, old: u64) -> Result<()> {
    let mut session = stage.session().await?;
    let done = old.saturating_sub(u64::from(WAITING.deliveries));
    for from in (0..done).step_by(usize::try_from(STEP)?) {
        let to = (from + STEP).min(done);
        let deliveries = format!(
            "INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                   dover_candidate_id, dover_job_id, headers, body)
             SELECT c.id, 'old_' || n, sha256(n::text::bytea), now(), 'accepted', 'candidate.stage_changed',
                    'cand_' || lpad((n % 20000)::text, 8, '0'), 'job_' || n % 40, '{{}}', repeat('x', 200)::bytea
             FROM connection c CROSS JOIN generate_series({from}, {to} - 1) AS n"
        );
        sqlx::raw_sql(AssertSqlSafe(deliveries))
            .execute(&mut session)
            .await?;
        crate::progress(&format!("{to} old deliveries of {old}"));
    }
    WAITING.fill(&mut session).await?;
    crate::progress(&format!("{} more that wait", WAITING.deliveries));
    settle(stage).await
}

/// How long a door of each takes to answer, in milliseconds: asked in turns.
async fn asked(servers: [&Server; 2], path: &str) -> Result<[f64; 2]> {
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..ASKED {
        for (server, took) in servers.iter().zip(&mut took) {
            let began = now();
            ensure!(get(server.addr, path).await, "{path} did not answer 200");
            took.push((now() - began).as_secs_f64() * 1e3);
        }
    }
    Ok(took.map(median))
}
