//! The whole program under test: server, database and simulated Ashby on one clock that the test moves. A test speaks to
//! it as Dover, as an admin, as monitoring or as the hiring team, and to nothing inside.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dover_ashby_sync::{
    ashby::http_client,
    clock::{Clock, ManualClock},
    commands::serve::Server,
    dover::signature::{WebhookSecret, sign},
    simulator::{ApiKey, Config, Simulator},
    store::{self, Vault, connection::Connection},
    sync::{Clients, Sync},
    telemetry::Metrics,
};
use futures::future::BoxFuture;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    database::{TestDatabase, database},
    patience::until,
};

/// The key that the simulated Ashby takes.
pub(crate) const ASHBY_KEY: &str = "sim-key";
/// The bootstrap admin token.
pub(crate) const TOKEN: &str = "an-admin-token-for-tests";
/// The connection that most tests use.
pub(crate) const CONNECTION: &str = "acme";
/// Its webhook secret.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A clock on which a sleeper wakes when the test has moved the time on, and moves nothing itself.
#[derive(Debug)]
pub(crate) struct PatientClock(pub(crate) ManualClock);

impl Clock for PatientClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.pass(duration)
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.pass(duration)
    }
}

/// The program, up.
pub(crate) struct TestApp {
    pub(crate) addr: SocketAddr,
    pub(crate) clock: ManualClock,
    pub(crate) http: Client,
    pub(crate) database: TestDatabase,
    ashby: SocketAddr,
    simulator: Simulator,
    sync: Sync,
    stop: CancellationToken,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What tells a simulated Ashby the time.
pub(crate) type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + std::marker::Sync>;

/// The time as `clock` shows it.
pub(crate) fn told_by(clock: &ManualClock) -> Now {
    let clock = clock.clone();
    Arc::new(move || clock.now())
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self {
            status,
            headers,
            body,
        }
    }

    /// The body, if the answer is a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }

    /// The code of a problem document.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl TestApp {
    /// The program with an empty database and an empty Ashby.
    pub(crate) async fn bare() -> Self {
        let clock = ManualClock::at("2026-11-21T10:00:00Z".parse().unwrap());
        let simulator = Simulator::new(Config {
            seed: 7,
            api_keys: vec![ApiKey::full(ASHBY_KEY)],
            now: told_by(&clock),
        });
        let simulator = simulator.sending_with(http_client());
        Self::over(database().await, simulator, clock, http_client()).await
    }

    /// The program over what there is already; it speaks to Ashby through `to_ashby`.
    pub(crate) async fn over(
        database: TestDatabase,
        simulator: Simulator,
        clock: ManualClock,
        to_ashby: Client,
    ) -> Self {
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ashby = listener.local_addr().unwrap();
        let (stopped, organisation) = (stop.clone(), simulator.clone());
        tokio::spawn(async move {
            organisation
                .serve(listener, stopped.cancelled_owned())
                .await
        });

        let metrics = Metrics::default();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let mut sync = Sync {
            pool: store::pool(&database.url, 8, Duration::from_secs(5)).unwrap(),
            vault: Vault::new(&[7; 32]),
            clients: Clients::through(
                to_ashby,
                format!("http://localhost:{}", ashby.port())
                    .parse()
                    .unwrap(),
                Arc::clone(&shared),
                metrics.clone(),
            ),
            clock: shared,
            metrics,
            inflow: Arc::default(),
            interval: TimeDelta::minutes(15),
            lease: TimeDelta::seconds(120),
        };
        sync.vault = store::claim(&sync.pool, &sync.vault).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start(
            sync.clone(),
            &database.url,
            TOKEN.into(),
            listener,
            stop.clone(),
            false,
            false,
        )
        .unwrap();
        Self {
            addr: server.addr,
            clock,
            http: http_client(),
            database,
            ashby,
            simulator,
            sync,
            stop,
        }
    }

    /// Stops the program for good, so that others can start from where it got to: with [`TestApp::copy`].
    pub(crate) async fn freeze(&self) {
        self.stop.cancel();
        self.sync.pool.close().await;
        self.database.freeze().await;
    }

    /// Another program, over a copy of the database and of the Ashby of this one, which was frozen. `now` tells its Ashby
    /// the time.
    pub(crate) async fn copy(&self, clock: ManualClock, now: Now, to_ashby: Client) -> Self {
        let simulator = self.simulator.copy(now);
        Self::over(self.database.copy().await, simulator, clock, to_ashby).await
    }

    /// What the server works with, for another process of the same installation.
    pub(crate) fn sync(&self) -> Sync {
        self.sync.clone()
    }

