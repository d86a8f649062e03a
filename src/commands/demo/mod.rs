//! `demo`: the whole product at work. A real Postgres, real signed webhooks to the real server, and a simulated Ashby,
//! from which every end state is read back.

mod cast;
mod client;
mod control;
mod report;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use client::{Admin, Sender};
pub use control::Control;

use super::{serve::Server, simulator};
use crate::{
    clock::{Clock, SystemClock},
    config::{self, DemoArgs},
    dover::signature::WebhookSecret,
    embedded_postgres::{Durability, EmbeddedPostgres},
    ids::{fresh_uuid, random_bytes},
    store::{self, Vault},
    sync::{Clients, Sync},
    telemetry::Metrics,
};
use cast::{CAST, Character, JOBS, Known, REGISTERED_LATE, Said};

/// The name of the demo's connection.
const CONNECTION: &str = "demo";

/// The key that the simulated Ashby takes.
const ASHBY_KEY: &str = "demo-ashby-key";

/// Runs the demo. An error names the first end state that is not as it should be.
pub async fn run(args: DemoArgs, shutdown: CancellationToken) -> Result<()> {
    let postgres = if args.database_url.is_none() {
        say("Starting a Postgres of its own …");
        Some(EmbeddedPostgres::throwaway(Durability::None).await?)
    } else {
        None
    };
    let (url, scratch) = database(&args, postgres.as_ref()).await?;
    let stage = Stage::set(&url, args.listen_addr).await?;
    let played = stage.play().await;
    if played.is_ok() && args.keep_running {
        say(&stage.addresses());
        shutdown.cancelled().await;
    }
    stage.strike().await;
    if let Some(scratch) = scratch {
        scratch.remove().await?;
    }
    if let Some(postgres) = postgres {
        postgres.stop().await?;
    }
    played
}

#[expect(
    clippy::print_stdout,
    reason = "the show is the output of this command"
)]
fn say(text: &str) {
    println!("{text}");
}

/// A database made for this demo on a server that was given.
struct Scratch {
    server: sqlx::PgPool,
    name: String,
}

impl Scratch {
    async fn remove(self) -> Result<()> {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&self.server)
            .await?;
        Ok(())
    }
}

async fn database(
    args: &DemoArgs,
    own: Option<&EmbeddedPostgres>,
) -> Result<(String, Option<Scratch>)> {
    let name = format!("demo_{}", fresh_uuid().simple());
    if let Some(own) = own {
        own.create_database(&name, None).await?;
        return Ok((own.url(&name), None));
    }
    let given = config::database_url(args.database_url.as_ref().context("DATABASE_URL")?)?;
    let server = store::pool(given, 1, Duration::from_secs(5))?;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&server).await.context(
        "DATABASE_URL: the demo makes a database of its own on that server, and was refused. Unset it to use an own Postgres.",
    )?;
    let mut url = url::Url::parse(given)?;
    url.set_path(&name);
    Ok((url.into(), Some(Scratch { server, name })))
}

/// Server and simulator, up.
struct Stage {
    server: Server,
    stop: CancellationToken,
    addr: SocketAddr,
    simulator_addr: SocketAddr,
    token: String,
    secret: WebhookSecret,
    /// The moment that Dover's times are counted from: the same when everything is sent again.
    now: DateTime<Utc>,
}

impl Stage {
    async fn set(database_url: &str, listen: SocketAddr) -> Result<Self> {
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let simulator_addr = listener.local_addr()?;
        let ashby = simulator::empty(1, ASHBY_KEY);
        let stopped = stop.clone();
        tokio::spawn(async move { ashby.serve(listener, stopped.cancelled_owned()).await });

        let (clock, metrics) = (Arc::new(SystemClock), Metrics::default());
        let base_url = format!("http://{simulator_addr}").parse()?;
        let mut sync = Sync {
            pool: store::pool(database_url, 16, Duration::from_secs(5))?,
            vault: Vault::new(&random_bytes()),
            clients: Clients::new(base_url, Arc::clone(&clock) as _, metrics.clone()),
            clock,
            metrics,
            inflow: Arc::default(),
            interval: TimeDelta::minutes(15),
            lease: TimeDelta::seconds(120),
        };
        store::migrate(&sync.pool).await?;
        sync.vault = store::claim(&sync.pool, &sync.vault).await?;
        let token = hex::encode(random_bytes::<32>());
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        // Without the worker: the demo flushes by hand, and nothing in between.
        let server = Server::start(
            sync,
            database_url,
            token.clone().into(),
            listener,
            stop.clone(),
            false,
            false,
        )?;
        let addr = server.addr;
        Ok(Self {
            server,
            stop,
            addr,
            simulator_addr,
            token,
            secret: WebhookSecret::generate(),
            now: SystemClock.now(),
        })
    }

    fn addresses(&self) -> String {
        format!(
            "\nLeft running, until Ctrl-C:\n  server      http://{}  (docs at /docs)\n  simulator   http://{}/_sim/world\n  admin token {}\n  connection  {CONNECTION}, webhook secret {}",
            self.addr,
            self.simulator_addr,
            self.token,
            self.secret.expose()
        )
    }

    async fn strike(self) {
        self.stop.cancel();
        self.server.finished().await;
    }

