//! The flush: how long folding takes, and deciding whoever needs nothing of Ashby. Our own library works in this process,
//! over the durable Postgres; the simulated Ashby answers what a flush asks of it in any case, a handful of calls.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use dover_ashby_sync::{
    clock::{Clock, SystemClock},
    commands::demo::Control,
    dover::signature::WebhookSecret,
    ids::{ProspectId, StageId},
    plan::{
        identity,
        situation::{ApplicationStatus, Mode},
    },
    simulator::{ApiKey, Config, Simulator},
    store::{
        self,
        connection::Connection,
        flush::{FlushStatus, Trigger},
        job::Job,
        mirror::{How, Seen, Standing},
        prospect::Prospect,
    },
    sync::{Sync, connect, flush, fold, register},
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    deliveries::{BODY, CANDIDATE},
    design,
    hands::now,
    sheet::{Sheet, median, spread},
    stage::{SECRET, Stage},
};

/// Deliveries that wait, and prospects that they are about.
const DELIVERIES: u32 = 100_000;
const PROSPECTS: u32 = 20_000;
/// The job that they are all on, in Dover.
const JOB: &str = "job_42";
/// Sessions of the pool, as `serve` has them.
const SESSIONS: u32 = 16;
/// Prospects that Ashby is made to know in one transaction.
const PAGE: i64 = 500;

/// The key that the simulated Ashby takes.
const KEY: &str = "sim-key";
/// Where everybody stands already: what the deliveries ask for.
const STAGE: &str = "Replied";

/// Makes the deliveries: of each prospect five, each of a second of its own.
const FILL: &str = "
    WITH body AS (
        SELECT n, 'cand_' || lpad((n % $4)::text, 8, '0') AS candidate,
               convert_to(replace(replace($1, $2, lpad((n % $4)::text, 8, '0')), '09:59:58', '09:59:5' || n / $4), 'UTF8') AS body
        FROM generate_series(0, $3 - 1) AS n
    ), made AS (
        INSERT INTO delivery (connection_id, webhook_id, body_hash, received_at, verdict, type, dover_candidate_id,
                              dover_job_id, headers, body)
        SELECT $5, 'queued_' || n, sha256(body), now(), 'accepted', 'candidate.stage_changed', candidate, $6, '{}', body
        FROM body ORDER BY n
        RETURNING id, connection_id, received_at
    )
    INSERT INTO pending (delivery_id, connection_id, received_at) SELECT * FROM made";

/// Where a flush is measured.
struct Scene {
    stage: Stage,
    sync: Sync,
    connection: Connection,
    job: Job,
}

/// Measures and notes it.
pub(crate) async fn measure(stage: &Stage, rounds: usize, sheet: &mut Sheet) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let ashby = listener.local_addr()?;
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let simulator = Simulator::new(Config {
        seed: 7,
        api_keys: vec![ApiKey::full(KEY)],
        now: Arc::new(|| SystemClock.now()),
    });
    let serving = tokio::spawn(async move { simulator.serve(listener, stopped).await });
    let scene = Scene::set(stage.twin("figures_flush").await?, ashby).await?;
    let (mut folds, mut drains) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let (fold, drain) = scene.round().await?;
        crate::progress(&format!(
            "round {round}: folded in {fold:.2?}, decided in {drain:.2?}"
        ));
        folds.push(fold.as_secs_f64());
        drains.push(drain.as_secs_f64());
    }
    scene.sync.pool.close().await;
    stop.cancel();
    serving.await??;
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
        median(whole.map(|it| f64::from(DELIVERIES) / it).collect()),
        60_000.0,
    );
    let prospects = drains.iter().map(|it| f64::from(PROSPECTS) / it);
    sheet.at_least(
        "prospects a second, decided, no call needed".to_owned(),
        median(prospects.collect()),
        20_000.0,
    );
}

impl Scene {
    /// An employer with one job, whose Ashby was read from end to end.
    async fn set(stage: Stage, ashby: SocketAddr) -> Result<Self> {
        let pool = store::pool(&stage.url(), SESSIONS, Duration::from_secs(5))?;
        store::migrate(&pool).await?;
        let control = Control::new(ashby);
        control.furnish().await?;
        let title = "Staff Engineer";
        let job = control.make("jobs", json!({ "title": title })).await?;
        let job = job["id"].as_str().context("the id of a job")?;

        let address = format!("http://localhost:{}", ashby.port()).parse()?;
        let sync = design::sync(pool, &stage.master_key, address).await?;
        let secret = WebhookSecret::parse(SECRET)?;
        let now = sync.clock.now();
        let connected = connect::connect(&sync, "default", &KEY.into(), &secret, now).await?;
        let new = register::NewJob {
            dover_job_id: JOB,
            ashby_job: job,
            title,
            mode: Mode::Live,
        };
        let (job, _) = register::register(&sync, connected.connection.id, &new).await?;
        let scene = Self {
            stage,
            sync,
            connection: connected.connection,
            job,
        };
        scene.flush().await?;
        Ok(scene)
    }

