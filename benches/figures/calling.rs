//! What a flush asks of Ashby, and how much of the key's limit it makes use of: a simulated Ashby that allows 1,000 calls
//! a minute, people who are new to it, people to be moved and people to be archived.
//!
//! It answers after a third of a second, as the real one does, and it, our library and the limit go by a clock that runs
//! faster than the one on the wall: nothing is sped up but waiting. Where the machine is too slow for the hurry, that shows
//! as time lost.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use dover_ashby_sync::clock::Clock;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::{
    ashby::{Ashby, Calls, TITLE},
    employer::Employer,
    hands::now,
    hurry::Hurried,
    queue::Queue,
    sheet::{Sheet, float},
    stage::Stage,
};

/// Calls a minute that the simulated Ashby allows.
const LIMIT: u32 = 1_000;
/// How long it takes to answer.
const ANSWER: Duration = Duration::from_millis(333);
/// Longer than a window of the limit.
const WINDOW: Duration = Duration::from_secs(62);
/// People whom it gets at the same time, before anything is measured.
const SIDE_BY_SIDE: usize = 4;
/// The stage of those who are there and are to be moved.
const BEFORE: &str = "New Lead";
/// Who waits for the next flush.
const LEFT: &str = "prospect WHERE state <> 'synced'";
/// When they came: before anything that Dover says.
const THEN: &str = "2025-12-01T08:00:00Z";

/// Who has changed in Dover.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed {
    /// New to Ashby: two writes each.
    new: u32,
    /// To be moved: one write.
    moved: u32,
    /// To be archived: one write.
    archived: u32,
}

impl Changed {
    /// So many: half of them new, three tenths moved, two archived.
    pub(crate) const fn of(prospects: u32) -> Self {
        let (moved, archived) = (prospects / 10 * 3, prospects / 10 * 2);
        Self {
            new: prospects - moved - archived,
            moved,
            archived,
        }
    }

    const fn prospects(self) -> u32 {
        self.new + self.moved + self.archived
    }

    /// Writes that nothing gets around.
    const fn writes(self) -> u32 {
        self.prospects() + self.new
    }

    /// Pages of Ashby's lists that tell what all of this changes: its applications and its new candidates, a hundred each.
    const fn pages(self) -> u32 {
        self.prospects().div_ceil(100) + self.new.div_ceil(100)
    }
}

/// What was measured.
struct Sample {
    calls: Calls,
    /// By the clock that the limit goes by.
    took: TimeDelta,
    /// By the one on the wall.
    waited: Duration,
    /// Prospects that the next flush has to see to.
    left: u64,
}

/// Measures and notes it, on a clock that runs `speed` times as fast.
pub(crate) async fn measure(
    stage: &Stage,
    changed: Changed,
    speed: u32,
    sheet: &mut Sheet,
) -> Result<()> {
    let clock = Arc::new(Hurried::by(speed));
    let ashby = Ashby::open(Arc::clone(&clock) as _).await?;
    populate(&ashby, changed).await?;
    let stage = stage.twin("figures_calls").await?;
    let employer = Employer::set(stage, &ashby, Arc::clone(&clock) as _).await?;
    employer
        .settle_on(json!({
            "brake.max_archives": 1_000_000,
            "brake.max_archive_share": 1.0,
            "brake.max_moves": 1_000_000,
            "ashby.reserved_share": 0.0,
        }))
        .await?;
    // Reads all of Ashby: that is done once and is not what is measured.
    employer.flush().await?;
    employer
        .queue(&Queue {
            deliveries: changed.prospects(),
            prospects: changed.prospects(),
            withdrawn: changed.archived,
        })
        .await?;
    slow_down(&ashby, ANSWER / speed).await?;
    // What was asked so far counts in no window any more.
    clock.sleep(WINDOW).await;
    ashby.calls();
    let (began, at) = (now(), clock.now());
    employer.flush().await?;
    let sample = Sample {
        calls: ashby.calls(),
        took: clock.now() - at,
        waited: now() - began,
        left: employer.stage.count(LEFT).await?,
    };
    crate::progress(&format!(
        "{} prospects in {:.1?}: {}",
        changed.prospects(),
        sample.waited,
        sample.calls.described().join(", ")
    ));
    if sample.left > 0 {
        employer.flush().await?;
    }
    check(&ashby, changed).await?;
    employer.leave().await;
    ashby.close().await?;
    note(changed, speed, &sample, sheet);
    Ok(())
}

