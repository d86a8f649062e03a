//! One run of the scenario: with trouble at one call, or with none.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use dover_ashby_sync::{
    ashby::{http_client, http_client_with_timeout},
    clock::ManualClock,
};
use reqwest::{Client, Method, dns};
use serde_json::{Value, json};

use super::{orders::Trouble, scenario};
use crate::{
    app::{Now, TestApp},
    operator,
};

/// How long the client waits where it is to lose patience. A call takes a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(400);

/// A call that will be made in every run, whatever runs beside it: the how-manieth of an endpoint about somebody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) endpoint: String,
    about: Option<String>,
    nth: u32,
    /// Its number among all calls. Calls beside each other may change places.
    pub(super) number: u32,
}

/// What is left of a run: Ashby's world without ids and times, and where each prospect is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    candidates: Vec<String>,
    applications: Vec<String>,
    prospects: BTreeMap<String, String>,
}

/// The scenario up to the flush, to be gone on with any number of times.
pub(super) struct Stage {
    frozen: TestApp,
    at: DateTime<Utc>,
    said_at: DateTime<Utc>,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let (app, said_at) = scenario::until_the_flush().await;
        app.freeze().await;
        Self {
            at: app.now(),
            frozen: app,
            said_at,
        }
    }

    /// The run without trouble: every call of it, and its end.
    pub(super) async fn faultless(&self) -> (Vec<Place>, End) {
        let run = self.run(None).await;
        run.play().await;
        let calls = run.app.calls().await;
        let end = run.end().await.expect("nothing goes wrong");
        (places(&calls), end)
    }

    /// The run with trouble at one call, played to its end.
    pub(super) async fn with(
        &self,
        place: &Place,
        trouble: &Trouble,
        times: u32,
    ) -> Result<End, String> {
        let run = self.run(Some(trouble)).await;
        let end = run.play_with(place, trouble, times).await;
        run.drop_apart().await;
        end
    }

    async fn run(&self, trouble: Option<&Trouble>) -> Run {
        let clock = ManualClock::at(self.at);
        let dial = Arc::new(Dial::default());
        let http = match trouble {
            Some(Trouble::Refused { .. }) => dial.client(),
            Some(Trouble::Timeout(_)) => http_client_with_timeout(PATIENCE),
            _ => http_client(),
        };
        let ticking = Ticking {
            clock: clock.clone(),
            calls: Arc::default(),
        };
        let app = self.frozen.copy(clock, ticking.told(), http).await;
        Run {
            app,
            dial,
            ticking,
            said_at: self.said_at,
        }
    }
}

/// Every call by what it will be known by in other runs.
fn places(calls: &[Value]) -> Vec<Place> {
    let mut counts = BTreeMap::new();
    let mut place = |number: usize, call: &Value| {
        let endpoint = call["endpoint"].as_str().unwrap().to_owned();
        let about = call["about"].as_str().map(str::to_owned);
        let count = counts.entry((endpoint.clone(), about.clone())).or_insert(0);
        *count += 1;
        Place {
            endpoint,
            about,
            nth: *count - 1,
            number: u32::try_from(number).unwrap(),
        }
    };
    let calls = calls.iter().enumerate();
    calls.map(|(number, call)| place(number, call)).collect()
}

/// A clock that the first calls of a flush move on, so that what was looked at before is old when it is decided on, and
/// has to be looked at again. Afterwards it stands still: which calls are made must not depend on their order.
#[derive(Clone)]
struct Ticking {
    clock: ManualClock,
    calls: Arc<AtomicI64>,
}

impl Ticking {
    /// Every flush with something to decide makes so many calls one after the other.
    const CALLS: i64 = 4;
    /// What each of them takes, in seconds.
    const TAKES: u64 = 2;

    fn wind(&self) {
        self.calls.store(Self::CALLS, Ordering::Relaxed);
    }

    fn told(&self) -> Now {
        let this = self.clone();
        Arc::new(move || {
            if this.calls.fetch_sub(1, Ordering::Relaxed) > 0 {
                this.clock.advance(Duration::from_secs(Self::TAKES));
            }
            dover_ashby_sync::clock::Clock::now(&this.clock)
        })
    }
}

