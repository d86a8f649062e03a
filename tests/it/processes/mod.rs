//! The program as it is run: real processes of the real binary over one Postgres, which are killed, stopped and woken, and
//! whose database goes away. The simulated Ashby, and a proxy that sees every commit, are in the process of the test.
//!
//! Real processes run on the real clock. Where a test would have to wait for minutes, it moves the past instead: it makes
//! what is in the database that much older.

mod ashby;
mod crashes;
mod holds;
mod postgres;
mod postgres_proxy;
mod program;
mod replicas;
mod steps;

use std::{net::SocketAddr, sync::Arc};

use chrono::{DateTime, Utc};
use dover_ashby_sync::{
    ashby::http_client,
    clock::{Clock, SystemClock},
    dover::signature::{WebhookSecret, sign},
};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use self::{ashby::Ashby, program::Setting, steps::Steps};
use crate::{
    app::{ASHBY_KEY, Answer, CONNECTION, SECRET, TOKEN},
    scenario::{JOBS, Scenario},
};

/// The present moment.
fn now() -> DateTime<Utc> {
    SystemClock.now()
}

#[expect(
    clippy::print_stdout,
    reason = "what was tried and measured is to be seen"
)]
fn say(what: &str) {
    println!("{what}");
}

/// A door of a running program.
#[derive(Clone, Debug)]
struct Door {
    http: Client,
    addr: SocketAddr,
}

impl Door {
    /// Asks; the error is that no answer came.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Answer> {
        let request = self
            .http
            .request(method, format!("http://{}{path}", self.addr))
            .bearer_auth(TOKEN);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        Ok(Answer::read(request.send().await?).await)
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await.unwrap()
    }

    /// Sends a signed delivery to `connection` and answers with the status; the error is that no answer came.
    async fn deliver(
        &self,
        connection: &str,
        id: &str,
        delivery: &Value,
    ) -> reqwest::Result<Answer> {
        let body = serde_json::to_vec(delivery).unwrap();
        let secret = WebhookSecret::parse(SECRET).unwrap();
        let url = format!("http://{}/webhooks/dover/{connection}", self.addr);
        let mut request = self
            .http
            .post(url)
            .header("content-type", "application/json");
        for (name, value) in sign(&secret, id, now().timestamp(), &body) {
            request = request.header(name, value);
        }
        Ok(Answer::read(request.body(body).send().await?).await)
    }

    /// Flushes to the end; the error is that no answer came.
    async fn flush(&self) -> reqwest::Result<Answer> {
        let path = format!("/v1/connections/{CONNECTION}/flushes?wait=true");
        self.ask(Method::POST, &path, Some(&json!({}))).await
    }

    /// Makes a connection of that name.
    async fn connect(&self, name: &str) {
        let body =
            json!({ "name": name, "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": SECRET });
        self.post("/v1/connections", &body).await.ok();
    }

    /// Lets a flush do as much as it wants: the scenarios are small, so that each archive is a large share.
    async fn release_the_brake(&self, connection: &str) {
        let path = format!("/v1/connections/{connection}/settings");
        let settings = json!({ "brake.max_archive_share": 1.0 });
        let changed = self.ask(Method::PATCH, &path, Some(&settings)).await;
        changed.unwrap().ok();
    }

    /// Registers the jobs of the scenario.
    async fn register(&self, connection: &str) {
        for (dover, ashby, title) in JOBS {
            let body = json!({ "dover_job_id": dover, "ashby_job": ashby, "title": title });
            let path = format!("/v1/connections/{connection}/jobs");
            self.post(&path, &body).await.ok();
        }
    }

    /// The state of each prospect, by who it is.
    async fn states(&self) -> Vec<String> {
        let path = format!("/v1/connections/{CONNECTION}/prospects?limit=200");
        let page = self.get(&path).await.ok();
        let items = page["items"].as_array().unwrap();
        let mut states: Vec<String> = items
            .iter()
            .map(|one| {
                format!(
                    "{} {} {}",
                    one["dover_candidate_id"], one["dover_job_id"], one["state"]
                )
            })
            .collect();
        states.sort();
        states
    }
}

/// A door to a program that serves.
fn door(http: &Client, program: &program::Program) -> Door {
    let (http, addr) = (http.clone(), program.addr.unwrap());
    Door { http, addr }
}

/// A simulated Ashby with the background of the scenario.
async fn furnished(scenario: &Scenario, steps: Arc<Steps>) -> Ashby {
    let ashby = Ashby::start(steps).await;
    // Everybody has been there for hours, also for lists that lag.
    ashby.set_back(2 * 60 * 60);
    for (path, body) in &scenario.background {
        ashby.make(path, body.clone()).await;
    }
    ashby.set_back(0);
    ashby
}

/// What a process works with that has the database at `url`.
fn setting(url: &str, ashby: &Ashby) -> Setting {
    Setting {
        database_url: url.to_owned(),
        ashby: ashby.addr,
        variables: vec![("FLUSH_INTERVAL", "24h".to_owned())],
    }
}

/// Changes the past.
async fn rewrite(pool: &PgPool, sql: &str) {
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

/// Makes every lease end now, as if its length had gone by since.
async fn let_leases_run_out(pool: &PgPool) {
    rewrite(
        pool,
        "UPDATE connection SET lease_expires_at = now() - interval '1 second' WHERE lease_token IS NOT NULL",
    )
    .await;
}

/// Makes every write that is in doubt so old that Ashby's lists would long show it.
async fn let_doubts_grow_old(pool: &PgPool) {
    rewrite(
        pool,
        "UPDATE intent SET recorded_at = recorded_at - interval '11 minutes', \
         looked_for_since = coalesce(looked_for_since, recorded_at) - interval '11 minutes'",
    )
    .await;
}

/// How many deliveries are stored, of those with an id that begins so.
async fn stored(pool: &PgPool, ids: &[String]) -> usize {
    let stored: i64 =
        sqlx::query_scalar("SELECT count(*) FROM delivery WHERE webhook_id = ANY($1)")
            .bind(ids)
            .fetch_one(pool)
            .await
            .unwrap();
    usize::try_from(stored).unwrap()
}

/// Whether a delivery was acknowledged: only then its sender forgets it.
fn is_acknowledged(answer: &reqwest::Result<Answer>) -> bool {
    matches!(answer, Ok(answer) if matches!(answer.status, StatusCode::ACCEPTED | StatusCode::OK))
}

fn client() -> Client {
    http_client()
}
