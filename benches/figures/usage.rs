//! What processes use, from `/proc`: processor time and memory.

use std::{collections::HashMap, fs, time::Duration};

use anyhow::{Context, Result};

/// The kernel counts in hundredths of a second for everyone who asks through `/proc`, whatever it works with itself.
const TICKS_A_SECOND: f64 = 100.0;

/// One line of `/proc/<pid>/stat`.
struct Stat {
    parent: u32,
    /// Its own time, in ticks.
    own: u64,
    /// That of children that ended and were waited for.
    departed: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold blanks; what follows has a fixed order.
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: number(11)? + number(12)?,
        departed: number(13)? + number(14)?,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "ticks of a benchmark are far from 2^52"
)]
fn seconds(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / TICKS_A_SECOND)
}

/// The processor time of one process so far, all its threads.
pub(crate) fn of_process(pid: u32) -> Result<Duration> {
    let stat = stat(pid).with_context(|| format!("process {pid} is gone"))?;
    Ok(seconds(stat.own))
}

/// The processor time of a process and of its children, those that have ended too.
pub(crate) fn of_family(pid: u32) -> Result<Duration> {
    let itself = || stat(pid).with_context(|| format!("process {pid} is gone"));
    let mut before = itself()?;
    loop {
        let children = processes().into_iter().filter_map(stat);
        let living = children.filter(|child| child.parent == pid);
        let living: u64 = living.map(|child| child.own).sum();
        let after = itself()?;
        // A child that ended in between would be counted twice, or not at all.
        if after.departed == before.departed {
            return Ok(seconds(after.own + after.departed + living));
        }
        before = after;
    }
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The parent of a process.
pub(crate) fn parent(pid: u32) -> Result<u32> {
    let stat = stat(pid).with_context(|| format!("process {pid} is gone"))?;
    Ok(stat.parent)
}

/// Resident memory of a process, now and at its peak, in MiB.
pub(crate) fn memory(pid: u32) -> Result<(f64, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let lines: HashMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .collect();
    let mebibytes = |name: &str| -> Result<f64> {
        let line = lines.get(name).with_context(|| name.to_owned())?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes / 1024.0)
    };
    Ok((mebibytes("VmRSS")?, mebibytes("VmHWM")?))
}
