//! The sweep: every trouble at every call.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use super::{
    orders::{Trouble, troubles},
    run::{End, Place, Stage},
};

/// Runs beside each other.
const SIDE_BY_SIDE: usize = 2;

/// One time is ridden out within the call where that is harmless; five times outlast all its attempts. Each befalls every
/// other call.
const TIMES: [u32; 2] = [1, 5];

/// Calls of each endpoint that each trouble befalls in a sweep of some.
const SOME: usize = 2;

/// Cases after which it is told how far it is.
const PROGRESS: usize = 50;

/// One trouble at one call.
struct Case<'a> {
    place: &'a Place,
    name: &'static str,
    trouble: &'a Trouble,
    times: u32,
}

impl Case<'_> {
    /// What is wrong afterwards.
    async fn fails(&self, stage: &Stage, faultless: &End) -> Option<String> {
        let wrong = match stage.with(self.place, self.trouble, self.times).await {
            Ok(end) if end == *faultless => return None,
            Ok(end) => format!("\n    {}", end.differs_from(faultless)),
            Err(why) => why,
        };
        let Self {
            place, name, times, ..
        } = self;
        Some(format!("{name}, {times} times, at {place:?}: {wrong}"))
    }
}

/// Each trouble at each call.
fn all<'a>(places: &'a [Place], troubles: &'a [(&'static str, Trouble)]) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for (kind, (name, trouble)) in troubles.iter().enumerate() {
        for (number, place) in places.iter().enumerate() {
            cases.push(Case {
                place,
                name,
                trouble,
                times: TIMES[(kind + number) % TIMES.len()],
            });
        }
    }
    cases
}

/// Each trouble at some calls of each endpoint: at others from one trouble to the next, so that every call has its turn.
fn some(cases: Vec<Case<'_>>) -> Vec<Case<'_>> {
    let mut of_endpoint: BTreeMap<(&str, &str), Vec<Case<'_>>> = BTreeMap::new();
    for case in cases {
        let of_endpoint = of_endpoint.entry((case.name, &case.place.endpoint));
        of_endpoint.or_default().push(case);
    }
    let mut chosen = Vec::new();
    for (turn, (_, mut cases)) in of_endpoint.into_iter().enumerate() {
        let turn = turn * SOME % cases.len();
        cases.rotate_left(turn);
        chosen.extend(cases.into_iter().take(SOME));
    }
    chosen
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests have no config.rs between them and the environment"
)]
fn is_all_asked_for() -> bool {
    std::env::var("FAULT_SWEEP").is_ok_and(|which| which == "all")
}

#[expect(
    clippy::print_stdout,
    reason = "how many cases were tried is to be seen"
)]
fn say(what: &str) {
    println!("{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_trouble_at_every_call_leaves_the_world_as_it_would_have_been() {
    let stage = Stage::set().await;
    let (places, faultless) = stage.faultless().await;
    let troubles = troubles();
    let mut cases = all(&places, &troubles);
    let every = cases.len();
    if !is_all_asked_for() {
        cases = some(cases);
    }
    let endpoints: BTreeSet<_> = places.iter().map(|place| &place.endpoint).collect();
    say(&format!(
        "fault sweep: {} of {every} cases: {} calls of {} endpoints, {} troubles",
        cases.len(),
        places.len(),
        endpoints.len(),
        troubles.len()
    ));
    let tried = stream::iter(&cases).map(|case| case.fails(&stage, &faultless));
    let mut tried = tried.buffer_unordered(SIDE_BY_SIDE).enumerate();
    let mut failed = Vec::new();
    while let Some((number, wrong)) = tried.next().await {
        failed.extend(wrong);
        if (number + 1) % PROGRESS == 0 {
            say(&format!("fault sweep: {} cases tried", number + 1));
        }
    }
    say(&format!(
        "fault sweep: {} cases tried, {} failed",
        cases.len(),
        failed.len()
    ));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
