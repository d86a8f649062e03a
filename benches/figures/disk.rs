//! The disk by itself: how long it takes to keep what one commit of many deliveries writes. Whoever waits for commits waits
//! for that, and no design can do without.

use std::{
    io::{Seek, SeekFrom, Write},
    time::Duration,
};

use anyhow::Result;

use crate::{hands::now, sheet::Sheet};

/// What is written at a time: some sixty deliveries of 1 KiB.
const PIECE: usize = 64 << 10;
/// Into a file that is there already, over and over, as Postgres writes its log.
const PIECES: usize = 256;
const TIMES: usize = 1_000;

/// Measures and notes it, where temporary files lie: the database of the measurements lies there too.
pub(crate) fn measure(sheet: &mut Sheet) -> Result<()> {
    let piece = vec![1; PIECE];
    let mut file = tempfile::tempfile()?;
    file.write_all(&vec![0; PIECE * PIECES])?;
    file.sync_all()?;
    let mut took: Vec<Duration> = Vec::with_capacity(TIMES);
    for time in 0..TIMES {
        let at = (time % PIECES) * PIECE;
        file.seek(SeekFrom::Start(u64::try_from(at)?))?;
        let began = now();
        file.write_all(&piece)?;
        file.sync_data()?;
        took.push(now() - began);
    }
    took.sort_unstable();
    let quantile = |of_hundred: usize| took[TIMES * of_hundred / 100].as_secs_f64() * 1e3;
    sheet.fact(
        "the disk, 64 KiB and `fdatasync`".to_owned(),
        format!("p50 {:.2}, p99 {:.2} ms", quantile(50), quantile(99)),
    );
    Ok(())
}
