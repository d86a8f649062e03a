//! The load generator: a process of its own, so that its processor time is counted apart. A fixed number of connections
//! that are kept, one request at a time on each; as fast as answers come, or at a fixed rate.

use std::{cell::RefCell, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{JoinSet, LocalSet},
};

use crate::{
    deliveries::Deliveries,
    hands::{Moment, now, until},
};

/// What to send.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Load {
    /// Where to.
    #[arg(long)]
    pub(crate) addr: SocketAddr,
    /// The path.
    #[arg(long, default_value = "/webhooks/dover")]
    pub(crate) path: String,
    /// Connections that are kept.
    #[arg(long)]
    pub(crate) connections: usize,
    /// How long to send before it counts.
    #[arg(long)]
    pub(crate) warm_up_ms: u64,
    /// How long it counts.
    #[arg(long)]
    pub(crate) measure_ms: u64,
    /// Requests a second over all connections; as fast as answers come where it is left out.
    #[arg(long)]
    pub(crate) rate: Option<u32>,
    /// Tells the ids of this run from those of others.
    #[arg(long)]
    pub(crate) run: String,
    /// The webhook secret.
    #[arg(long)]
    pub(crate) secret: String,
    /// When it is said to be signed, in seconds since 1970.
    #[arg(long)]
    pub(crate) signed_at: i64,
    /// How many deliveries to sign beforehand.
    #[arg(long)]
    pub(crate) ready: usize,
    /// Send the signed ones again once all were sent: for who stores nothing.
    #[arg(long)]
    pub(crate) again: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Answered with 202 altogether, warm-up included.
    pub(crate) accepted: u64,
    /// Answered with something else.
    pub(crate) refused: u64,
    /// Answered with 202 within the time that counts, a second.
    pub(crate) rate: f64,
    /// Of those: the time that half of them took at most, in milliseconds.
    pub(crate) p50: f64,
    /// 99 of a hundred.
    pub(crate) p99: f64,
    /// 999 of a thousand.
    pub(crate) p999: f64,
    /// Processor time of this process in microseconds, signing left out.
    pub(crate) cpu_us: f64,
}

/// What the connections share.
struct Run {
    deliveries: Deliveries,
    again: bool,
    began: Moment,
    counts_from: Moment,
    ends: Moment,
    /// Between two requests at a fixed rate.
    step: Option<Duration>,
    tally: RefCell<Tally>,
}

#[derive(Default)]
struct Tally {
    sent: usize,
    accepted: u64,
    refused: u64,
    /// In microseconds, within the time that counts.
    took: Vec<u32>,
}

/// Sends the load and tells what came of it.
pub(crate) async fn run(load: Load) -> Result<Outcome> {
    let deliveries = Deliveries::new(
        &load.secret,
        &load.path,
        &load.run,
        load.signed_at,
        load.ready,
    )?;
    let mut streams = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        let stream = TcpStream::connect(load.addr).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let cpu = crate::usage::of_process(std::process::id())?;
    let began = now();
    let counts_from = began + Duration::from_millis(load.warm_up_ms);
    let run = Rc::new(Run {
        deliveries,
        again: load.again,
        began,
        counts_from,
        ends: counts_from + Duration::from_millis(load.measure_ms),
        step: load
            .rate
            .map(|rate| Duration::from_secs_f64(1.0 / f64::from(rate))),
        tally: RefCell::default(),
    });
    let local = LocalSet::new();
    let mut tasks = JoinSet::new();
    for stream in streams {
        tasks.spawn_local_on(connection(stream, Rc::clone(&run)), &local);
    }
    local
        .run_until(async {
            while let Some(ended) = tasks.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        })
        .await?;
    let cpu = crate::usage::of_process(std::process::id())?.saturating_sub(cpu);
    let run = Rc::into_inner(run).context("a connection still runs")?;
    Ok(outcome(run.tally.into_inner(), load.measure_ms, cpu))
}

fn outcome(mut tally: Tally, measure_ms: u64, cpu: Duration) -> Outcome {
    tally.took.sort_unstable();
    let quantile = |share: f64| {
        let at = (to_float(tally.took.len()) * share).floor();
        let took = tally.took.get(to_index(at)).or(tally.took.last());
        f64::from(took.copied().unwrap_or_default()) / 1e3
    };
    Outcome {
        accepted: tally.accepted,
        refused: tally.refused,
        rate: to_float(tally.took.len()) / Duration::from_millis(measure_ms).as_secs_f64(),
        p50: quantile(0.5),
        p99: quantile(0.99),
        p999: quantile(0.999),
        cpu_us: cpu.as_secs_f64() * 1e6,
    }
}

async fn connection(mut stream: TcpStream, run: Rc<Run>) -> Result<()> {
    let (mut request, mut answer) = (Vec::with_capacity(2_048), vec![0; 16_384]);
    loop {
        let number = {
            let mut tally = run.tally.borrow_mut();
            tally.sent += 1;
            tally.sent - 1
        };
        let Some(began) = begin(&run, number).await else {
            return Ok(());
        };
        let name = if run.again {
            number % run.deliveries.ready()
        } else {
            number
        };
        run.deliveries.write(name, &mut request);
        stream.write_all(&request).await?;
        let status = status(&mut stream, &mut answer).await?;
        let ended = now();
        let mut tally = run.tally.borrow_mut();
        if status != 202 {
            tally.refused += 1;
            continue;
        }
        tally.accepted += 1;
        if ended >= run.counts_from && ended < run.ends {
            let took = (ended - began).as_micros();
            tally.took.push(u32::try_from(took).unwrap_or(u32::MAX));
        }
    }
}

/// A timer of the runtime has steps of a millisecond: a request that is sent this much late, or less, is timed from when it
/// was sent. One that is later waited for us, and is timed from when it was due.
const LATE: Duration = Duration::from_millis(3);

/// When the request of that number begins; `None` once the time is over.
async fn begin(run: &Run, number: usize) -> Option<Moment> {
    let Some(step) = run.step else {
        return Some(now()).filter(|now| *now < run.ends);
    };
    let due = run.began + step * u32::try_from(number).ok()?;
    if due >= run.ends {
        return None;
    }
    until(due).await;
    let sent = now();
    Some(if sent - due > LATE { due } else { sent })
}

/// Reads one answer to its end and gives its status.
async fn status(stream: &mut TcpStream, answer: &mut [u8]) -> Result<u16> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut answer[filled..]).await?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        filled += read;
        let text = &answer[..filled];
        let Some(head) = text.windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let head = str::from_utf8(&text[..head])?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.context("an answer without a length")?.parse()?;
        if filled >= head.len() + 4 + length {
            let status = head
                .split(' ')
                .nth(1)
                .context("an answer without a status")?;
            return Ok(status.parse()?);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are far from 2^52"
)]
const fn to_float(number: usize) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a length, rounded down"
)]
const fn to_index(number: f64) -> usize {
    number as usize
}
