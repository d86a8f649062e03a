//! Which files of people to be left alone are in force: put there, replaced, taken away and swept up.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor};

use super::{
    StoreError,
    audit::{By, Edit, What, keep},
    setting::Whose,
};
use crate::ids::{ConnectionId, DoverJobId, ExclusionImportId};

/// The files in force that count for `job`, oldest first; all of them where no job is given.
pub async fn in_force(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    job: Option<&DoverJobId>,
) -> Result<Vec<(ExclusionImportId, String)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT id, name FROM exclusion_import
        WHERE connection_id = $1 AND status = 'in-force' AND ($2::text IS NULL OR dover_job_id IS NULL OR dover_job_id = $2)
        ORDER BY id
        "#,
        connection.0,
        job.map(DoverJobId::as_str)
    )
    .fetch_all(db)
    .await?;
    let found = rows.into_iter().map(|row| (row.id.into(), row.name));
    Ok(found.collect())
}

/// Puts a file that was read in force; one that replaces takes the others for the same job, or for all, away. Answers
/// whether it is in force now: it is not while it is being read.
pub async fn put_in_force(
    tx: &mut PgConnection,
    connection: ConnectionId,
    id: ExclusionImportId,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let put = sqlx::query!(
        r#"
        WITH found AS (SELECT id, status FROM exclusion_import WHERE connection_id = $1 AND id = $2 FOR UPDATE)
        UPDATE exclusion_import i SET status = 'in-force', in_force_at = coalesce(i.in_force_at, $3)
        FROM found WHERE i.id = found.id AND found.status IN ('ready', 'in-force')
        RETURNING i.replaces, i.dover_job_id, i.name, i.people, found.status = 'ready' AS "is_news!"
        "#,
        connection.0,
        id.0,
        by.at
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(put) = put else {
        return Ok(false);
    };
    let whose = whose(put.dover_job_id.clone());
    let mut edits = Vec::new();
    if put.is_news {
        edits.push(Edit {
            key: &put.name,
            before: None,
            after: Some(kept(id, put.people)),
        });
    }
    let replaced = if put.replaces {
        replace(tx, connection, id, put.dover_job_id.as_deref()).await?
    } else {
        Vec::new()
    };
    edits.extend(replaced.iter().map(Gone::edit));
    keep(
        tx,
        Some(connection),
        What::ExclusionList,
        &whose,
        &edits,
        by,
    )
    .await?;
    Ok(true)
}

/// A file in force that was taken away.
struct Gone {
    id: ExclusionImportId,
    name: String,
    people: i64,
}

impl Gone {
    fn edit(&self) -> Edit<'_> {
        Edit {
            key: &self.name,
            before: Some(kept(self.id, self.people)),
            after: None,
        }
    }
}

/// What the audit keeps of a file: nothing of the people in it.
fn kept(id: ExclusionImportId, people: i64) -> Value {
    json!({ "id": id.to_string(), "people": people })
}

fn whose(job: Option<String>) -> Whose {
    job.map_or(Whose::Connection, |job| Whose::Job(job.into()))
}

/// Takes the older files in force for the same job, or for all jobs, away.
async fn replace(
    tx: &mut PgConnection,
    connection: ConnectionId,
    by: ExclusionImportId,
    job: Option<&str>,
) -> Result<Vec<Gone>, StoreError> {
    let rows = sqlx::query!(
        r#"
        UPDATE exclusion_import SET status = 'removed'
        WHERE connection_id = $1 AND id < $2 AND status = 'in-force' AND dover_job_id IS NOT DISTINCT FROM $3
        RETURNING id, name, people
        "#,
        connection.0,
        by.0,
        job
    )
    .fetch_all(tx)
    .await?;
    let gone = rows.into_iter().map(|row| Gone {
        id: row.id.into(),
        name: row.name,
        people: row.people,
    });
    Ok(gone.collect())
}

/// Takes a file away: it counts no more from now on, and [`sweep`] removes its rows. Answers whether it was there.
pub async fn remove(
    tx: &mut PgConnection,
    connection: ConnectionId,
    id: ExclusionImportId,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let removed = sqlx::query!(
        r#"
        WITH found AS (SELECT id, status FROM exclusion_import WHERE connection_id = $1 AND id = $2 FOR UPDATE)
        UPDATE exclusion_import i SET status = 'removed' FROM found WHERE i.id = found.id AND found.status <> 'removed'
        RETURNING i.name, i.people, i.dover_job_id, found.status = 'in-force' AS "was_in_force!"
        "#,
        connection.0,
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(removed) = removed else {
        return Ok(false);
    };
    if removed.was_in_force {
        let (name, people) = (removed.name, removed.people);
        let gone = Gone { id, name, people };
        let (what, whose) = (What::ExclusionList, whose(removed.dover_job_id));
        keep(tx, Some(connection), what, &whose, &[gone.edit()], by).await?;
    }
    Ok(true)
}

/// Takes a file away whose upload broke off; it has never counted.
pub async fn discard(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    id: ExclusionImportId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE exclusion_import SET status = 'removed' WHERE connection_id = $1 AND id = $2 AND status = 'reading'",
        connection.0,
        id.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes up to `limit` rows of files that were taken away, or whose upload has not come on since `stale`; the file itself
/// once it has none left. Answers how many rows went; 0: nothing is left to do.
pub async fn sweep(
    tx: &mut PgConnection,
    stale: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    let unfinished = sqlx::query_scalar!(
        r#"
        SELECT id FROM exclusion_import
        WHERE status = 'removed' OR (status = 'reading' AND read_at < $1)
        ORDER BY read_at LIMIT 1
        FOR UPDATE SKIP LOCKED
        "#,
        stale
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = unfinished else {
        return Ok(0);
    };
    let keys = sqlx::query!(
        r#"
        DELETE FROM exclusion_key WHERE import_id = $1
          AND key_hash IN (SELECT key_hash FROM exclusion_key WHERE import_id = $1 LIMIT $2)
        "#,
        id,
        limit
    )
    .execute(&mut *tx)
    .await?;
    let rows = sqlx::query!(
        r#"
        DELETE FROM exclusion_row WHERE import_id = $1
          AND line IN (SELECT line FROM exclusion_row WHERE import_id = $1 LIMIT $2)
        "#,
        id,
        limit
    )
    .execute(&mut *tx)
    .await?;
    let went = keys.rows_affected() + rows.rows_affected();
    if went == 0 {
        sqlx::query!("DELETE FROM exclusion_import WHERE id = $1", id)
            .execute(tx)
            .await?;
        return Ok(1);
    }
    Ok(went)
}
