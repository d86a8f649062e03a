//! An employer whose deliveries are flushed: one connection with one job, on a database of its own, and the library that
//! works on it in this process.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::DateTime;
use dover_ashby_sync::{
    clock::SharedClock,
    dover::signature::WebhookSecret,
    ids::StageId,
    plan::{
        settings::locks::Who,
        situation::{ApplicationStatus, Mode},
    },
    store::{
        self,
        connection::Connection,
        flush::{FlushStatus, Trigger},
        job::Job,
        mirror::{How, Seen, Standing},
        setting::Whose,
    },
    sync::{Sync, connect, flush, register, settings},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    ashby::{Ashby, KEY, TITLE},
    deliveries, design,
    queue::{JOB, Queue},
    stage::{SECRET, Stage},
};

/// Sessions of the pool, as `serve` has them.
const SESSIONS: u32 = 16;
/// Candidates that the mirror is told of in one transaction.
const PAGE: usize = 500;
/// What the deliveries' `replied` comes to.
pub(crate) const STAGE: &str = "Replied";

/// See the module.
pub(crate) struct Employer {
    pub(crate) stage: Stage,
    pub(crate) sync: Sync,
    pub(crate) connection: Connection,
    job: Job,
}

impl Employer {
    /// The employer of the connection that is there, or of a new one.
    pub(crate) async fn set(stage: Stage, ashby: &Ashby, clock: SharedClock) -> Result<Self> {
        let pool = store::pool(&stage.url(), SESSIONS, Duration::from_secs(5))?;
        store::migrate(&pool).await?;
        let sync = design::sync(pool, &stage.master_key, ashby.url()?, clock).await?;
        let connection = connection(&sync).await?;
        let new = register::NewJob {
            dover_job_id: JOB,
            ashby_job: ashby.job.as_str(),
            title: TITLE,
            mode: Mode::Live,
        };
        let (job, _) = register::register(&sync, connection.id, &new).await?;
        Ok(Self {
            stage,
            sync,
            connection,
            job,
        })
    }

    /// Changes settings of the connection.
    pub(crate) async fn settle_on(&self, wanted: Value) -> Result<()> {
        let Value::Object(wanted) = wanted else {
            anyhow::bail!("settings are an object");
        };
        let who = Who {
            name: "figures".to_owned(),
            is_admin: true,
        };
        let whose = Whose::Connection;
        settings::change(&self.sync, self.connection.id, &whose, &wanted, &who).await?;
        Ok(())
    }

    /// Begins from nothing but deliveries that wait, and tables that the planner knows.
    pub(crate) async fn queue(&self, queue: &Queue) -> Result<()> {
        let mut session = self.stage.session().await?;
        sqlx::raw_sql("TRUNCATE delivery, pending, prospect, decision, flush CASCADE")
            .execute(&mut session)
            .await?;
        queue.fill(&mut session).await?;
        settle(&self.stage).await
    }

    /// Lets the mirror have so many where the deliveries want them, as if Ashby had been read: then nothing has to be
    /// asked.
    pub(crate) async fn make_known(&self, prospects: u32) -> Result<()> {
        let stages = self.job.stages.iter();
        let stage = stages.clone().find(|stage| stage.title == STAGE);
        let stage = &stage.context("the stage that is asked for")?.id;
        let (pool, connection) = (&self.sync.pool, self.connection.id);
        let numbers: Vec<u32> = (0..prospects).collect();
        for numbers in numbers.chunks(PAGE) {
            let seen: Vec<Seen> = numbers.iter().map(|it| self.seen(*it, stage)).collect();
            let people = seen.iter().zip(numbers).map(|(seen, number)| {
                let keys = deliveries::identities(*number);
                let hash = |key| self.sync.vault.identity_hash(connection, &key);
                (seen.candidate.clone(), keys.into_iter().map(hash).collect())
            });
            let people: Vec<_> = people.collect();
            let mut tx = pool.begin().await?;
            store::mirror::identify(&mut tx, connection, &people).await?;
            let how = How::Looked(self.sync.clock.now());
            store::mirror::saw(&mut tx, connection, &seen, how).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    fn seen(&self, number: u32, stage: &StageId) -> Seen {
        Seen {
            id: format!("application_of_{number:08}").into(),
            candidate: format!("ashby_{number:08}").into(),
            job: self.job.ashby_job_id.clone(),
            standing: Some(Standing {
                stage: stage.clone(),
                status: ApplicationStatus::Lead,
            }),
            archive_reason: None,
            source: None,
            // Before anything that Dover says.
            updated_at: DateTime::UNIX_EPOCH,
            archived_at: None,
        }
    }

    /// A whole flush, from taking the lease to giving it back.
    pub(crate) async fn flush(&self) -> Result<()> {
        let started = flush::start(&self.sync, self.connection.id, Trigger::Manual).await?;
        let started = started.context("the lease is taken")?;
        let status = started.run(&self.sync, CancellationToken::new()).await?;
        ensure!(status == FlushStatus::Done, "the flush is {status:?}");
        Ok(())
    }

    /// Gives its sessions back.
    pub(crate) async fn leave(self) {
        self.sync.pool.close().await;
    }
}

/// The connection that our program made of its environment, or one like it.
async fn connection(sync: &Sync) -> Result<Connection> {
    if let Some(connection) = store::connection::by_name(&sync.pool, "default").await? {
        return Ok(connection);
    }
    let secret = WebhookSecret::parse(SECRET)?;
    let now = sync.clock.now();
    let connected = connect::connect(sync, "default", &KEY.into(), &secret, now).await?;
    Ok(connected.connection)
}

/// Leaves nothing to be tidied up or written meanwhile.
pub(crate) async fn settle(stage: &Stage) -> Result<()> {
    let mut session = stage.session().await?;
    for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
        sqlx::raw_sql(statement).execute(&mut session).await?;
    }
    Ok(())
}
