//! Custom fields: those that an employer's Ashby has, and what was decided last of each in a candidate or an application.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, types::Json};

use super::StoreError;
use crate::{
    ids::ConnectionId,
    plan::fields::{Catalogue, Said, Write},
};

/// The fields that there are.
#[derive(Clone, Debug)]
pub struct Read {
    /// They.
    pub fields: Catalogue,
    /// When that was.
    pub at: DateTime<Utc>,
}

/// The fields that a connection's Ashby has, as last read. `None`: they never were.
pub async fn catalogue(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<Option<Read>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT fields AS "fields: Json<Catalogue>", read_at FROM field_catalogue WHERE connection_id = $1"#,
        connection.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Read {
        fields: row.fields.0,
        at: row.read_at,
    }))
}

/// Keeps the fields that were read.
pub async fn set_catalogue(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    fields: &Catalogue,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        INSERT INTO field_catalogue (connection_id, fields, read_at) VALUES ($1, $2, $3)
        ON CONFLICT (connection_id) DO UPDATE SET fields = excluded.fields, read_at = excluded.read_at,
            version = field_catalogue.version + (field_catalogue.fields IS DISTINCT FROM excluded.fields)::int
        "#,
        connection.0,
        Json(fields) as _,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether the fields have changed since a flush last decided by them.
pub async fn is_another(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
) -> Result<bool, StoreError> {
    let is_another = sqlx::query_scalar!(
        r#"SELECT version <> taken_in AS "is_another!" FROM field_catalogue WHERE connection_id = $1"#,
        connection.0
    )
    .fetch_optional(db)
    .await?;
    Ok(is_another.unwrap_or(false))
}

/// A flush decides by the fields as they are now. Only who holds the lease may say so.
pub async fn take_in(db: impl PgExecutor<'_>, connection: ConnectionId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE field_catalogue SET taken_in = version WHERE connection_id = $1 AND taken_in <> version",
        connection.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Has the fields read again before they are next relied on: Ashby refused one.
pub async fn distrust(db: impl PgExecutor<'_>, connection: ConnectionId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE field_catalogue SET read_at = 'epoch' WHERE connection_id = $1",
        connection.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What was decided of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The field; of one that takes several addresses, one address.
    pub slot: String,
    /// The variable that the value came from.
    pub variable: String,
    /// The policy that it was decided by.
    pub policy: Write,
    /// A keyed digest of the value that was wanted.
    pub digest: Vec<u8>,
    /// When Dover said so.
    pub said: Said,
    /// Whether what the field held then was the service's doing.
    pub is_ours: bool,
}

/// What was decided of the fields of these objects of Ashby's, each with the object's id.
pub async fn written(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    objects: &[String],
) -> Result<Vec<(String, Written)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT object_id, slot, variable, policy, digest, said_at, arrival, is_ours FROM field_written
        WHERE connection_id = $1 AND object_id = ANY($2)
        "#,
        connection.0,
        objects
    )
    .fetch_all(db)
    .await?;
    let written = rows.into_iter().map(|row| {
        let mut policies = Write::WORDS.into_iter();
        let policy = policies.find(|(word, _)| *word == row.policy);
        let written = Written {
            slot: row.slot,
            variable: row.variable,
            policy: policy.map_or(Write::Never, |(_, policy)| policy),
            digest: row.digest,
            said: (row.said_at, row.arrival),
            is_ours: row.is_ours,
        };
        (row.object_id, written)
    });
    Ok(written.collect())
}

/// Keeps what was decided of fields of an object.
pub async fn keep(
    tx: &mut PgConnection,
    connection: ConnectionId,
    object: &str,
    written: &[Written],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let of = |text: fn(&Written) -> String| -> Vec<String> { written.iter().map(text).collect() };
    let digests: Vec<Vec<u8>> = written.iter().map(|row| row.digest.clone()).collect();
    let said: Vec<DateTime<Utc>> = written.iter().map(|row| row.said.0).collect();
    let arrivals: Vec<i64> = written.iter().map(|row| row.said.1).collect();
    let ours: Vec<bool> = written.iter().map(|row| row.is_ours).collect();
    sqlx::query!(
        r#"
        INSERT INTO field_written
            (connection_id, object_id, slot, variable, policy, digest, said_at, arrival, is_ours, decided_at)
        SELECT $1, $2, slot, variable, policy, digest, said_at, arrival, is_ours, $10
        FROM unnest($3::text[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[], $8::int8[], $9::bool[])
             AS w (slot, variable, policy, digest, said_at, arrival, is_ours)
        -- In one order, so that two who keep the same object's at once do not wait for each other.
        ORDER BY slot
        ON CONFLICT (connection_id, object_id, slot)
        DO UPDATE SET variable = excluded.variable, policy = excluded.policy, digest = excluded.digest,
                      said_at = excluded.said_at, arrival = excluded.arrival, is_ours = excluded.is_ours,
                      decided_at = excluded.decided_at
        "#,
        connection.0,
        object,
        &of(|row| row.slot.clone()),
        &of(|row| row.variable.clone()),
        &of(|row| row.policy.word().to_owned()),
        &digests,
        &said,
        &arrivals,
        &ours,
        at
    )
    .execute(tx)
    .await?;
    Ok(())
}
