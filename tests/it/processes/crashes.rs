//! Killed at every step: before and after each call to Ashby and each commit. Started again, the program comes to the same
//! end as if nothing had happened.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt, future::join_all, stream};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    Door,
    ashby::Ashby,
    client, door, furnished, is_acknowledged, let_doubts_grow_old, let_leases_run_out, now,
    postgres_proxy::PostgresProxy,
    program::Program,
    say, setting,
    steps::{Step, Steps},
    stored,
};
use crate::{
    app::CONNECTION,
    database::{TestDatabase, database},
    patience::Patience,
    scenario::{Scenario, outcome},
};

/// Cases that run side by side.
const SIDE_BY_SIDE: usize = 4;

/// Every so many-th step is tried, unless `CRASH_SWEEP` is `all`.
const STRIDE: usize = 7;

/// How far Ashby's lists and its search lag until the first flush after the kill is over. Who was created right before the
/// kill is not to be seen there: only the intent tells. The background is older.
const LAG_SECONDS: u32 = 1_200;

/// Flushes within which everything must have come to its end.
const FLUSHES: usize = 4;

/// What all cases start from, and what they must come to.
#[derive(Clone)]
struct Ground {
    http: Client,
    scenario: Arc<Scenario>,
    /// Connected, and the jobs registered.
    registered: Arc<TestDatabase>,
    /// The same with every delivery received.
    received: Arc<TestDatabase>,
    /// What is in Ashby at the end, and where each prospect stands.
    end: Arc<(Vec<Value>, Vec<String>)>,
    /// The steps of a flush without a fault.
    steps: Vec<Step>,
}

/// One run, with a database and an Ashby of its own.
struct Case {
    steps: Arc<Steps>,
    database: TestDatabase,
    ashby: Ashby,
    proxy: PostgresProxy,
}

impl Case {
    async fn from(database: &TestDatabase, scenario: &Scenario) -> Self {
        let steps: Arc<Steps> = Arc::default();
        let (database, ashby) =
            tokio::join!(database.copy(), furnished(scenario, Arc::clone(&steps)));
        let proxy = PostgresProxy::before(&database.url, Arc::clone(&steps)).await;
        let case = Self {
            steps,
            database,
            ashby,
            proxy,
        };
        case.lag(LAG_SECONDS).await;
        case
    }

    /// Lets Ashby's lists and search show only what is so old.
    async fn lag(&self, seconds: u32) {
        let lag = json!({ "listLagSeconds": seconds });
        self.ashby.make("switches", lag).await;
    }

    /// Starts the program behind the proxy.
    async fn program(&self) -> Program {
        Program::serve_alone(&setting(&self.proxy.url, &self.ashby)).await
    }
}

/// Sends one delivery of the scenario. Answers whether it was acknowledged.
async fn send(door: &Door, scenario: &Scenario, number: usize) -> bool {
    let (id, delivery) = (webhook_id(number), &scenario.deliveries[number]);
    let answer = door.deliver(CONNECTION, &id, delivery);
    is_acknowledged(&answer.await)
}

/// Sends every delivery of the scenario until it is acknowledged. A program on a machine that is busy enough may send some
/// away.
async fn send_all(door: &Door, scenario: &Scenario) {
    let all = (0..scenario.deliveries.len()).map(|number| async move {
        let patience = Patience::of(60, "a delivery is taken");
        while !send(door, scenario, number).await {
            patience.wait().await;
        }
    });
    join_all(all).await;
}

fn webhook_id(number: usize) -> String {
    format!("msg_{number}")
}

/// Flushes until everything has come to its end, and once more, which must write nothing.
async fn finish(case: &Case, door: &Door, what: &str) {
    for _ in 0..FLUSHES {
        let patience = Patience::of(60, what);
        while door.flush().await.unwrap().body["status"] != "done" {
            patience.wait().await;
        }
        // From here on Ashby's lists show everything.
        case.lag(0).await;
        let_doubts_grow_old(&case.database.pool).await;
    }
    let writes = case.ashby.writes().await;
    let flush = door.flush().await.unwrap().ok();
    assert_eq!(flush["ashby_calls"]["write"], 0, "{what}: {flush}");
    assert_eq!(case.ashby.writes().await, writes, "{what}");
    let health = door.get("/health").await.ok();
    assert_eq!(health["queue"]["pending"], 0, "{what}: {health}");
    assert_eq!(health["queue"]["parked"], 1, "{what}: {health}");
}

impl Ground {
    /// Connects, registers and receives, and runs it once without a fault.
    async fn prepare() -> Self {
        let (http, scenario, registered) = (client(), Scenario::as_of(now()), database().await);
        let ashby = furnished(&scenario, Arc::default()).await;
        let program = Program::serve_alone(&setting(&registered.url, &ashby)).await;
        let its = door(&http, &program);
        its.connect(CONNECTION).await;
        its.register(CONNECTION).await;
        its.release_the_brake(CONNECTION).await;
        program.kill().await;

        registered.freeze().await;
        let received = registered.copy().await;
        let program = Program::serve_alone(&setting(&received.url, &ashby)).await;
        let its = door(&http, &program);
        send_all(&its, &scenario).await;
        program.kill().await;

        received.freeze().await;
        let case = Case::from(&received, &scenario).await;
        let program = case.program().await;
        let its = door(&http, &program);
        case.steps.count(None);
        its.flush().await.unwrap().ok();
        let (steps, _) = case.steps.done();
        finish(&case, &its, "without a fault").await;
        let end = (outcome(&case.ashby.world()), its.states().await);
        let names: HashSet<String> = end.0.iter().map(|one| one["name"].to_string()).collect();
        assert_eq!(names.len(), end.0.len(), "everybody is there once");
        program.kill().await;
        case.database.gone().await;
        Self {
            http,
            scenario: Arc::new(scenario),
            registered: Arc::new(registered),
            received: Arc::new(received),
            end: Arc::new(end),
            steps,
        }
    }

