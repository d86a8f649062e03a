//! The audit: every change of a setting, a lock, the exclusion list or a token, who made it, and when.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema, openapi::Schema};

use super::{connections::ConnectionPath, settings::any_value};
use crate::{
    http::{
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::At,
        problem::ApiError,
    },
    plan::settings::keys::Layer,
    store::{
        self,
        audit::{Change, Filter, What},
        setting::Whose,
    },
    sync::Sync,
};

/// As long as a delivery may write a job's id, and more than an e-mail address may have.
const MAX_FILTER: usize = 1_000;

/// Which changes to list, and which page of them.
#[derive(Debug)]
pub struct Listing {
    filter: Filter,
    paging: Paging<i64>,
}

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &[
        "what",
        "layer",
        "dover_job_id",
        "user",
        "key",
        "limit",
        "cursor",
    ];

    fn read(fields: &mut Fields) -> Option<Self> {
        let length = 1..=MAX_FILTER;
        let job = fields.text("dover_job_id", &length);
        let user = fields.text("user", &length).map(|user| user.to_lowercase());
        if job.is_some() && user.is_some() {
            fields.fault("user", "give a job or a user: no change is of both");
        }
        let layer = fields.word("layer", &Layer::SET);
        let of_subject = job.is_some().then_some(Layer::Job);
        let of_subject = of_subject.or(user.is_some().then_some(Layer::User));
        Some(Self {
            filter: Filter {
                layer: of_subject.or(layer),
                subject: job.or(user),
                what: fields.word("what", &What::WORDS),
                key: fields.text("key", &length),
            },
            paging: Paging::read("audit", fields),
        })
    }
}

/// Which changes to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `Listing`")]
pub struct AuditParams {
    /// Only those of this kind.
    #[param(inline, required = false)]
    what: What,
    /// Only those on this layer.
    #[param(required = false, pattern = "^(connection|job|user)$", example = "job")]
    layer: String,
    /// Only those of this job.
    #[param(required = false, min_length = 1, max_length = 1000)]
    dover_job_id: String,
    /// Only those of this user, by their e-mail address.
    #[param(required = false, min_length = 1, max_length = 1000)]
    user: String,
    /// Only those of this key.
    #[param(
        required = false,
        min_length = 1,
        max_length = 1000,
        example = "sync.trigger"
    )]
    key: String,
}

fn from_value() -> Schema {
    any_value("What it was; `null` where it was not set, or not there.")
}

fn to_value() -> Schema {
    any_value("What it came to be; `null` where it went back, or away.")
}

/// A change that was made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number: later is greater.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who made it.
    pub by: String,
    /// Of what.
    pub what: What,
    /// On which layer.
    pub layer: Layer,
    /// Of which job; only on that layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dover_job_id: Option<String>,
    /// Of which user; only on that layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// What names it: the key, the key or the group that is locked, the rule, the list or the token.
    pub key: String,
    /// What it was; `null` where it was not set, or not there.
    #[schema(required, schema_with = from_value)]
    pub from: Value,
    /// What it came to be; `null` where it went back, or away.
    #[schema(required, schema_with = to_value)]
    pub to: Value,
}

impl AuditEntry {
    fn of(change: Change) -> Self {
        let layer = change.whose.layer();
        let (dover_job_id, user) = match change.whose {
            Whose::Connection => (None, None),
            Whose::Job(job) => (Some(job.0), None),
            Whose::User(user) => (None, Some(user)),
        };
        Self {
            id: change.id,
            at: change.at,
            by: change.by,
            what: change.what,
            layer,
            dover_job_id,
            user,
            key: change.key,
            from: change.before.unwrap_or_default(),
            to: change.after.unwrap_or_default(),
        }
    }
}

/// List what was changed
///
/// Latest first: who changed what, when, from what to what. Settings and locks, with their layer; the rules of the exclusion
/// list, and the files of it that were in force; and the tokens that open this connection, or every one.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/audit", operation_id = "listAudit", tag = "Settings",
    params(ConnectionPath, AuditParams, PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<AuditEntry>))
)]
pub async fn list(
    State(sync): State<Sync>,
    At(connection): At,
    Query(Listing { filter, paging }): Query<Listing>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    let before = paging.beyond_or(i64::MAX);
    let rows = store::audit::changes(&sync.pool, connection.id, &filter, before, paging.rows());
    let mut rows = rows.await?;
    let next_cursor = paging.cut(&mut rows, |row| row.id);
    let items = rows.into_iter().map(AuditEntry::of).collect();
    Ok(Json(Page { items, next_cursor }))
}
