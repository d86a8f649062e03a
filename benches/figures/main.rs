//! The figures of `docs/performance.md`, measured here and now: `cargo bench`.
//!
//! Everything that is compared runs on this machine in turns, after durable commits, and what counts is the ratio of what
//! was measured side by side. The server, Postgres and the load generator share the machine, so the first two and the last
//! are processes of their own and their processor time is counted apart. All traffic stays on 127.0.0.1.

mod ashby;
mod beside;
mod calling;
mod deliveries;
mod design;
mod disk;
mod employer;
mod flushing;
mod hands;
mod history;
mod hurry;
mod load;
mod queue;
mod receiving;
mod sheet;
mod stage;
mod usage;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use dover_ashby_sync::clock::{Clock, SystemClock};

use crate::{
    calling::Changed, design::Design, load::Load, receiving::Extent, sheet::Sheet, stage::Stage,
};

/// Measures what the inbox and the flush can do, and prints one table. All but history, about nine minutes, unless one part
/// is asked for.
#[derive(Debug, Parser)]
struct Args {
    /// About three minutes: fewer rounds of receiving, shorter measurements elsewhere, and a tenth of the calls.
    #[arg(long)]
    quick: bool,
    /// Only this part.
    #[arg(long, value_enum, conflicts_with = "history")]
    only: Option<Part>,
    /// Only what history costs, with so many millions of old deliveries: 1 takes two minutes and 3 GB of disk, 10 seven and
    /// 15.
    #[arg(long, value_name = "MILLIONS", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    history: Option<u64>,
    /// How many times as fast the clock of the rate limit runs; 1 is real time, and takes a quarter of an hour.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=60))]
    speed: u32,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// A part of what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Our inbox beside the plain design and beside no storing at all: four minutes.
    Receiving,
    /// Receiving beside a flush: a minute.
    Beside,
    /// Folding and deciding: a minute.
    Flush,
    /// What a flush asks of Ashby, and how it keeps to the rate limit: three minutes.
    Calls,
    /// How soon our program is ready, and its size: seconds.
    Start,
}

/// What this program is when it starts itself.
#[derive(Debug, Subcommand)]
enum Role {
    /// Sends deliveries and tells what came of them.
    #[command(hide = true)]
    Load(Load),
    /// Receives in another way than our program.
    #[command(hide = true)]
    Design {
        #[arg(value_enum)]
        design: Design,
        #[arg(long)]
        url: String,
        #[arg(long)]
        master_key: String,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    match args.role {
        // One thread: it is to leave the machine to the others.
        Some(Role::Load(load)) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async {
                let outcome = load::run(load).await?;
                say(&serde_json::to_string(&outcome)?);
                Ok(())
            }),
        Some(Role::Design {
            design,
            url,
            master_key,
        }) => tokio::runtime::Runtime::new()?.block_on(design::serve(design, &url, &master_key)),
        None => tokio::runtime::Runtime::new()?.block_on(measure(&args)),
    }
}

async fn measure(args: &Args) -> Result<()> {
    let extent = if args.quick {
        turns(args)
    } else {
        Extent {
            rounds: 5,
            warm_up: Duration::from_secs(1),
            measure: Duration::from_secs(3),
        }
    };
    let mut sheet = Sheet::default();
    disk::measure(&mut sheet)?;
    let stage = Stage::set().await?;
    let measured = match args.history {
        Some(millions) => history::measure(&stage, extent, millions * 1_000_000, &mut sheet).await,
        None => parts(args, &stage, extent, &mut sheet).await,
    };
    stage.strike().await?;
    measured?;
    say(&sheet.render());
    Ok(())
}

/// How those who receive take turns. The machine itself is half as fast again from one minute to the next, and the less time
/// lies between what is compared, the less does that count: many short rounds tell more than a few long ones.
const fn turns(args: &Args) -> Extent {
    Extent {
        rounds: if args.quick { 3 } else { 15 },
        warm_up: Duration::from_millis(400),
        measure: Duration::from_secs(1),
    }
}

/// Measures all parts, or the one that was asked for.
async fn parts(args: &Args, stage: &Stage, extent: Extent, sheet: &mut Sheet) -> Result<()> {
    let is_asked_for = |part| args.only.is_none_or(|only| only == part);
    if is_asked_for(Part::Receiving) {
        receiving::measure(stage, turns(args), sheet).await?;
    }
    if is_asked_for(Part::Beside) {
        beside::measure(stage, extent, sheet).await?;
    }
    if is_asked_for(Part::Flush) {
        flushing::measure(stage, extent.rounds, sheet).await?;
    }
    if is_asked_for(Part::Calls) {
        let changed = Changed::of(if args.quick { 1_000 } else { 10_000 });
        calling::measure(stage, changed, args.speed, sheet).await?;
    }
    if is_asked_for(Part::Start) {
        history::starts(stage, extent.rounds, "on an existing database", sheet).await?;
        let size = std::fs::metadata(env!("CARGO_BIN_EXE_dover-ashby-sync"))?.len() / (1024 * 1024);
        sheet.fact("the program's size".to_owned(), format!("{size} MiB"));
    }
    Ok(())
}

/// Says something on standard output.
#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn say(text: &str) {
    println!("{text}");
}

/// Tells whoever waits how far it is.
#[expect(
    clippy::print_stderr,
    reason = "the table alone goes to standard output"
)]
fn progress(text: &str) {
    eprintln!("{text}");
}

/// Seconds since 1970, for signatures.
fn unix_time() -> i64 {
    SystemClock.now().timestamp()
}
