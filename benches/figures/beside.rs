//! Receiving beside a flush: how long the acknowledgement takes at a fixed rate while our program folds and decides a
//! backlog, and while it leaves it alone, in turns.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use anyhow::{Result, ensure};
use dover_ashby_sync::clock::SystemClock;

use crate::{
    ashby::Ashby,
    employer::Employer,
    load::Outcome,
    queue::Queue,
    receiving::Extent,
    sheet::{Sheet, float, median, spread},
    stage::{Server, Stage, flush, send},
};

/// What waits when a turn begins. Whatever comes in is about the same people, and is flushed too.
const QUEUE: Queue = Queue {
    deliveries: 100_000,
    prospects: 20_000,
    withdrawn: 0,
};
const CONNECTIONS: usize = 64;
/// Turns with a flush, and as many without.
const ROUNDS: usize = 3;
/// Deliveries a second, as far as the machine takes them.
const RATE: u32 = 10_000;
/// The least that is tried: where that is too much, the figure tells.
const LEAST: u32 = 1_000;
/// What is tried where the machine takes fewer, as a share of what was tried before.
const LESS: f64 = 0.8;
/// A rate is kept up where so much of it was answered within the time that counts.
const KEPT_UP: f64 = 0.99;
/// The longest that 99 of 100 answers may take, in milliseconds, of a rate that is kept up: those that are sent late are
/// timed from when they were due.
const QUEUEING: f64 = 50.0;

/// Where it is measured.
struct Scene {
    ashby: Ashby,
    employer: Employer,
    extent: Extent,
}

/// What was measured in one turn.
struct Turn {
    outcome: Outcome,
    /// Deliveries that were folded by its end.
    folded: u64,
    /// Decisions that were made.
    decided: u64,
}

/// Measures and notes it, at [`RATE`] or the largest rate below that receiving keeps up by itself in every round.
pub(crate) async fn measure(stage: &Stage, extent: Extent, sheet: &mut Sheet) -> Result<()> {
    let scene = Scene::set(stage, extent).await?;
    let (mut rate, mut turns) = (RATE, Vec::new());
    while turns.len() < ROUNDS {
        let alone = scene.turn(rate, false).await?;
        if !alone.keeps_up(rate) {
            crate::progress(&format!(
                "{rate} a second are too many: {:.0} were answered, p99 {:.0} ms",
                alone.outcome.rate, alone.outcome.p99
            ));
            rate = less(rate);
            turns.clear();
            continue;
        }
        let beside = scene.turn(rate, true).await?;
        crate::progress(&format!(
            "{rate} a second: p99 {:.2} ms alone, {:.2} ms beside a flush that folded {} and decided {}",
            alone.outcome.p99, beside.outcome.p99, beside.folded, beside.decided
        ));
        turns.push((alone, beside));
    }
    scene.employer.leave().await;
    scene.ashby.close().await?;
    note(rate, &turns, sheet);
    Ok(())
}

impl Turn {
    fn keeps_up(&self, rate: u32) -> bool {
        let wanted = KEPT_UP * f64::from(rate);
        rate <= LEAST || (self.outcome.rate >= wanted && self.outcome.p99 < QUEUEING)
    }
}

impl Scene {
    /// An employer whose program receives and flushes, and everybody in Ashby where Dover wants them: then a flush waits for
    /// nothing, and takes as much of the machine as it can.
    async fn set(stage: &Stage, extent: Extent) -> Result<Self> {
        let clock = Arc::new(SystemClock);
        let ashby = Ashby::open(Arc::clone(&clock) as _).await?;
        let stage = stage.twin("figures_beside").await?;
        // It makes the connection.
        let server = program(&stage, &ashby).await?;
        let employer = Employer::set(stage, &ashby, clock).await?;
        flush(server.addr).await?;
        server.stop().await?;
        employer.make_known(QUEUE.prospects).await?;
        Ok(Self {
            ashby,
            employer,
            extent,
        })
    }

    /// Receives at that rate, with everything that waits left alone or flushed.
    async fn turn(&self, rate: u32, flushing: bool) -> Result<Turn> {
        self.employer.queue(&QUEUE).await?;
        let stage = &self.employer.stage;
        let server = program(stage, &self.ashby).await?;
        let mut load = self.extent.load(&server, CONNECTIONS, "b")?;
        let length = usize::try_from(load.warm_up_ms + load.measure_ms)?;
        load.ready = length * usize::try_from(rate)? / 1_000;
        load.rate = Some(rate);
        let outcome = tokio::select! {
            outcome = send(&load) => outcome?,
            stopped = flush_again_and_again(server.addr), if flushing => stopped.map(|never| match never {})?,
        };
        let (waiting, decided) = (
            stage.count("pending").await?,
            stage.count("decision").await?,
        );
        server.stop().await?;
        ensure!(outcome.refused == 0, "{} were refused", outcome.refused);
        let whole = u64::from(QUEUE.deliveries) + outcome.accepted;
        Ok(Turn {
            outcome,
            folded: whole.saturating_sub(waiting),
            decided,
        })
    }
}

async fn program(stage: &Stage, ashby: &Ashby) -> Result<Server> {
    let address = ashby.url()?;
    let (server, _) = stage.program(&["--no-worker"], address.as_str()).await?;
    Ok(server)
}

/// One flush after the other: what comes in meanwhile is in the next one.
async fn flush_again_and_again(program: SocketAddr) -> Result<Infallible> {
    loop {
        flush(program).await?;
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a rate, rounded down"
)]
fn less(rate: u32) -> u32 {
    (f64::from(rate) * LESS) as u32
}

fn note(rate: u32, turns: &[(Turn, Turn)], sheet: &mut Sheet) {
    let alone = turns.iter().map(|(alone, _)| alone.outcome);
    let beside = turns.iter().map(|(_, beside)| beside.outcome);
    for (name, outcomes) in [
        ("alone", alone.collect::<Vec<_>>()),
        ("beside a flush", beside.collect()),
    ] {
        let middle = |what: fn(&Outcome) -> f64| median(outcomes.iter().map(what).collect());
        sheet.fact(
            format!("our inbox, {rate} a second, {name}"),
            format!(
                "{} /s; p50 {:.2}, p99 {:.2}, p99.9 {:.2} ms",
                spread(outcomes.iter().map(|it| it.rate).collect()),
                middle(|it| it.p50),
                middle(|it| it.p99),
                middle(|it| it.p999),
            ),
        );
    }
    let each = |what: fn(&Turn) -> u64| {
        let counts = turns.iter().map(|(_, beside)| float(what(beside)));
        spread(counts.collect())
    };
    sheet.fact(
        "that flush".to_owned(),
        format!(
            "{} deliveries folded, {} prospects decided by the end of the load",
            each(|turn| turn.folded),
            each(|turn| turn.decided)
        ),
    );
    let ratios = turns.iter();
    let ratios = ratios.map(|(alone, beside)| beside.outcome.p99 / alone.outcome.p99);
    sheet.at_most(
        format!("p99 at {rate} a second, beside a flush / alone"),
        median(ratios.collect()),
        3.0,
    );
}
