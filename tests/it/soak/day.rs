//! The day itself: who says and does what, when, and what goes wrong. The same every time, but for the trouble.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dover_ashby_sync::worker::Upkeep;
use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{FLUSHES, say};
use crate::{
    app::{CONNECTION, Person, TOKEN, TestApp},
    dice::Dice,
    faults::ordered,
    operator,
};

/// Flushes from one quiet moment to the next: trouble comes in the first of them, and the rest are enough to get over it.
const CYCLE: usize = 8;
/// The flushes of a cycle before which Dover has news of stages, and in which there is trouble.
const BUSY: usize = 3;
/// A part of everybody has news in a cycle, so that everybody is in Ashby after a quarter of the day.
const PARTS: usize = 3;

const JOBS: [(&str, &str); 3] = [
    ("job_42", "Staff Engineer"),
    ("job_43", "Designer"),
    ("job_44", "Analyst"),
];

/// Called for each of many people.
const OFTEN: [&str; 4] = [
    "candidate.create",
    "application.create",
    "application.changeStage",
    "application.info",
];
/// Called now and then.
const RARELY: [&str; 6] = [
    "candidate.info",
    "candidate.list",
    "application.list",
    "candidate.search",
    "job.info",
    "interviewStage.list",
];

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) sent: usize,
    pub(super) acknowledged: usize,
    calls_in_trouble: usize,
    recruited: usize,
    failed_flushes: usize,
}

/// A day under way.
pub(super) struct Day {
    pub(super) app: TestApp,
    began: DateTime<Utc>,
    people: Vec<Person>,
    /// What was said of whom, to be said once more.
    said: Vec<(String, Value)>,
    a_flush: usize,
    dice: Dice,
    /// The trouble of the day, where there is any.
    trouble: Option<Dice>,
    pub(super) counted: Counted,
}

impl Day {
    pub(super) async fn new(deliveries: usize, with_trouble: bool) -> Self {
        let app = TestApp::connected().await;
        for (job, title) in JOBS {
            app.register(job, title).await;
        }
        let path = format!("/v1/connections/{CONNECTION}/settings");
        let brake = json!({ "brake.max_archives": 1_000_000, "brake.max_archive_share": 1.0, "brake.max_moves": 1_000_000 });
        app.patch(&path, brake).await.ok();
        let a_flush = deliveries.div_ceil(FLUSHES);
        let people = (0..a_flush * BUSY * PARTS).map(|number| {
            let who = Person::new(&format!("Person {number}")).on(JOBS[number % JOBS.len()].0);
            let part = |field: &str| json!({ field: who.contact[field] });
            match number % 4 {
                0 => who.clone().with(part("email")),
                1 => who.clone().with(part("linkedin_url")),
                _ => who,
            }
        });
        Self {
            began: app.now(),
            people: people.collect(),
            said: Vec::new(),
            a_flush,
            dice: Dice::new(1),
            trouble: with_trouble.then(|| Dice::new(2)),
            counted: Counted::default(),
            app,
        }
    }

    /// The quarter of an hour up to a flush, and the flush.
    pub(super) async fn go_on(&mut self, flush: usize) {
        self.send(flush).await;
        let due = self.began + TimeDelta::minutes(15) * i32::try_from(flush + 1).unwrap();
        let left = (due - self.app.now()).to_std().unwrap_or_default();
        self.app.clock.advance(left);
        self.see_to_what_is_left().await;
        if flush % CYCLE < BUSY {
            self.order_trouble().await;
        }
        self.flush().await;
        if self.trouble.is_some() && flush % CYCLE < BUSY {
            let calls = self.app.calls().await;
            let in_trouble = calls.iter().filter(|call| !call["fault"].is_null());
            self.counted.calls_in_trouble += in_trouble.count();
        }
        self.app.sim_as(Method::DELETE, "faults", None).await;
        self.app.sim_as(Method::DELETE, "calls", None).await;
        if flush % CYCLE == CYCLE - 1 {
            self.recruit().await;
        }
    }

