//! What history costs: receiving, starting and being asked, with empty tables and with full ones, in turns.

use std::time::Duration;

use anyhow::{Result, ensure};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    hands::now,
    receiving::Extent,
    sheet::{Sheet, median, spread},
    stage::{Server, Stage, get, send},
    usage,
};

/// Of the old deliveries that are made, so many wait.
const PENDING: u64 = 1_000_000;
/// Rows that are made in one statement.
const STEP: u64 = 500_000;
/// How often each door is asked.
const ASKED: usize = 31;

/// Fills a database with `old` deliveries, of which the last million wait, and measures beside an empty one.
pub(crate) async fn measure(
    stage: &Stage,
    extent: Extent,
    old: u64,
    sheet: &mut Sheet,
) -> Result<()> {
    let empty = stage.twin("figures_empty").await?;
    let full = stage.twin("figures_full").await?;
    let worker = ["--no-worker"];
    let (on_empty, _) = empty.program(&worker, "http://127.0.0.1:1").await?;
    let (on_full, _) = full.program(&worker, "http://127.0.0.1:1").await?;
    fill(&mut full.session().await?, old).await?;
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
    let what = format!("{} M old deliveries, 1 M of them pending", old / 1_000_000);
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
        let (one, other) = (asked(&on_empty, path).await?, asked(&on_full, path).await?);
        let name = format!("`GET {path}` with {what} / empty ({other:.2} / {one:.2} ms)");
        sheet.at_most(name, other / one, 1.5);
    }
    sheet.at_most(
        format!("MiB resident with {what}"),
        usage::memory(on_full.pid()?)?.1,
        60.0,
    );
    drop(on_full);
    starts(&full, extent.rounds, &what, sheet).await
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

/// Makes old deliveries about 20,000 candidates, of some hundred bytes each, and lets the last million wait.
async fn fill(session: &mut PgConnection, old: u64) -> Result<()> {
    for from in (0..old).step_by(usize::try_from(STEP)?) {
        let to = (from + STEP).min(old);
        let deliveries = format!(
            "WITH made AS (
                INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type,
                                      dover_candidate_id, dover_job_id, headers, body)
                SELECT c.id, 'old_' || n, sha256(n::text::bytea), now(), 'accepted', 'candidate.stage_changed',
                       'cand_' || lpad((n % 20000)::text, 8, '0'), 'job_' || n % 40, '{{}}', repeat('x', 200)::bytea
                FROM connection c CROSS JOIN generate_series({from}, {to} - 1) AS n
                RETURNING id, connection_id, received_at)
             INSERT INTO pending (delivery_id, connection_id, received_at)
             SELECT * FROM made WHERE {from} >= {old} - {PENDING}"
        );
        sqlx::raw_sql(AssertSqlSafe(deliveries))
            .execute(&mut *session)
            .await?;
        crate::progress(&format!("{to} old deliveries of {old}"));
    }
    sqlx::raw_sql("VACUUM ANALYZE").execute(session).await?;
    Ok(())
}

/// How long a door takes to answer, in milliseconds.
async fn asked(server: &Server, path: &str) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..ASKED {
        let began = now();
        ensure!(get(server.addr, path).await, "{path} did not answer 200");
        took.push((now() - began).max(Duration::ZERO).as_secs_f64() * 1e3);
    }
    Ok(median(took))
}