/// Where the client is sent for Ashby: to a port where nobody listens, for some of its calls.
#[derive(Debug)]
struct Dial {
    /// Calls until it is sent away.
    until: AtomicI64,
    /// How many are sent away.
    calls: AtomicI64,
}

impl Default for Dial {
    fn default() -> Self {
        Self {
            until: AtomicI64::new(i64::MAX),
            calls: AtomicI64::new(0),
        }
    }
}

impl Dial {
    /// A client that connects anew for each call.
    #[expect(
        clippy::disallowed_methods,
        reason = "a client that is sent away now and then is none of the program's"
    )]
    fn client(self: &Arc<Self>) -> Client {
        let dialled = Dialled(Arc::clone(self));
        let client = Client::builder().pool_max_idle_per_host(0).no_proxy();
        client.dns_resolver(dialled).build().unwrap()
    }

    fn order(&self, after: u32, calls: i64) {
        self.calls.store(calls, Ordering::Relaxed);
        self.until.store(after.into(), Ordering::Relaxed);
    }

    fn address(&self) -> SocketAddr {
        let is_sent_away = self.until.fetch_sub(1, Ordering::Relaxed) <= 0
            && self.calls.fetch_sub(1, Ordering::Relaxed) > 0;
        // The port is that of the URL; the simulated Ashby listens on the other address alone.
        if is_sent_away {
            ([0, 0, 0, 0, 0, 0, 0, 1], 0).into()
        } else {
            ([127, 0, 0, 1], 0).into()
        }
    }
}

struct Dialled(Arc<Dial>);

impl dns::Resolve for Dialled {
    fn resolve(&self, _: dns::Name) -> dns::Resolving {
        let address = self.0.address();
        Box::pin(async move { Ok(Box::new([address].into_iter()) as dns::Addrs) })
    }
}

struct Run {
    app: TestApp,
    dial: Arc<Dial>,
    ticking: Ticking,
    said_at: DateTime<Utc>,
}

/// Flushes of a run.
const FLUSHES: usize = 4;

/// Flushes after trouble until everything must be as it would have been.
const RECOVERY: usize = 5;

impl Run {
    /// The flushes of the day: the one that everybody waits for, one with nothing to do, and the same for more news.
    async fn play(&self) {
        for flush in 0..FLUSHES {
            self.go_on(flush).await;
        }
    }

    async fn play_with(&self, place: &Place, trouble: &Trouble, times: u32) -> Result<End, String> {
        self.order(place, trouble, times).await;
        let mut has_struck = false;
        for flush in 0..FLUSHES {
            self.go_on(flush).await;
            if !has_struck && self.has_struck(trouble, times).await {
                has_struck = true;
                self.recover().await?;
            }
        }
        if has_struck {
            self.end().await
        } else {
            Err("it befell no call".to_owned())
        }
    }

    async fn go_on(&self, flush: usize) {
        self.app.wait(15);
        if flush == FLUSHES / 2 {
            let at = self.said_at + TimeDelta::seconds(30);
            scenario::say_more(&self.app, at).await;
        }
        self.flush().await;
    }

    /// Drops the database without holding up the runs beside this one: the server waits for each of its sessions, and
    /// theirs may be waiting for us.
    async fn drop_apart(self) {
        let dropped = tokio::task::spawn_blocking(move || drop(self));
        dropped.await.expect("the database can be dropped");
    }

    async fn flush(&self) -> Value {
        self.ticking.wind();
        self.app.flush().await
    }

    async fn order(&self, place: &Place, trouble: &Trouble, times: u32) {
        match trouble {
            Trouble::Ordered(order) | Trouble::Timeout(order) => {
                let mut order = order.clone();
                order["endpoint"] = json!(place.endpoint);
                order["about"] = json!(place.about);
                order["after"] = json!(place.nth);
                order["times"] = json!(times);
                self.app.sim("faults", order).await;
            }
            Trouble::Refused { for_good } => {
                let calls = if *for_good { i64::MAX } else { times.into() };
                self.dial.order(place.number, calls);
            }
        }
    }

