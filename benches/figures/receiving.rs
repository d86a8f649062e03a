//! Receiving: our inbox, the plain design and no storing at all, in turns, so that whatever else the machine does falls on
//! each of them alike.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{
    design::Design,
    load::{Load, Outcome},
    sheet::{Sheet, float, median, spread},
    stage::{SECRET, Server, Stage, send},
    usage,
};

/// Connections that are kept, in the order of the rounds.
const CONNECTIONS: [usize; 3] = [64, 256, 1];

/// Who receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Ours,
    Plain,
    HttpOnly,
}

const ALL: [Who; 3] = [Who::Ours, Who::Plain, Who::HttpOnly];

impl Who {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "our inbox",
            Self::Plain => "plain design",
            Self::HttpOnly => "HTTP only",
        }
    }

    /// The table that must hold what was accepted.
    const fn table(self) -> Option<&'static str> {
        match self {
            Self::Ours => Some("delivery"),
            Self::Plain => Some("plain"),
            Self::HttpOnly => None,
        }
    }

    /// Where what was accepted waits to be worked on.
    const fn queue(self) -> Option<&'static str> {
        match self {
            Self::Ours => Some("pending"),
            Self::Plain => Some("plain WHERE done_at IS NULL"),
            Self::HttpOnly => None,
        }
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Rounds, of which the median counts.
    pub(crate) rounds: usize,
    /// Before it counts.
    pub(crate) warm_up: Duration,
    /// While it counts.
    pub(crate) measure: Duration,
}