    /// The connection of that name.
    pub(crate) async fn connection(&self, name: &str) -> Connection {
        let found = store::connection::by_name(&self.database.pool, name).await;
        found.unwrap().unwrap()
    }

    /// Where the simulated Ashby listens.
    pub(crate) fn ashby_url(&self) -> url::Url {
        format!("http://{}", self.ashby).parse().unwrap()
    }

    /// The program with an Ashby that is set up, and the connection `acme` to it.
    pub(crate) async fn connected() -> Self {
        let app = Self::bare().await;
        app.furnish().await;
        let body = json!({ "name": CONNECTION, "ashby_api_key": ASHBY_KEY, "dover_webhook_secret": SECRET });
        app.post("/v1/connections", body).await.ok();
        app
    }

    /// The same with the job `job_42` registered against an Ashby job *Staff Engineer*.
    pub(crate) async fn with_job() -> Self {
        let app = Self::connected().await;
        app.register("job_42", "Staff Engineer").await;
        app
    }

    /// Adds to Ashby what an admin has to add by hand.
    pub(crate) async fn furnish(&self) {
        self.sim(
            "sources",
            json!({ "title": "Dover", "sourceType": "Sourced" }),
        )
        .await;
        self.sim("archive-reasons", json!({ "text": "Withdrew in Dover" }))
            .await;
        self.sim("archive-reasons", json!({ "text": "Rejected in Dover" }))
            .await;
    }

    /// Makes an Ashby job of that title and registers it. Answers the Ashby job.
    pub(crate) async fn register(&self, dover_job_id: &str, title: &str) -> Value {
        let job = self.sim("jobs", json!({ "title": title })).await;
        let body = json!({ "dover_job_id": dover_job_id, "ashby_job": job["id"], "title": title });
        self.post(&format!("/v1/connections/{CONNECTION}/jobs"), body)
            .await
            .ok();
        job
    }

    /// The present moment.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets time go by.
    pub(crate) fn wait(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }

