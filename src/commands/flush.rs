//! `flush`: flushes now, prints what the next flush would do, answers the brake, or puts back what a flush did.

use anyhow::{Result, anyhow, bail};
use tokio_util::sync::CancellationToken;

use super::{
    database::Database,
    doctor::{connections, names},
};
use crate::{
    config::{FlushArgs, PreviewFormat},
    http::{api::flushes, problem::ApiError, sheet::Sheet},
    ids::FlushId,
    store::{
        self,
        connection::{Connection, ConnectionStatus},
        flush::{Counts, FlushStatus, Trigger},
    },
    sync::{
        Sync, answer,
        flush::{self, Started},
        preview::preview,
        undo,
    },
};

/// Prospects that a preview shows.
const PREVIEWED: usize = 1_000;

/// The same of an undo.
const UNDOABLE: i64 = 1_000;

/// What is asked of each connection.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Flush,
    Preview(PreviewFormat),
    Answer {
        flush: FlushId,
        job: Option<&'a str>,
        is_approved: bool,
    },
    Undo(FlushId),
    PreviewUndo(FlushId, PreviewFormat),
}

impl<'a> Wanted<'a> {
    fn of(args: &'a FlushArgs) -> Self {
        let answer = |flush: uuid::Uuid, is_approved| Self::Answer {
            flush: flush.into(),
            job: args.job.as_deref(),
            is_approved,
        };
        match args {
            FlushArgs {
                approve: Some(flush),
                ..
            } => answer(*flush, true),
            FlushArgs {
                refuse: Some(flush),
                ..
            } => answer(*flush, false),
            FlushArgs {
                undo: Some(flush), ..
            } if args.preview => Self::PreviewUndo((*flush).into(), args.format),
            FlushArgs {
                undo: Some(flush), ..
            } => Self::Undo((*flush).into()),
            _ if args.preview => Self::Preview(args.format),
            _ => Self::Flush,
        }
    }

    /// The flush that it is about: it belongs to one connection, whichever was named.
    const fn flush(self) -> Option<FlushId> {
        match self {
            Self::Flush | Self::Preview(_) => None,
            Self::Answer { flush, .. } | Self::Undo(flush) | Self::PreviewUndo(flush, _) => {
                Some(flush)
            }
        }
    }
}

/// Does what is wanted for the named connection, for all of them, or for the one that has the flush.
pub async fn run(args: FlushArgs, shutdown: CancellationToken) -> Result<()> {
    let database = Database::open(&args.one_shot.database).await?;
    let done = on(&database, &args, shutdown).await;
    database.close().await?;
    done
}