    /// One measurement: how long folding took, and deciding.
    async fn round(&self) -> Result<(Duration, Duration)> {
        self.fill().await?;
        let began = now();
        let folded = fold::fold(&self.sync, &self.connection).await?;
        let fold = now() - began;
        ensure!(folded == usize::try_from(DELIVERIES)?, "{folded} folded");
        self.make_known().await?;
        let began = now();
        self.flush().await?;
        let drain = now() - began;
        self.check().await?;
        Ok((fold, drain))
    }

    /// Begins from nothing but deliveries that wait, and tables that the planner knows.
    async fn fill(&self) -> Result<()> {
        let mut session = self.stage.session().await?;
        sqlx::raw_sql("TRUNCATE delivery, pending, prospect, flush, ashby_application, ashby_identity CASCADE")
            .execute(&mut session)
            .await?;
        sqlx::query(FILL)
            .bind(BODY)
            .bind(CANDIDATE)
            .bind(i32::try_from(DELIVERIES)?)
            .bind(i32::try_from(PROSPECTS)?)
            .bind(self.connection.id.0)
            .bind(JOB)
            .execute(&mut session)
            .await?;
        self.settle().await
    }

    /// Lets Ashby have everybody where Dover says they are: it was read, so that nothing has to be asked.
    async fn make_known(&self) -> Result<()> {
        let mut stages = self.job.stages.iter();
        let stage = stages.find(|stage| stage.title == STAGE);
        let stage = &stage.context("the stage that is asked for")?.id;
        let mut after = ProspectId::from(uuid::Uuid::nil());
        loop {
            let (pool, connection) = (&self.sync.pool, self.connection.id);
            let page = store::prospect::pending(pool, connection, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            let seen: Vec<Seen> = page.iter().map(|one| self.seen(one, stage)).collect();
            let people = seen.iter().zip(&page).map(|(seen, one)| {
                let keys = identity::keys(&one.says.contact);
                let hash = |key| self.sync.vault.identity_hash(connection, key);
                (seen.candidate.clone(), keys.iter().map(hash).collect())
            });
            let people: Vec<_> = people.collect();
            let mut tx = pool.begin().await?;
            store::mirror::identify(&mut tx, connection, &people).await?;
            let how = How::Looked(self.sync.clock.now());
            store::mirror::saw(&mut tx, connection, &seen, how).await?;
            tx.commit().await?;
        }
        self.settle().await
    }

    fn seen(&self, prospect: &Prospect, stage: &StageId) -> Seen {
        let who = &prospect.dover_candidate_id;
        Seen {
            id: format!("application_of_{who}").into(),
            candidate: format!("ashby_{who}").into(),
            job: self.job.ashby_job_id.clone(),
            standing: Some(Standing {
                stage: stage.clone(),
                status: ApplicationStatus::Lead,
            }),
            archive_reason: None,
            source: None,
            // Before anything that Dover says.
            updated_at: chrono::DateTime::UNIX_EPOCH,
            archived_at: None,
        }
    }

    async fn settle(&self) -> Result<()> {
        let mut session = self.stage.session().await?;
        for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
            sqlx::raw_sql(statement).execute(&mut session).await?;
        }
        Ok(())
    }

    /// A whole flush.
    async fn flush(&self) -> Result<()> {
        let started = flush::start(&self.sync, self.connection.id, Trigger::Manual).await?;
        let started = started.context("the lease is taken")?;
        let status = started.run(&self.sync, CancellationToken::new()).await?;
        ensure!(status == FlushStatus::Done, "the flush is {status:?}");
        Ok(())
    }

    /// Nothing waits any more, and everybody was found where Dover wants them.
    async fn check(&self) -> Result<()> {
        let decided = "decision WHERE reason = 'already-there'";
        let linked = "prospect WHERE state = 'synced' AND application_id IS NOT NULL";
        for what in [decided, linked] {
            let count = self.stage.count(what).await?;
            ensure!(count == u64::from(PROSPECTS), "{count} of {what}");
        }
        ensure!(self.stage.count("pending").await? == 0, "some wait");
        Ok(())
    }
}
