//! The audit: who changed what, when, from what to what. Whatever is in it is kept in the transaction that changes it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;

use super::{StoreError, setting::Whose};
use crate::{ids::ConnectionId, plan::settings::keys::Layer};

/// What is changed of something.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit<'a> {
    /// What names it: a key, a group that is locked, a rule, a list or a token.
    pub key: &'a str,
    /// What it was; `None` where it was not there, or not set.
    pub before: Option<Value>,
    /// What it is to be; `None` where it goes.
    pub after: Option<Value>,
}

/// Who changes something, and when.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Who.
    pub name: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a change was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AuditOf)]
pub enum What {
    /// The value of a key.
    Value,
    /// A lock: `true` where it is locked, `null` where it is not.
    Lock,
    /// A rule of the exclusion list.
    ExclusionRule,
    /// A file of people to be left alone: there while it is in force.
    ExclusionList,
    /// An access token: there until it is revoked.
    Token,
    /// The bootstrap token: `true` while it opens everything, `null` while it opens nothing.
    BootstrapToken,
}

impl What {
    /// Each with its word, as the HTTP contract and rows have it.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("value", Self::Value),
        ("lock", Self::Lock),
        ("exclusion-rule", Self::ExclusionRule),
        ("exclusion-list", Self::ExclusionList),
        ("token", Self::Token),
        ("bootstrap-token", Self::BootstrapToken),
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Lock => "lock",
            Self::ExclusionRule => "exclusion-rule",
            Self::ExclusionList => "exclusion-list",
            Self::Token => "token",
            Self::BootstrapToken => "bootstrap-token",
        }
    }

    pub(super) fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::WORDS.iter().find(|(known, _)| *known == word);
        found
            .map(|(_, what)| *what)
            .ok_or_else(|| StoreError::Unreadable {
                what: "what a change was of",
                detail: word.to_owned(),
            })
    }
}

/// Keeps that something was changed, in order. What concerns every connection is of none. What decisions depend on is not
/// taken in until a flush has let go whoever was decided without it.
pub(super) async fn keep(
    tx: &mut PgConnection,
    connection: Option<ConnectionId>,
    what: What,
    whose: &Whose,
    edits: &[Edit<'_>],
    by: By<'_>,
) -> Result<(), StoreError> {
    let keys: Vec<String> = edits.iter().map(|edit| edit.key.to_owned()).collect();
    let before: Vec<Option<Value>> = edits.iter().map(|edit| edit.before.clone()).collect();
    let after: Vec<Option<Value>> = edits.iter().map(|edit| edit.after.clone()).collect();
    sqlx::query!(
        r#"
        INSERT INTO setting_change (connection_id, what, layer, subject, key, before, after, changed_at, changed_by, taken_in)
        SELECT $1, $2, $3, $4, key, before, after, $8, $9, $2 IN ('token', 'bootstrap-token')
        FROM unnest($5::text[], $6::jsonb[], $7::jsonb[]) WITH ORDINALITY AS e (key, before, after, place) ORDER BY place
        "#,
        connection.map(|id| id.0),
        what.word(),
        whose.layer().word(),
        whose.subject(),
        &keys,
        &before as _,
        &after as _,
        by.at,
        by.name,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A change that was made.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its number: later is greater.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who made it.
    pub by: String,
    /// Of what.
    pub what: What,
    /// Whose.
    pub whose: Whose,
    /// What names it: a key, a group that is locked, a rule, a list or a token.
    pub key: String,
    /// What it was.
    pub before: Option<Value>,
    /// What it came to be.
    pub after: Option<Value>,
}

/// Which changes to list: whatever is given has to fit.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only on this layer.
    pub layer: Option<Layer>,
    /// Only of this job or user.
    pub subject: Option<String>,
    /// Only of this kind.
    pub what: Option<What>,
    /// Only of this key.
    pub key: Option<String>,
}

/// Changes of a connection and of what concerns every one, the latest first, at most `limit` before `before`.
pub async fn changes(
    db: impl PgExecutor<'_>,
    connection: ConnectionId,
    filter: &Filter,
    before: i64,
    limit: i64,
) -> Result<Vec<Change>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- Each half comes in order from the index, so that neither reads more than a page.
        SELECT id AS "id!", changed_at AS "changed_at!", changed_by AS "changed_by!", what AS "what!", layer AS "layer!",
               subject AS "subject!", key AS "key!", before, after
        FROM (
            (SELECT * FROM setting_change
             WHERE connection_id = $1 AND id < $2 AND ($3::text IS NULL OR layer = $3)
               AND ($4::text IS NULL OR subject = $4) AND ($5::text IS NULL OR key = $5) AND ($7::text IS NULL OR what = $7)
             ORDER BY id DESC LIMIT $6)
            UNION ALL
            (SELECT * FROM setting_change
             WHERE connection_id IS NULL AND id < $2 AND ($3::text IS NULL OR layer = $3)
               AND ($4::text IS NULL OR subject = $4) AND ($5::text IS NULL OR key = $5) AND ($7::text IS NULL OR what = $7)
             ORDER BY id DESC LIMIT $6)
        ) found
        ORDER BY id DESC LIMIT $6
        "#,
        connection.0,
        before,
        filter.layer.map(Layer::word),
        filter.subject,
        filter.key,
        limit,
        filter.what.map(What::word)
    )
    .fetch_all(db)
    .await?;
    let change = rows.into_iter().map(|row| {
        Ok(Change {
            id: row.id,
            at: row.changed_at,
            by: row.changed_by,
            what: What::parse(&row.what)?,
            whose: Whose::read(&row.layer, row.subject)?,
            key: row.key,
            before: row.before,
            after: row.after,
        })
    });
    change.collect()
}
