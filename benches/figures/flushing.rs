//! The flush: how long folding takes, and deciding whoever needs nothing of Ashby. Our own library works in this process,
//! over the durable Postgres; the simulated Ashby answers what a flush asks of it in any case, a handful of calls.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use dover_ashby_sync::{clock::SystemClock, sync::fold};

use crate::{
    ashby::Ashby,
    employer::{Employer, settle},
    hands::now,
    queue::Queue,
    sheet::{Sheet, median, spread},
    stage::Stage,
};

/// What waits.
const QUEUE: Queue = Queue {
    deliveries: 100_000,
    prospects: 20_000,
    withdrawn: 0,
};

/// Measures and notes it.
pub(crate) async fn measure(stage: &Stage, rounds: usize, sheet: &mut Sheet) -> Result<()> {
    let ashby = Ashby::open(Arc::new(SystemClock)).await?;
    let stage = stage.twin("figures_flush").await?;
    let employer = Employer::set(stage, &ashby, Arc::new(SystemClock)).await?;
    employer.flush().await?;
    employer.make_known(QUEUE.prospects).await?;
    let (mut folds, mut drains) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let (fold, drain) = once(&employer, round).await?;
        folds.push(fold.as_secs_f64());
        drains.push(drain.as_secs_f64());
    }
    employer.leave().await;
    ashby.close().await?;
    note(&folds, &drains, sheet);
    Ok(())
}

fn note(folds: &[f64], drains: &[f64], sheet: &mut Sheet) {
    let milliseconds = |took: &[f64]| spread(took.iter().map(|it| it * 1e3).collect());
    for (name, took) in [
        ("folding 100,000 deliveries", folds),
        ("deciding 20,000 prospects", drains),
    ] {
        sheet.fact(name.to_owned(), format!("{} ms", milliseconds(took)));
    }
    sheet.at_most(
        "seconds to fold 100,000 deliveries over 20,000 prospects".to_owned(),
        median(folds.to_vec()),
        0.5,
    );
    let whole = folds.iter().zip(drains).map(|(fold, drain)| fold + drain);
    sheet.at_least(
        "deliveries a second, folded and decided, no call needed".to_owned(),
        median(whole.map(|it| f64::from(QUEUE.deliveries) / it).collect()),
        60_000.0,
    );
    let prospects = drains.iter().map(|it| f64::from(QUEUE.prospects) / it);
    sheet.at_least(
        "prospects a second, decided, no call needed".to_owned(),
        median(prospects.collect()),
        20_000.0,
    );
}

/// One measurement: how long folding took, and deciding.
async fn once(employer: &Employer, round: usize) -> Result<(Duration, Duration)> {
    employer.queue(&QUEUE).await?;
    let began = now();
    let folded = fold::fold(&employer.sync, &employer.connection).await?;
    let fold = now() - began;
    crate::progress(&format!("round {round}: folded in {fold:.2?}"));
    ensure!(
        folded == usize::try_from(QUEUE.deliveries)?,
        "{folded} folded"
    );
    settle(&employer.stage).await?;
    let began = now();
    employer.flush().await?;
    let drain = now() - began;
    crate::progress(&format!("round {round}: decided in {drain:.2?}"));
    check(&employer.stage).await?;
    Ok((fold, drain))
}

/// Nothing waits any more, and everybody was found where Dover wants them.
async fn check(stage: &Stage) -> Result<()> {
    let decided = "decision WHERE reason = 'already-there'";
    let linked = "prospect WHERE state = 'synced' AND application_id IS NOT NULL";
    for what in [decided, linked] {
        let count = stage.count(what).await?;
        ensure!(count == u64::from(QUEUE.prospects), "{count} of {what}");
    }
    for what in ["pending", "prospect WHERE waits_since IS NOT NULL"] {
        ensure!(stage.count(what).await? == 0, "some wait: {what}");
    }
    Ok(())
}