/// Lets Ashby have those who are to be moved or archived: the last ones of the queue, and of those again the last ones.
async fn populate(ashby: &Ashby, changed: Changed) -> Result<()> {
    let known = changed.new..changed.prospects();
    let made = stream::iter(known).map(|number| async move {
        let candidate = json!({
            "name": format!("Ada {number:08} Lovelace"),
            "email": format!("ada.{number:08}@example.com"),
            "at": THEN,
        });
        let candidate = ashby.control.make("candidates", candidate).await?;
        let application = json!({
            "candidateId": candidate["id"],
            "jobId": ashby.job,
            "stage": BEFORE,
            "source": "Dover",
            "at": THEN,
        });
        ashby.control.make("applications", application).await
    });
    made.buffer_unordered(SIDE_BY_SIDE)
        .try_for_each(async |_| Ok(()))
        .await
}

/// Lets every answer take so long.
async fn slow_down(ashby: &Ashby, answer: Duration) -> Result<()> {
    let fault = json!({
        "kind": "slow",
        "delay_ms": u64::try_from(answer.as_millis())?,
        "times": u32::MAX,
    });
    ashby.control.make("faults", fault).await?;
    Ok(())
}

/// Everybody is in Ashby where Dover wants them, once.
async fn check(ashby: &Ashby, changed: Changed) -> Result<()> {
    let world = ashby.control.world().await?;
    let list = |what: &str| world[what].as_array().map_or(0, Vec::len);
    let prospects = usize::try_from(changed.prospects())?;
    for what in ["candidates", "applications"] {
        ensure!(list(what) == prospects, "{} {what}", list(what));
    }
    let standing = |stage: &str| {
        let applications = world["applications"].as_array().into_iter().flatten();
        applications
            .filter(|application| application["stage"] == stage)
            .count()
    };
    let (archived, there) = (standing("Archived"), standing(crate::employer::STAGE));
    ensure!(
        archived == usize::try_from(changed.archived)? && archived + there == prospects,
        "{there} are where Dover wants them and {archived} archived"
    );
    Ok(())
}

fn note(changed: Changed, speed: u32, sample: &Sample, sheet: &mut Sheet) {
    let Sample {
        calls,
        took,
        waited,
        left,
    } = sample;
    let who = format!(
        "{} prospects on {TITLE}: {} new, {} moved, {} archived",
        changed.prospects(),
        changed.new,
        changed.moved,
        changed.archived
    );
    sheet.fact(
        who,
        format!(
            "{} writes needed; {} and {} reads made:\n{}",
            changed.writes(),
            calls.writes(),
            calls.reads(),
            calls.described().join("\n")
        ),
    );
    let needed = f64::from(changed.writes());
    let made = float(calls.writes() + calls.reads());
    sheet.at_most("calls made / writes needed".to_owned(), made / needed, 1.02);
    let reads = float(calls.reads());
    let allowed = needed / 100.0 + f64::from(changed.pages());
    sheet.at_most(
        "reads / (a hundredth of the writes + the pages of what changed in Ashby)".to_owned(),
        reads / allowed,
        1.0,
    );
    let minutes = took.as_seconds_f64() / 60.0;
    sheet.fact(
        format!("at {LIMIT} calls a minute, none left to others, on a clock {speed} times as fast"),
        format!("{minutes:.2} minutes of that clock, {waited:.0?} of ours"),
    );
    sheet.at_most(
        "time / (writes needed ÷ limit)".to_owned(),
        minutes / (needed / f64::from(LIMIT)),
        1.05,
    );
    for (what, count) in [
        ("calls turned away with 429", calls.refused),
        ("prospects left to the next flush", *left),
    ] {
        sheet.at_most(what.to_owned(), float(count), 0.0);
    }
}
