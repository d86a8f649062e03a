//! `flush`: flushes now, or prints what the next flush would do.

use anyhow::{Result, anyhow, bail};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use tokio_util::sync::CancellationToken;

use super::{database::Database, doctor::connections};
use crate::{
    config::FlushArgs,
    store::{
        self,
        connection::{Connection, ConnectionStatus},
        flush::{Counts, FlushStatus, Trigger},
    },
    sync::{Sync, flush, preview::preview},
};

/// Prospects that a preview shows.
const PREVIEWED: usize = 1_000;

/// Flushes or previews the named connection, or all of them.
pub async fn run(args: FlushArgs, shutdown: CancellationToken) -> Result<()> {
    let database = Database::open(&args.one_shot.database).await?;
    let mut sync = database.sync(&args.one_shot.ashby)?;
    let master_key = args.one_shot.ashby.master_key.as_ref();
    sync.vault = database.claimed(&sync.pool, master_key).await?;
    let mut failed = Vec::new();
    for connection in connections(&sync, args.one_shot.connection.as_deref()).await? {
        // One that cannot be flushed keeps none of the others from it.
        if let Err(error) = one(&sync, &connection, args.preview, shutdown.clone()).await {
            failed.push(format!("{error:#}"));
        }
    }
    database.close().await?;
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("{}", failed.join("\n"))
    }
}

async fn one(
    sync: &Sync,
    connection: &Connection,
    is_preview: bool,
    shutdown: CancellationToken,
) -> Result<()> {
    match connection.status() {
        ConnectionStatus::Connected if is_preview => show(sync, connection).await,
        ConnectionStatus::Connected => flush_now(sync, connection, shutdown).await,
        ConnectionStatus::Paused => bail!("{} is paused: resume it first", connection.name),
        ConnectionStatus::NeedsAttention => {
            let why = connection.attention.as_deref().unwrap_or_default();
            bail!("{} needs attention: {why} Run `doctor`.", connection.name)
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the outcome is the output of this command"
)]
async fn flush_now(
    sync: &Sync,
    connection: &Connection,
    shutdown: CancellationToken,
) -> Result<()> {
    let Some(started) = flush::start(sync, connection.id, Trigger::Manual).await? else {
        bail!("{} is being flushed by another process", connection.name);
    };
    let id = started.id;
    let status = started.run(sync, shutdown).await?;
    let flush = store::flush::by_id(&sync.pool, connection.id, id).await?;
    let counts = flush.as_ref().map(|flush| flush.counts).unwrap_or_default();
    println!(
        "{}: {} - {}",
        connection.name,
        status.word(),
        summary(&counts)
    );
    match (status, flush.and_then(|flush| flush.detail)) {
        (FlushStatus::Done, _) => Ok(()),
        (_, detail) => Err(anyhow!(
            detail.unwrap_or_else(|| "the flush did not end well".to_owned())
        )),
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the preview is the output of this command"
)]
async fn show(sync: &Sync, connection: &Connection) -> Result<()> {
    let previewed = preview(sync, connection, PREVIEWED).await;
    let (items, counts) = previewed.map_err(|stop| anyhow!("the preview stopped: {stop:?}"))?;
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["prospect", "job", "action", "reason", "why"]);
    for item in &items {
        table.add_row([
            item.prospect.dover_candidate_id.as_str(),
            item.prospect.dover_job_id.as_str(),
            item.plan.action().word(),
            item.plan.because.code(),
            &item.plan.sentence(),
        ]);
    }
    println!("{}: {}\n{table}", connection.name, summary(&counts));
    Ok(())
}

fn summary(counts: &Counts) -> String {
    format!(
        "{} prospects: {} created, {} moved, {} archived, {} unchanged, {} skipped, {} parked, {} not through",
        counts.prospects,
        counts.created,
        counts.moved,
        counts.archived,
        counts.unchanged,
        counts.skipped,
        counts.parked,
        counts.failed
    )
}