    /// Starts the program again, drives it to the end, and holds that against the end without a fault.
    async fn recover(&self, case: &Case, what: &str) {
        let_leases_run_out(&case.database.pool).await;
        let program = Program::serve_alone(&setting(&case.database.url, &case.ashby)).await;
        let its = door(&self.http, &program);
        // What was not acknowledged is sent again, as its sender does.
        send_all(&its, &self.scenario).await;
        finish(case, &its, what).await;
        let world = outcome(&case.ashby.world());
        for (found, wanted) in world.iter().zip(&self.end.0) {
            assert_eq!(found, wanted, "{what}\n{}", program.log());
        }
        assert_eq!(world.len(), self.end.0.len(), "{what}");
        assert_eq!(its.states().await, self.end.1, "{what}");
        program.kill().await;
    }

    /// Killed in mid-flush at the step of that number. `None`: the flush had fewer.
    async fn flush_killed_at(self, number: usize) -> Option<Step> {
        let case = Case::from(&self.received, &self.scenario).await;
        let program = case.program().await;
        let its = door(&self.http, &program);
        case.steps.count(Some((program.pid(), number)));
        let answer = its.flush().await;
        let (_, killed_at) = case.steps.done();
        if let Some(step) = &killed_at {
            assert!(answer.is_err(), "{step:?}: it lives");
            program.ended().await;
        }
        let what = format!("killed at step {number}, {killed_at:?}");
        self.recover(&case, &what).await;
        case.database.gone().await;
        killed_at
    }

    /// Killed while it receives, at the step of that number. Answers the step, and how many deliveries were acknowledged
    /// before.
    async fn receipt_killed_at(self, number: usize, at_once: bool) -> (Option<Step>, usize) {
        let case = Case::from(&self.registered, &self.scenario).await;
        let program = case.program().await;
        let its = door(&self.http, &program);
        case.steps.count(Some((program.pid(), number)));
        let all = 0..self.scenario.deliveries.len();
        let side_by_side = if at_once { all.len() } else { 1 };
        let (its, scenario) = (&its, &self.scenario);
        let sent = stream::iter(
            all.map(|number| async move { (number, send(its, scenario, number).await) }),
        );
        let sent: Vec<(usize, bool)> = sent.buffer_unordered(side_by_side).collect().await;
        let (_, killed_at) = case.steps.done();
        if killed_at.is_some() {
            program.ended().await;
        }
        let acknowledged = sent.into_iter().filter(|(_, acknowledged)| *acknowledged);
        let acknowledged: Vec<String> =
            acknowledged.map(|(number, _)| webhook_id(number)).collect();
        let what = format!("killed while receiving, step {number}, {killed_at:?}");
        assert_eq!(
            stored(&case.database.pool, &acknowledged).await,
            acknowledged.len(),
            "{what}: one is lost"
        );
        self.recover(&case, &what).await;
        case.database.gone().await;
        (killed_at, acknowledged.len())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests have no config.rs between them and the environment"
)]
fn stride() -> usize {
    let all = std::env::var("CRASH_SWEEP").is_ok_and(|sweep| sweep == "all");
    if all { 1 } else { STRIDE }
}

/// Runs cases, a few at a time; each begins when it is asked for.
async fn side_by_side<T>(cases: impl Iterator<Item = JoinHandle<T>>) -> Vec<T> {
    let cases = stream::iter(cases).buffer_unordered(SIDE_BY_SIDE);
    cases.map(Result::unwrap).collect().await
}

/// How many of each kind were tried.
fn tell(what: &str, steps: impl Iterator<Item = Step>) {
    let mut kinds: BTreeMap<Step, usize> = BTreeMap::new();
    for step in steps {
        *kinds.entry(step).or_default() += 1;
    }
    let total: usize = kinds.values().sum();
    say(&format!("{what}: {total} crash points, all recovered"));
    for (step, count) in kinds {
        say(&format!("  {count:>4} {step:?}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_step_of_a_flush_it_comes_to_the_same_end() {
    let ground = Ground::prepare().await;
    let all = ground.steps.len();
    let cases = (0..all).step_by(stride());
    let cases = cases.map(|number| tokio::spawn(ground.clone().flush_killed_at(number)));
    let killed: Vec<Option<Step>> = side_by_side(cases).await;
    // The order of what runs side by side varies a little from run to run, and with it how many steps there are.
    let beyond = killed.iter().filter(|step| step.is_none()).count();
    assert!(
        beyond <= 1 + killed.len() / 50,
        "{beyond} of {} were not killed",
        killed.len()
    );
    tell(
        &format!("a flush of {all} steps"),
        killed.into_iter().flatten(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_stored_whenever_it_is_killed() {
    let ground = Ground::prepare().await;
    let steps = 2 * ground.scenario.deliveries.len();
    let one_by_one = (0..steps).step_by(stride()).map(|number| (number, false));
    // Together they are committed in a few groups.
    let at_once = (0..6).map(|number| (number, true));
    let cases = one_by_one
        .chain(at_once)
        .map(|(number, at_once)| tokio::spawn(ground.clone().receipt_killed_at(number, at_once)));
    let killed: Vec<(Option<Step>, usize)> = side_by_side(cases).await;
    let acknowledged: usize = killed.iter().map(|(_, acknowledged)| acknowledged).sum();
    say(&format!(
        "{acknowledged} deliveries were acknowledged before a kill, 0 of them lost"
    ));
    tell("receiving", killed.into_iter().filter_map(|(step, _)| step));
}