impl Extent {
    /// A load as long as this, at our path, as fast as answers come.
    pub(crate) fn load(&self, server: &Server, connections: usize, run: &str) -> Result<Load> {
        let whole = (self.warm_up + self.measure).as_secs() + 1;
        Ok(Load {
            addr: server.addr,
            path: "/webhooks/dover".to_owned(),
            connections,
            warm_up_ms: u64::try_from(self.warm_up.as_millis())?,
            measure_ms: u64::try_from(self.measure.as_millis())?,
            rate: None,
            run: run.to_owned(),
            secret: SECRET.to_owned(),
            signed_at: crate::unix_time(),
            ready: usize::try_from(whole)? * if connections == 1 { 8_000 } else { 50_000 },
            again: false,
        })
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Sample {
    who: Who,
    connections: usize,
    outcome: Outcome,
    /// Microseconds of processor time an accepted request: the server's, Postgres', the generator's.
    cpu: [f64; 3],
    /// MiB.
    memory: f64,
    /// Deliveries that wait at the end.
    backlog: u64,
}

/// Measures and notes it all.
pub(crate) async fn measure(stage: &Stage, extent: Extent, sheet: &mut Sheet) -> Result<()> {
    let (ours, _) = stage
        .program(&["--no-worker"], "http://127.0.0.1:1")
        .await?;
    stage.make_plain_table().await?;
    let plain = stage.design(Design::Plain).await?;
    let http_only = stage.design(Design::HttpOnly).await?;
    let mut samples = Vec::new();
    for round in 0..extent.rounds {
        for connections in CONNECTIONS {
            for turn in 0..ALL.len() {
                let who = ALL[(round + turn) % ALL.len()];
                let server = match who {
                    Who::Ours => &ours,
                    Who::Plain => &plain,
                    Who::HttpOnly => &http_only,
                };
                let run = format!("r{round}");
                let load = extent.load(server, connections, &run)?;
                let sample = sample(stage, who, server, load).await?;
                crate::progress(&format!("round {}: {}", round + 1, described(&sample)));
                samples.push(sample);
            }
        }
    }
    note_samples(&samples, sheet);
    note_ratios(&samples, sheet);
    Ok(())
}

async fn sample(stage: &Stage, who: Who, server: &Server, mut load: Load) -> Result<Sample> {
    stage.clear().await?;
    load.again = who == Who::HttpOnly;
    let pid = server.pid()?;
    let (server_before, postgres_before) = (usage::of_process(pid)?, stage.postgres_time()?);
    let outcome = send(&load).await?;
    let server_time = usage::of_process(pid)?.saturating_sub(server_before);
    let postgres_time = stage.postgres_time()?.saturating_sub(postgres_before);
    ensure!(
        outcome.refused == 0,
        "{} refused {} of {}",
        who.name(),
        outcome.refused,
        outcome.refused + outcome.accepted
    );
    if let Some(table) = who.table() {
        let kept = stage.count(table).await?;
        ensure!(
            kept == outcome.accepted,
            "{} acknowledged {} and kept {kept}",
            who.name(),
            outcome.accepted
        );
    }
    let backlog = match who.queue() {
        Some(queue) => stage.count(queue).await?,
        None => 0,
    };
    let each = |time: Duration| time.as_secs_f64() * 1e6 / accepted(&outcome);
    Ok(Sample {
        who,
        connections: load.connections,
        cpu: [
            each(server_time),
            each(postgres_time),
            outcome.cpu_us / accepted(&outcome),
        ],
        memory: usage::memory(pid)?.0,
        backlog,
        outcome,
    })
}

fn accepted(outcome: &Outcome) -> f64 {
    float(outcome.accepted.max(1))
}

fn described(sample: &Sample) -> String {
    let Sample {
        outcome,
        cpu: [server, postgres, load],
        ..
    } = sample;
    format!(
        "{:>12} {:>3} connections {:>6.0}/s  p50 {:.2} p99 {:.2} ms  cpu {server:.1} + {postgres:.1} (+ {load:.1}) µs",
        sample.who.name(),
        sample.connections,
        outcome.rate,
        outcome.p50,
        outcome.p99
    )
}

/// What was measured of one of them, round by round.
fn of(samples: &[Sample], who: Who, connections: usize, what: impl Fn(&Sample) -> f64) -> Vec<f64> {
    let these = samples
        .iter()
        .filter(|sample| sample.who == who && sample.connections == connections);
    these.map(what).collect()
}

fn note_samples(samples: &[Sample], sheet: &mut Sheet) {
    for connections in CONNECTIONS {
        for who in ALL {
            let series = |what: fn(&Sample) -> f64| of(samples, who, connections, what);
            let middle = |what: fn(&Sample) -> f64| median(series(what));
            sheet.fact(
                format!("{}, {connections} connections", who.name()),
                format!(
                    "{} /s; p50 {:.2}, p99 {:.2}, p99.9 {:.2} ms; CPU {:.1} + {:.1} µs (generator {:.1}); {:.0} MiB; backlog {:.0}",
                    spread(series(|sample| sample.outcome.rate)),
                    middle(|sample| sample.outcome.p50),
                    middle(|sample| sample.outcome.p99),
                    middle(|sample| sample.outcome.p999),
                    middle(|sample| sample.cpu[0]),
                    middle(|sample| sample.cpu[1]),
                    middle(|sample| sample.cpu[2]),
                    middle(|sample| sample.memory),
                    middle(|sample| float(sample.backlog)),
                ),
            );
        }
    }
}

/// The median over the rounds of what one measures against another in the same round.
fn ratio(
    samples: &[Sample],
    one: Who,
    other: Who,
    connections: usize,
    what: fn(&Sample) -> f64,
) -> f64 {
    let ones = of(samples, one, connections, what);
    let others = of(samples, other, connections, what);
    median(
        ones.iter()
            .zip(others)
            .map(|(one, other)| one / other)
            .collect(),
    )
}

fn note_ratios(samples: &[Sample], sheet: &mut Sheet) {
    let rate: fn(&Sample) -> f64 = |sample| sample.outcome.rate;
    for (connections, least) in [(64, 3.5), (256, 4.5)] {
        let times = ratio(samples, Who::Ours, Who::Plain, connections, rate);
        let name = format!("throughput / the plain design, {connections} connections");
        sheet.at_least(name, times, least);
    }
    for (connections, least) in [(64, 0.35), (256, 0.40)] {
        let times = ratio(samples, Who::Ours, Who::HttpOnly, connections, rate);
        let name = format!("throughput / HTTP only, {connections} connections");
        sheet.at_least(name, times, least);
    }
    // What the plain design takes here tells how fast this machine is; 16 and 18 µs were asked for where it takes 55 and 103.
    for (part, name, most) in [(0, "server", 16.0 / 55.0), (1, "Postgres", 18.0 / 103.0)] {
        let ones = of(samples, Who::Ours, 64, |sample| sample.cpu[part]);
        let others = of(samples, Who::Plain, 64, |sample| sample.cpu[part]);
        let share = median(ones.iter().zip(others).map(|(a, b)| a / b).collect());
        let name = format!("CPU a request of the {name} / the plain design's, 64 connections");
        sheet.at_most(name, share, most);
    }
    let p99 = ratio(samples, Who::Ours, Who::Plain, 64, |sample| {
        sample.outcome.p99
    });
    sheet.at_most(
        "p99 / the plain design's, 64 connections".to_owned(),
        p99,
        0.35,
    );
    let p50 = ratio(samples, Who::Ours, Who::Plain, 1, |sample| {
        sample.outcome.p50
    });
    sheet.at_most(
        "p50 / the plain design's, 1 connection".to_owned(),
        p50,
        1.0,
    );
}