    async fn has_struck(&self, trouble: &Trouble, times: u32) -> bool {
        if let Trouble::Refused { .. } = trouble {
            return self.dial.until.load(Ordering::Relaxed) < 0;
        }
        let waiting = self.app.sim_as(Method::GET, "faults", None).await;
        let waiting = waiting.as_array().unwrap();
        waiting.iter().all(|fault| fault["times"] != times)
    }

    /// What somebody in charge would see to: the trouble is over, a connection that needs attention is checked, whoever
    /// was refused is tried again, and for the rest time goes by.
    async fn recover(&self) -> Result<(), String> {
        self.app.sim_as(Method::DELETE, "faults", None).await;
        self.dial.calls.store(0, Ordering::Relaxed);
        for _ in 0..RECOVERY {
            self.app.wait(15);
            operator::see_to_the_connection(&self.app).await?;
            let refused = operator::try_the_refused_again(&self.app).await;
            let asked = operator::answer_truthfully(&self.app).await;
            let flush = self.flush().await;
            let is_done = flush["status"] == "done" && flush["ashby_calls"]["write"] == 0;
            let doubtful = operator::prospects(&self.app, "reason=create-in-doubt").await;
            if is_done && refused + asked + doubtful.len() == 0 {
                return Ok(());
            }
        }
        Err("it does not recover".to_owned())
    }

    /// What is left of it, once it has come to rest.
    async fn end(&self) -> Result<End, String> {
        let last = self.flush().await;
        if (&last["status"], &last["ashby_calls"]["write"]) != (&json!("done"), &json!(0)) {
            return Err(format!("it does not come to rest: {last}"));
        }
        let world = self.app.world().await;
        let of = |kind: &str, fields: &[&str]| {
            let line = |entry: &Value| {
                let parts = fields.iter().map(|field| match (&entry[*field], *field) {
                    (Value::Array(parts), "emails" | "socialLinks") => sorted(parts),
                    (part, _) => part.to_string(),
                });
                parts.collect::<Vec<_>>().join(" ")
            };
            let mut lines: Vec<_> = world[kind].as_array().unwrap().iter().map(line).collect();
            lines.sort();
            lines
        };
        let prospects = operator::prospects(&self.app, "").await;
        let standing = |prospect: &Value| {
            let who = format!(
                "{} on {}",
                prospect["dover_candidate_id"], prospect["dover_job_id"]
            );
            let waits_for = match prospect["state"].as_str() {
                Some("parked") => prospect["last_decision"]["reason"]["code"].to_string(),
                _ => String::new(),
            };
            (who, format!("{} {waits_for}", prospect["state"]))
        };
        Ok(End {
            candidates: of("candidates", &["name", "emails", "socialLinks", "source"]),
            applications: of(
                "applications",
                &[
                    "candidate",
                    "job",
                    "stage",
                    "status",
                    "archiveReason",
                    "source",
                    "history",
                ],
            ),
            prospects: prospects.iter().map(standing).collect(),
        })
    }
}

fn sorted(parts: &[Value]) -> String {
    let mut parts: Vec<_> = parts.iter().map(Value::to_string).collect();
    parts.sort();
    parts.join("+")
}

impl End {
    /// What is here and not there, and the other way round.
    pub(super) fn differs_from(&self, other: &Self) -> String {
        let lines = |end: &Self| -> Vec<String> {
            let standing = end
                .prospects
                .iter()
                .map(|(who, state)| format!("{who}: {state}"));
            let world = end.candidates.iter().chain(&end.applications).cloned();
            world.chain(standing).collect()
        };
        let (ours, theirs) = (lines(self), lines(other));
        let more = ours.iter().filter(|line| !theirs.contains(line));
        let less = theirs.iter().filter(|line| !ours.contains(line));
        let more = more.map(|line| format!("+ {line}"));
        let lines: Vec<_> = more.chain(less.map(|line| format!("- {line}"))).collect();
        if lines.is_empty() && self != other {
            return "somebody is there twice".to_owned();
        }
        lines.join("\n    ")
    }
}
