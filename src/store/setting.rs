//! What was set, on which layer, when and by whom; and what is locked. Every change of both is kept in the audit.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::{
    StoreError,
    audit::{By, Edit, What, keep},
};
use crate::{
    ids::{ConnectionId, DoverJobId},
    plan::settings::{
        keys::Layer,
        layers::{Changed, Held, Layered, Stack},
    },
};

/// Whose settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The connection's.
    Connection,
    /// A job's.
    Job(DoverJobId),
    /// A user's, by their e-mail address in lower case.
    User(String),
}

impl Whose {
    /// Their layer.
    pub const fn layer(&self) -> Layer {
        match self {
            Self::Connection => Layer::Connection,
            Self::Job(_) => Layer::Job,
            Self::User(_) => Layer::User,
        }
    }

    /// What names them on that layer.
    pub fn subject(&self) -> &str {
        match self {
            Self::Connection => "",
            Self::Job(job) => job.as_str(),
            Self::User(email) => email,
        }
    }

    pub(super) fn read(layer: &str, subject: String) -> Result<Self, StoreError> {
        match layer {
            "connection" => Ok(Self::Connection),
            "job" => Ok(Self::Job(subject.into())),
            "user" => Ok(Self::User(subject)),
            _ => Err(StoreError::Unreadable {
                what: "the layer of a setting",
                detail: layer.to_owned(),
            }),
        }
    }
}

/// Everything that was set for a connection, its jobs and its users.
#[derive(Clone, Debug, Default)]
pub struct AllSet {
    /// For the connection.
    pub connection: Layered,
    /// For each job.
    pub jobs: HashMap<DoverJobId, Layered>,
    /// For each user.
    pub users: HashMap<String, Layered>,
}

impl AllSet {
    /// The layers that hold for somebody on a job, owned by a user.
    pub fn stack(&self, job: Option<&DoverJobId>, user: Option<&str>) -> Stack<'_> {
        Stack {
            connection: Some(&self.connection),
            job: job.and_then(|job| self.jobs.get(job)),
            user: user.and_then(|user| self.users.get(user)),
        }
    }

    /// What was set for one of them.
    pub fn of(&mut self, whose: &Whose) -> &mut Layered {
        match whose {
            Whose::Connection => &mut self.connection,
            Whose::Job(job) => self.jobs.entry(job.clone()).or_default(),
            Whose::User(user) => self.users.entry(user.clone()).or_default(),
        }
    }
}

/// Everything that was set.
pub async fn all(db: impl PgExecutor<'_>, connection: ConnectionId) -> Result<AllSet, StoreError> {
    let rows = sqlx::query!(
        "SELECT layer, subject, key, value, changed_at, changed_by FROM setting WHERE connection_id = $1",
        connection.0
    )
    .fetch_all(db)
    .await?;
    let mut all = AllSet::default();
    for row in rows {
        let (at, by) = (row.changed_at, row.changed_by);
        let held = Held {
            value: row.value,
            changed: Changed { at, by },
        };
        all.of(&Whose::read(&row.layer, row.subject)?)
            .insert(row.key, held);
    }
    Ok(all)
}

/// The keys and groups that are locked, in order.
pub async fn locked(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        "SELECT name FROM setting_lock WHERE connection_id = $1 ORDER BY name",
        connection.0
    )
    .fetch_all(db)
    .await?;
    Ok(names)
}

/// Lets nobody else change settings of a connection until the transaction ends. Answers whether there is one.
pub async fn lock(tx: &mut PgConnection, connection: ConnectionId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM connection WHERE id = $1 FOR NO KEY UPDATE",
        connection.0
    )
    .fetch_optional(tx)
    .await?;
    Ok(found.is_some())
}

/// Sets keys, and keeps that they were changed.
pub async fn set(
    tx: &mut PgConnection,
    connection: ConnectionId,
    whose: &Whose,
    edits: &[Edit<'_>],
    by: By<'_>,
) -> Result<(), StoreError> {
    let keys: Vec<String> = edits.iter().map(|edit| edit.key.to_owned()).collect();
    let after: Vec<Option<Value>> = edits.iter().map(|edit| edit.after.clone()).collect();
    sqlx::query!(
        r#"
        INSERT INTO setting (connection_id, layer, subject, key, value, changed_at, changed_by)
        SELECT $1, $2, $3, key, value, $6, $7 FROM unnest($4::text[], $5::jsonb[]) AS e (key, value)
        ON CONFLICT (connection_id, layer, subject, key)
        DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at, changed_by = excluded.changed_by
        "#,
        connection.0,
        whose.layer().word(),
        whose.subject(),
        &keys,
        &after as _,
        by.at,
        by.name,
    )
    .execute(&mut *tx)
    .await?;
    keep(tx, Some(connection), What::Value, whose, edits, by).await
}

/// Locks or unlocks keys and groups, and keeps that it was done. `after` is there where it is locked.
pub async fn set_locks(
    tx: &mut PgConnection,
    connection: ConnectionId,
    edits: &[Edit<'_>],
    by: By<'_>,
) -> Result<(), StoreError> {
    let named = |is_locked: bool| -> Vec<String> {
        let those = edits
            .iter()
            .filter(|edit| edit.after.is_some() == is_locked);
        those.map(|edit| edit.key.to_owned()).collect()
    };
    sqlx::query!(
        "INSERT INTO setting_lock (connection_id, name) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
        connection.0,
        &named(true)
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "DELETE FROM setting_lock WHERE connection_id = $1 AND name = ANY($2)",
        connection.0,
        &named(false)
    )
    .execute(&mut *tx)
    .await?;
    keep(
        tx,
        Some(connection),
        What::Lock,
        &Whose::Connection,
        edits,
        by,
    )
    .await
}

/// What was changed since the last flush took changes in.
#[derive(Debug, Default)]
pub struct News {
    /// The settings: whose, and of which key.
    pub values: Vec<(Whose, String)>,
    /// Whether the exclusion list was.
    pub exclusions: bool,
}

/// Takes in the changes that no flush has taken in yet.
pub async fn take_in(tx: &mut PgConnection, connection: ConnectionId) -> Result<News, StoreError> {
    let rows = sqlx::query!(
        r#"
        UPDATE setting_change SET taken_in = true WHERE connection_id = $1 AND NOT taken_in
        RETURNING what, layer, subject, key
        "#,
        connection.0
    )
    .fetch_all(tx)
    .await?;
    let mut news = News::default();
    for row in rows {
        match What::parse(&row.what)? {
            What::Value => {
                let whose = Whose::read(&row.layer, row.subject)?;
                news.values.push((whose, row.key));
            }
            What::ExclusionRule | What::ExclusionList => news.exclusions = true,
            What::Lock | What::Token | What::BootstrapToken => {}
        }
    }
    Ok(news)
}