    // As an admin.

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.addr))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::read(
            self.request(Method::GET, path)
                .bearer_auth(TOKEN)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::read(
            self.request(Method::POST, path)
                .bearer_auth(TOKEN)
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    /// Flushes `acme` now, to its end.
    pub(crate) async fn flush(&self) -> Value {
        self.post(
            &format!("/v1/connections/{CONNECTION}/flushes?wait=true"),
            json!({}),
        )
        .await
        .ok()
    }

    /// A flush of `acme` that was begun, once it has ended.
    pub(crate) async fn ended(&self, flush: &Value) -> Value {
        let id = flush["id"].as_str().unwrap();
        let path = format!("/v1/connections/{CONNECTION}/flushes/{id}");
        until("the flush ends", 120, async || {
            let flush = self.get(&path).await.ok();
            (flush["status"] != "running").then_some(flush)
        })
        .await
    }

    /// The prospect of a Dover candidate.
    pub(crate) async fn prospect(&self, candidate: &str) -> Value {
        let path = format!("/v1/connections/{CONNECTION}/prospects?dover_candidate_id={candidate}");
        let found = self.get(&path).await.ok();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
        found["items"][0].clone()
    }

    /// The prospect of a Dover candidate on their job.
    pub(crate) async fn prospect_of(&self, who: &Person) -> Value {
        let path = format!(
            "/v1/connections/{CONNECTION}/prospects?dover_candidate_id={}&dover_job_id={}",
            who.id, who.job
        );
        let found = self.get(&path).await.ok();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
        found["items"][0].clone()
    }

    /// Every decision on a Dover candidate, latest first.
    pub(crate) async fn decisions(&self, who: &Person) -> Vec<Value> {
        let id = self.prospect_of(who).await["id"].clone();
        let path = format!(
            "/v1/connections/{CONNECTION}/prospects/{}/explain",
            id.as_str().unwrap()
        );
        let explained = self.get(&path).await.ok();
        explained["decisions"].as_array().unwrap().clone()
    }

    /// Asks for a Dover candidate to be decided again; `query` is empty or begins with a question mark.
    pub(crate) async fn resync(&self, who: &Person, query: &str) {
        let id = self.prospect_of(who).await["id"].clone();
        let path = format!(
            "/v1/connections/{CONNECTION}/prospects/{}/resync{query}",
            id.as_str().unwrap()
        );
        self.post(&path, json!({})).await.ok();
    }

    /// What the next flush would do.
    pub(crate) async fn preview(&self) -> Value {
        let path = format!("/v1/connections/{CONNECTION}/flushes/preview");
        self.get(&path).await.ok()
    }

    /// Flushes, and again: the second time nothing may be written. Answers what the first one wrote, endpoint by
    /// endpoint.
    pub(crate) async fn flush_to_rest(&self) -> Vec<String> {
        let before = self.mark().await;
        let flush = self.flush().await;
        assert_eq!(flush["status"], "done", "{flush}");
        let written = self.writes_since(before).await;
        let after = self.mark().await;
        // One that is refused or fails was asked for all the same.
        let asked = flush["ashby_calls"]["write"].as_u64().unwrap();
        assert!(asked >= u64::try_from(written.len()).unwrap(), "{flush}");
        let again = self.flush().await;
        assert_eq!(
            (&again["status"], &again["ashby_calls"]["write"]),
            (&json!("done"), &json!(0)),
            "{again}"
        );
        assert!(self.writes_since(after).await.is_empty());
        written
    }

    /// `count` prospects are parked for `reason`: counted in the report, with what to do, and listed by the filter.
    pub(crate) async fn counts_parked(&self, reason: &str, count: usize) {
        let path = format!("/v1/connections/{CONNECTION}");
        let report = self.get(&format!("{path}/reports/parked")).await.ok();
        let items = report["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["reason"] == reason);
        let item = item.unwrap_or_else(|| panic!("no {reason} in {report}"));
        assert_eq!(item["count"], count, "{report}");
        let waits_for = item["waits_for"].as_str().unwrap();
        assert_ne!(waits_for, "somebody", "{report}");
        let nobody_acts = ["learning-ashby", "create-in-doubt"].contains(&reason);
        assert_eq!(item["remedy"].is_null(), nobody_acts, "{report}");
        let listed = format!("{path}/prospects?state=parked&reason={reason}");
        let listed = self.get(&listed).await.ok();
        assert_eq!(listed["items"].as_array().unwrap().len(), count, "{listed}");
    }

    /// The code of the reason of the last decision on a Dover candidate.
    pub(crate) async fn reason(&self, candidate: &str) -> String {
        let prospect = self.prospect(candidate).await;
        prospect["last_decision"]["reason"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    // As Dover.

    /// A delivery, signed.
    pub(crate) fn signed(&self, id: &str, body: &[u8]) -> RequestBuilder {
        self.signed_for(CONNECTION, id, body)
    }

    /// A delivery for a connection that has the same secret as `acme`, signed.
    pub(crate) fn signed_for(&self, connection: &str, id: &str, body: &[u8]) -> RequestBuilder {
        let secret = WebhookSecret::parse(SECRET).unwrap();
        let mut request = self.request(Method::POST, &format!("/webhooks/dover/{connection}"));
        for (name, value) in sign(&secret, id, self.now().timestamp(), body) {
            request = request.header(name, value);
        }
        request
            .header("content-type", "application/json")
            .body(body.to_vec())
    }

    /// Sends a delivery under `id`.
    pub(crate) async fn deliver(&self, id: &str, delivery: &Value) -> Answer {
        self.send(self.signed(id, &serde_json::to_vec(delivery).unwrap()))
            .await
    }

    /// Sends a delivery, and again where the database was too slow for it, as it may be on a busy machine.
    pub(crate) async fn deliver_until_taken(&self, id: &str, delivery: &Value) -> Answer {
        let mut answer = self.deliver(id, delivery).await;
        for _ in 0..9 {
            if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                break;
            }
            answer = self.deliver(id, delivery).await;
        }
        answer
    }

    /// Dover says that `who` is at `stage` now, and is taken.
    pub(crate) async fn says(&self, who: &Person, stage: &str) {
        self.says_at(who, stage, self.now()).await;
    }

    /// Dover says that `who` is at `stage` as of `at`.
    pub(crate) async fn says_at(&self, who: &Person, stage: &str, at: DateTime<Utc>) {
        let delivery = who.change(json!({ "stage": stage, "updated_at": at }));
        let id = format!(
            "msg_{}_{}_{stage}_{}",
            who.id,
            who.job,
            at.timestamp_micros()
        );
        let answer = self.deliver_until_taken(&id, &delivery).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    }

    /// Dover says that `who` has `status` now.
    pub(crate) async fn says_status(&self, who: &Person, status: &str) {
        let delivery = who.change(json!({ "status": status, "updated_at": self.now() }));
        let now = self.now().timestamp_micros();
        let id = format!("msg_{}_{}_{status}_{now}", who.id, who.job);
        let answer = self.deliver(&id, &delivery).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    }

    // As the hiring team.

    /// Does something on the control plane of the simulator, and answers what came of it.
    pub(crate) async fn sim(&self, path: &str, body: Value) -> Value {
        self.sim_as(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn sim_as(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self
            .http
            .request(method, format!("http://{}/_sim/{path}", self.ashby));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = Answer::read(request.send().await.unwrap()).await;
        answer.ok()
    }

    /// Everything that Ashby holds.
    pub(crate) async fn world(&self) -> Value {
        self.sim_as(Method::GET, "world", None).await
    }

    /// The candidates of that name.
    pub(crate) async fn candidates(&self, name: &str) -> Vec<Value> {
        named(&self.world().await["candidates"], "name", name)
    }

    /// The applications of candidates of that name.
    pub(crate) async fn applications(&self, name: &str) -> Vec<Value> {
        named(&self.world().await["applications"], "candidate", name)
    }

    /// The one application of the one candidate of that name.
    pub(crate) async fn application(&self, name: &str) -> Value {
        let (people, applications) = (self.candidates(name).await, self.applications(name).await);
        assert_eq!(
            (people.len(), applications.len()),
            (1, 1),
            "{people:?} {applications:?}"
        );
        applications[0].clone()
    }

    /// The calls that the API got, oldest first.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        self.sim_as(Method::GET, "calls", None).await["calls"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The number of the next call.
    pub(crate) async fn mark(&self) -> u64 {
        let calls = self
            .sim_as(Method::GET, &format!("calls?since={}", u64::MAX), None)
            .await;
        calls["next"].as_u64().unwrap()
    }

    /// The endpoints of the calls that changed something, oldest first.
    pub(crate) async fn writes(&self) -> Vec<String> {
        self.writes_since(0).await
    }

    pub(crate) async fn writes_since(&self, mark: u64) -> Vec<String> {
        let calls = self
            .sim_as(Method::GET, &format!("calls?since={mark}"), None)
            .await;
        let calls = calls["calls"].as_array().unwrap();
        let writes = calls.iter().filter(|call| call["write"] == true);
        writes
            .map(|call| call["endpoint"].as_str().unwrap().to_owned())
            .collect()
    }

    /// An admin changes something in Ashby: `jobs`, `stages`, `sources`, `archive-reasons`.
    pub(crate) async fn edit(&self, kind: &str, thing: &Value, change: Value) -> Value {
        let path = format!("{kind}/{}", thing["id"].as_str().unwrap());
        self.sim_as(Method::PATCH, &path, Some(change)).await
    }

    /// Somebody in Ashby does something to an application: `move`, `archive`, `hire`.
    pub(crate) async fn recruiter(&self, deed: &str, application: &Value, body: Value) -> Value {
        let id = application["id"].as_str().unwrap();
        self.sim(&format!("applications/{id}/{deed}"), body).await
    }

    /// How often `endpoint` was called.
    pub(crate) async fn called(&self, endpoint: &str) -> usize {
        self.calls()
            .await
            .iter()
            .filter(|call| call["endpoint"] == endpoint)
            .count()
    }
}

fn named(list: &Value, key: &str, name: &str) -> Vec<Value> {
    list.as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry[key] == name)
        .cloned()
        .collect()
}

/// A candidate of Dover's.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) job: String,
    pub(crate) contact: Value,
}

impl Person {
    /// Somebody with an e-mail address and a LinkedIn profile, on the job `job_42`.
    pub(crate) fn new(name: &str) -> Self {
        let slug = name.to_lowercase().replace(' ', "-");
        Self {
            id: format!("cand_{slug}"),
            name: name.to_owned(),
            job: "job_42".to_owned(),
            contact: json!({
                "email": format!("{slug}@example.com"),
                "linkedin_url": format!("https://www.linkedin.com/in/{slug}"),
            }),
        }
    }

    /// The same on another job.
    pub(crate) fn on(mut self, job: &str) -> Self {
        job.clone_into(&mut self.job);
        self
    }

    /// The same with other contact fields.
    pub(crate) fn with(mut self, contact: Value) -> Self {
        self.contact = contact;
        self
    }

    /// A change of stage or status about them; `change` holds what `data` holds beside the candidate and the job.
    pub(crate) fn change(&self, change: Value) -> Value {
        let mut candidate = json!({ "id": self.id, "name": self.name });
        merge(&mut candidate, self.contact.clone());
        let mut data = json!({ "candidate": candidate, "job": { "id": self.job } });
        merge(&mut data, change);
        json!({ "type": "candidate.stage_changed", "timestamp": data["updated_at"], "data": data })
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