    async fn play(&self) -> Result<()> {
        let control = Control::new(self.simulator_addr);
        let admin = Admin::new(self.addr, self.token.clone());
        let dover = Sender::new(
            format!("http://{}/webhooks/dover/{CONNECTION}", self.addr),
            self.secret.clone(),
        );
        let jobs = furnish(&control).await?;

        say("Connecting Ashby and registering two of three jobs …");
        let connection = json!({
            "name": CONNECTION, "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": self.secret.expose(),
        });
        admin.post("connections", connection).await?;
        for (dover_id, title) in JOBS.iter().filter(|(id, _)| *id != REGISTERED_LATE) {
            register(&admin, dover_id, title, &jobs).await?;
        }

        say("Dover sends its first wave of signed webhooks …");
        self.send(&dover, 1).await?;
        let first = flush(&admin).await?;
        say("Dover sends its second wave; the third job is registered …");
        self.send(&dover, 2).await?;
        let (dover_id, title) = JOBS
            .iter()
            .find(|(id, _)| *id == REGISTERED_LATE)
            .context("the third job")?;
        register(&admin, dover_id, title, &jobs).await?;
        let second = flush(&admin).await?;

        report::print_table(&admin).await?;
        let wrong = report::wrong(&admin, &control).await?;
        ensure!(
            wrong.is_empty(),
            "these end states are not as they should be:\n  {}",
            wrong.join("\n  ")
        );

        say("Dover sends everything once more …");
        self.send(&dover, 1).await?;
        self.send(&dover, 2).await?;
        let third = flush(&admin).await?;
        ensure!(
            writes(&third) == 0,
            "the flush after sending everything again changed something: {third}"
        );
        report::print_calls(&[&first, &second, &third], &control).await
    }

    async fn send(&self, dover: &Sender, wave: u8) -> Result<()> {
        for one in &CAST {
            for said in one.says.iter().filter(|said| said.wave == wave) {
                let delivery = one.delivery(said, self.now);
                for _ in 0..said.copies {
                    let status = dover.send(&delivery_id(one, said), &delivery).await?;
                    ensure!(
                        status.is_success(),
                        "the delivery about {} was answered {status}",
                        one.name
                    );
                }
            }
        }
        Ok(())
    }
}

fn writes(flush: &Value) -> i64 {
    flush["ashby_calls"]["write"].as_i64().unwrap_or(i64::MAX)
}

/// What is in Ashby before Dover says anything. Answers the jobs' ids by title.
async fn furnish(control: &Control) -> Result<Vec<(&'static str, String)>> {
    control.furnish().await?;
    let mut jobs = Vec::new();
    for (_, title) in JOBS {
        let job = control
            .make("jobs", json!({ "title": title, "stages": plan() }))
            .await?;
        jobs.push((
            title,
            job["id"].as_str().context("a job has an id")?.to_owned(),
        ));
    }
    let now = SystemClock.now();
    for one in CAST.iter().filter(|one| one.known != Known::No) {
        let email = (one.known != Known::ByLinkedIn).then(|| one.email());
        let linkedin = (one.known == Known::ByLinkedIn).then(|| one.linkedin());
        let mut person = json!({ "name": one.name });
        if let Some(email) = email {
            person["email"] = email.into();
        }
        if let Some(linkedin) = linkedin {
            person["linkedInUrl"] = linkedin.into();
        }
        let person = control.make("candidates", person).await?;
        if let Known::Applied(stage, minutes_ago) = one.known {
            let title = JOBS
                .iter()
                .find(|(id, _)| *id == one.job)
                .map(|(_, title)| *title);
            let job = jobs
                .iter()
                .find(|(of, _)| Some(*of) == title)
                .map(|(_, id)| id.clone());
            let at = now - TimeDelta::minutes(minutes_ago);
            let application =
                json!({ "candidateId": person["id"], "jobId": job, "stage": stage, "at": at });
            control.make("applications", application).await?;
        }
    }
    Ok(jobs)
}

/// A plan as Ashby makes them, with two interviews.
fn plan() -> Value {
    json!([
        { "title": "New Lead", "type": "Lead", "order": 0 },
        { "title": "Reached Out", "type": "Lead", "order": 1 },
        { "title": "Replied", "type": "Lead", "order": 2 },
        { "title": "Application Review", "type": "PreInterviewScreen", "order": 4 },
        { "title": "Phone Screen", "type": "Active", "order": 5 },
        { "title": "Onsite", "type": "Active", "order": 7 },
        { "title": "Offer", "type": "Offer", "order": 8 },
        { "title": "Hired", "type": "Hired", "order": 9 },
        { "title": "Archived", "type": "Archived", "order": 10 },
    ])
}

async fn register(
    admin: &Admin,
    dover_id: &str,
    title: &str,
    jobs: &[(&'static str, String)],
) -> Result<()> {
    let (_, id) = jobs
        .iter()
        .find(|(of, _)| *of == title)
        .context("the job is in Ashby")?;
    let pasted = format!("https://app.ashbyhq.com/jobs/{id}/overview");
    let body = json!({ "dover_job_id": dover_id, "ashby_job": pasted, "title": title });
    admin
        .post(&format!("connections/{CONNECTION}/jobs"), body)
        .await?;
    Ok(())
}

/// The id of a delivery: the same each time it is sent.
fn delivery_id(one: &Character, said: &Said) -> String {
    format!("msg_{}_{}_{}", one.slug(), said.wave, said.minutes_ago)
}

async fn flush(admin: &Admin) -> Result<Value> {
    let flush = admin
        .post(
            &format!("connections/{CONNECTION}/flushes?wait=true"),
            json!({}),
        )
        .await?;
    match flush["status"].as_str() {
        Some("done") => Ok(flush),
        _ => Err(anyhow!("the flush did not end well: {flush}")),
    }
}