    /// What Dover sends: in a busy quarter news of whoever has their turn, in a quiet one what has been said before, what
    /// is older than that, and other details.
    async fn send(&mut self, flush: usize) {
        let now = self.app.now();
        let (cycle, place) = (flush / CYCLE, flush % CYCLE);
        let mut batch = Vec::with_capacity(self.a_flush);
        for number in 0..self.a_flush {
            let id = format!("msg_{flush}_{number}");
            if place < BUSY {
                let turn = (cycle % PARTS) * self.a_flush * BUSY + place * self.a_flush + number;
                let news = self.news(turn, now);
                self.said.push((id.clone(), news.clone()));
                batch.push((id, news));
            } else {
                batch.push(self.chatter(id, now));
            }
        }
        if place == CYCLE - 1 {
            self.said.clear();
        }
        let app = &self.app;
        let sent = stream::iter(&batch).map(|(id, delivery)| app.deliver_until_taken(id, delivery));
        let answers: Vec<_> = sent.buffer_unordered(16).collect().await;
        self.counted.sent += answers.len();
        let is_taken = |status| matches!(status, StatusCode::ACCEPTED | StatusCode::OK);
        let taken = answers.iter().filter(|answer| is_taken(answer.status));
        self.counted.acknowledged += taken.count();
    }

    fn news(&mut self, turn: usize, now: DateTime<Utc>) -> Value {
        let change = match self.dice.below(10) {
            0 => json!({ "status": "withdrew", "updated_at": now }),
            1 => json!({ "status": "rejected", "updated_at": now }),
            2 => json!({ "stage": "interviewing", "updated_at": now }),
            3 | 4 => json!({ "stage": "replied", "updated_at": now }),
            5 | 6 => json!({ "stage": "reached_out", "updated_at": now }),
            _ => json!({ "stage": "new_lead", "updated_at": now }),
        };
        self.people[turn].change(change)
    }

    fn chatter(&mut self, id: String, now: DateTime<Utc>) -> (String, Value) {
        let who = self.dice.below(self.people.len());
        match self.dice.below(3) {
            0 if !self.said.is_empty() => self.dice.one_of(&self.said).clone(),
            1 if !self.said.is_empty() => {
                let (_, mut older) = self.dice.one_of(&self.said).clone();
                older["data"]["updated_at"] = json!(self.began - TimeDelta::hours(1));
                (id, older)
            }
            _ => {
                let phone = format!("+44 20 7946 {:04}", self.dice.below(10_000));
                let mut details = self.people[who].change(json!({ "updated_at": now }));
                details["type"] = json!("candidate.updated");
                details["data"]["candidate"]["phone"] = json!(phone);
                (id, details)
            }
        }
    }

    async fn order_trouble(&mut self) {
        let Some(dice) = &mut self.trouble else {
            return;
        };
        let troubles = ordered();
        for _ in 0..=dice.below(8) {
            let mut order = dice.one_of(&troubles).1.clone();
            if dice.below(3) > 0 {
                order["endpoint"] = json!(dice.one_of(&OFTEN));
                order["after"] = json!(dice.below(self.a_flush.div_ceil(8)));
            } else {
                order["endpoint"] = json!(dice.one_of(&RARELY));
            }
            order["times"] = json!(1 + dice.below(6));
            self.app.sim("faults", order).await;
        }
    }

    /// What somebody in charge does while nothing is wrong.
    async fn see_to_what_is_left(&self) {
        operator::see_to_the_connection(&self.app).await.unwrap();
        operator::try_the_refused_again(&self.app).await;
        operator::answer_truthfully(&self.app).await;
    }

    async fn flush(&mut self) {
        let path = format!("/v1/connections/{CONNECTION}/flushes?wait=true");
        let request = self.app.request(Method::POST, &path);
        let request = request.bearer_auth(TOKEN).json(&json!({}));
        // A flush of thousands takes its time on a busy machine.
        let request = request.timeout(Duration::from_mins(15));
        let flush = self.app.send(request).await.ok();
        self.counted.failed_flushes += usize::from(flush["status"] != "done");
    }