async fn on(database: &Database, args: &FlushArgs, shutdown: CancellationToken) -> Result<()> {
    let sync = database.sync(&args.one_shot.ashby).await?;
    let wanted = Wanted::of(args);
    let asked = connections(&sync, args.one_shot.connection.as_deref()).await?;
    let of = match wanted.flush() {
        None => asked,
        Some(flush) => vec![that_has(&sync, asked, flush).await?],
    };
    if of.len() > 1 && matches!(wanted, Wanted::Preview(format) if format != PreviewFormat::Table) {
        bail!(
            "--format json and csv are for one connection: name it with --connection; there are: {}",
            names(&of)
        );
    }
    let mut failed = Vec::new();
    for connection in of {
        // One that cannot be flushed keeps none of the others from it.
        if let Err(error) = one(&sync, &connection, wanted, shutdown.clone()).await {
            failed.push(format!("{error:#}"));
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("{}", failed.join("\n"))
    }
}

/// The one of these that has that flush.
async fn that_has(sync: &Sync, of: Vec<Connection>, flush: FlushId) -> Result<Connection> {
    let asked = names(&of);
    for connection in of {
        let found = store::flush::by_id(&sync.pool, connection.id, flush).await?;
        if found.is_some() {
            return Ok(connection);
        }
    }
    bail!(
        "there is no flush {flush} of {asked}; GET /v1/connections/{{connection}}/flushes lists them"
    )
}

async fn one(
    sync: &Sync,
    connection: &Connection,
    wanted: Wanted<'_>,
    shutdown: CancellationToken,
) -> Result<()> {
    if let Wanted::Answer {
        flush,
        job,
        is_approved,
    } = wanted
    {
        return give_answer(sync, connection, flush, job, is_approved).await;
    }
    match connection.status() {
        ConnectionStatus::Connected => {}
        ConnectionStatus::Paused => bail!("{} is paused: resume it first", connection.name),
        ConnectionStatus::NeedsAttention => {
            let why = connection.attention.as_deref().unwrap_or_default();
            bail!(
                "{} needs attention: {why} `doctor` names what to mend; a check that passes puts it back to work.",
                connection.name
            )
        }
    }
    let busy = || anyhow!("{} is being flushed by another process", connection.name);
    match wanted {
        Wanted::Preview(format) => show(sync, connection, format).await,
        Wanted::PreviewUndo(flush, format) => show_undo(sync, connection, flush, format).await,
        Wanted::Undo(flush) => {
            let able = undo::can_be_undone(sync, connection, flush).await;
            able.map_err(told)?;
            let started = flush::start_undo(sync, connection.id, flush).await?;
            run_now(sync, connection, started.ok_or_else(busy)?, shutdown).await
        }
        Wanted::Flush | Wanted::Answer { .. } => {
            let started = flush::start(sync, connection.id, Trigger::Manual).await?;
            run_now(sync, connection, started.ok_or_else(busy)?, shutdown).await
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the outcome is the output of this command"
)]
async fn run_now(
    sync: &Sync,
    connection: &Connection,
    started: Started,
    shutdown: CancellationToken,
) -> Result<()> {
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
    for question in store::brake::of_flushes(&sync.pool, &[id]).await? {
        let would = question.would;
        println!(
            "The brake stopped {} ({}): {} to archive, {} to move, {} to create; {} is {}. Look at whom it holds, then \
             `flush --approve {id}` or `flush --refuse {id}`.",
            question.title,
            question.dover_job_id,
            would.archives,
            would.moves,
            would.creates,
            question.exceeded,
            question.limit
        );
    }
    match (status, flush.and_then(|flush| flush.detail)) {
        (FlushStatus::Done, _) => Ok(()),
        (_, detail) => Err(anyhow!(
            detail.unwrap_or_else(|| "the flush did not end well".to_owned())
        )),
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the outcome is the output of this command"
)]
async fn give_answer(
    sync: &Sync,
    connection: &Connection,
    flush: FlushId,
    job: Option<&str>,
    is_approved: bool,
) -> Result<()> {
    let answered = answer::answer(sync, connection.id, flush, job, is_approved, "command line");
    answered.await.map_err(told)?;
    for question in store::brake::of_flushes(&sync.pool, &[flush]).await? {
        let (title, status) = (&question.title, question.status.word());
        println!(
            "{}: {title} ({}) is {status}",
            connection.name, question.dover_job_id
        );
    }
    Ok(())
}

async fn show(sync: &Sync, connection: &Connection, format: PreviewFormat) -> Result<()> {
    let previewed = preview(sync, connection, PREVIEWED).await;
    let previewed = previewed.map_err(told)?;
    let shown = flushes::shown(sync, previewed).await.map_err(told)?;
    let mut above = vec![format!("{}: {}", connection.name, summary(&shown.counts))];
    above.extend(shown.brake.iter().map(|stopped| {
        format!(
            "The brake would stop {} ({}): {} to archive, {} to move, {} to create; {} is {}.",
            stopped.title,
            stopped.dover_job_id,
            stopped.would.archive,
            stopped.would.r#move,
            stopped.would.create,
            stopped.limit.setting,
            stopped.limit.value
        )
    }));
    print(&flushes::sheet(&shown.items), &shown, format, &above)
}

async fn show_undo(
    sync: &Sync,
    connection: &Connection,
    flush: FlushId,
    format: PreviewFormat,
) -> Result<()> {
    let able = undo::can_be_undone(sync, connection, flush).await;
    able.map_err(told)?;
    let first = uuid::Uuid::nil().into();
    let previewed = undo::preview(sync, connection, flush, first, UNDOABLE).await;
    let previewed = previewed.map_err(told)?;
    let items = flushes::undo_items(sync, &previewed).await.map_err(told)?;
    let above = [format!(
        "{}: what an undo of {flush} would do",
        connection.name
    )];
    print(&flushes::undo_sheet(&items), &items, format, &above)
}

#[expect(
    clippy::print_stdout,
    reason = "the preview is the output of this command"
)]
fn print(
    sheet: &Sheet,
    shown: &impl serde::Serialize,
    format: PreviewFormat,
    above: &[String],
) -> Result<()> {
    match format {
        PreviewFormat::Table => println!("{}\n{}", above.join("\n"), sheet.table(None)),
        PreviewFormat::Csv => print!("{}", sheet.csv()),
        PreviewFormat::Json => println!("{}", serde_json::to_string_pretty(shown)?),
    }
    Ok(())
}

/// The error as it is told over HTTP: with what to do next.
fn told(error: impl Into<ApiError>) -> anyhow::Error {
    anyhow!("{}", error.into().problem().detail)
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