    /// In a quiet moment the hiring team moves, archives and hires some.
    async fn recruit(&mut self) {
        let world = self.app.world().await;
        let there: BTreeMap<&str, &Value> = world["applications"]
            .as_array()
            .unwrap()
            .iter()
            .map(|application| (application["candidate"].as_str().unwrap(), application))
            .collect();
        self.app.wait(1);
        for _ in 0..self.a_flush.div_ceil(10) {
            let who = self.dice.below(self.people.len());
            let (deed, body) = match self.dice.below(4) {
                0 => ("archive", json!({})),
                1 => ("hire", json!({})),
                2 => ("move", json!({ "stage": "Onsite" })),
                _ => ("move", json!({ "stage": "Reached Out" })),
            };
            if let Some(application) = there.get(self.people[who].name.as_str()) {
                self.app.recruiter(deed, application, body).await;
                self.counted.recruited += 1;
            }
        }
    }

    /// Ashby's world without ids and times.
    pub(super) async fn end(&self) -> Vec<String> {
        let world = self.app.world().await;
        let line = |fields: &'static [&str]| {
            move |entry: &Value| {
                let parts = fields.iter().map(|field| entry[*field].to_string());
                parts.collect::<Vec<_>>().join(" ")
            }
        };
        let of = |kind: &str, fields| world[kind].as_array().unwrap().iter().map(line(fields));
        let people = of("candidates", &["name", "emails", "source"]);
        let fields = &[
            "candidate",
            "job",
            "stage",
            "status",
            "archiveReason",
            "source",
        ];
        let mut lines: Vec<String> = people.chain(of("applications", fields)).collect();
        lines.sort();
        lines
    }

    /// What is left when all of the day is older than it is to be kept: what is known of people, and nothing of what
    /// happened.
    pub(super) async fn long_after(&self, what: &str) {
        let path = format!("/v1/connections/{CONNECTION}/settings");
        let keep = json!({ "retention.deliveries_days": 7, "retention.decisions_days": 7 });
        self.app.patch(&path, keep).await.ok();
        self.app.wait(8 * 24 * 60);
        let (sync, stop) = (self.app.sync(), CancellationToken::new());
        Upkeep::default().run(&sync, &stop).await.unwrap();
        let rows = self.rows().await;
        say(&format!("soak {what}: a week later: {rows:?}"));
        let people = i64::try_from(self.people.len()).unwrap();
        assert_eq!(rows["delivery"], 0, "they are kept for a week");
        for (table, rows) in rows {
            // An application, what was decided on them last, and two keys by which somebody is recognised, each also by
            // its digest.
            assert!(
                rows <= 4 * people + 100,
                "{table} has {rows} rows of {people} people"
            );
        }
    }

    /// Deliveries that are not as every delivery is: the database does not look after that, for it would with each one.
    pub(super) async fn malformed(&self) -> i64 {
        let malformed = "SELECT count(*) FROM delivery
             WHERE length(body_hash) <> 32 OR copies < 1 OR sender NOT IN ('dover', 'ashby')
                OR verdict NOT IN ('accepted', 'rejected', 'id-reused') OR (verdict = 'rejected' AND faults IS NULL)
                OR (erased_at IS NOT NULL AND (length(body) > 0 OR headers <> '{}'))
                OR (verdict = 'accepted' AND erased_at IS NULL AND body_hash <> sha256(body))";
        let pool = &self.app.database.pool;
        sqlx::query_scalar(malformed).fetch_one(pool).await.unwrap()
    }

    /// How many rows each table has.
    pub(super) async fn rows(&self) -> BTreeMap<String, i64> {
        let pool = &self.app.database.pool;
        let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
        let mut rows = BTreeMap::new();
        for table in tables {
            let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let count: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
            rows.insert(table, count);
        }
        rows
    }
}
