//! People who were erased at their request: erasing one, the tombstones, and lifting one.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    connections::ConnectionPath,
    prospects::{ProspectPath, profile_url},
};
use crate::{
    http::{
        fields::{Fields, Readable},
        json::Query,
        paging::{Page, Paging, PagingParams},
        place::{At, Within, uuid},
        problem::ApiError,
    },
    ids::{CandidateId, ErasureId, ProspectId},
    store::{self, erasure::Erasure},
    sync::{Sync, erase},
};

/// What is left for a person to do.
const IN_ASHBY: &str = "Nothing was changed in Ashby. Open each candidate there by its profile_url and anonymise them: that cannot be undone, and their applications have to be archived or hired.";

/// A person who was erased: what it takes to keep them from being made again, and nothing more.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Erasure)]
pub struct ErasureBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// When the person was erased.
    pub erased_at: DateTime<Utc>,
    /// Who they were in Ashby then. Nothing of them is changed there by us.
    pub ashby: Vec<ErasedInAshby>,
}

/// Somebody to be anonymised in Ashby by hand.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ErasedInAshby {
    /// The candidate.
    pub candidate_id: String,
    /// Where a person finds them in Ashby.
    pub profile_url: String,
}

impl ErasureBody {
    fn of(erasure: &Erasure) -> Self {
        let in_ashby = erasure.ashby_candidates.iter().map(|id| ErasedInAshby {
            candidate_id: id.clone(),
            profile_url: profile_url(&CandidateId(id.clone())),
        });
        Self {
            id: erasure.id.to_string(),
            erased_at: erasure.erased_at,
            ashby: in_ashby.collect(),
        }
    }
}

/// What was erased, and what is left to do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Erased {
    /// The erasure.
    #[serde(flatten)]
    pub erasure: ErasureBody,
    /// How many prospects are this person's.
    pub prospects: usize,
    /// How many deliveries were emptied now.
    pub deliveries: u64,
    /// How many decisions were removed now.
    pub decisions: u64,
    /// What is left to do in Ashby.
    pub remedy: String,
}

/// Erase a person
///
/// The person of this prospect, in all their prospects of the connection, also where Dover knows them under another id
/// with the same e-mail address or LinkedIn profile: what Dover said of them, the bodies and headers of their deliveries
/// and the decisions on them are gone for good. What stays are ids, times, and keyed hashes by which they are known again:
/// whatever comes about them later is acknowledged, kept without its content, and skipped as `erased`. Nothing is changed
/// in Ashby. Doing it again does no harm, and takes in what may have come meanwhile.
#[utoipa::path(
    delete, path = "/v1/connections/{connection}/prospects/{prospect}/personal-data", operation_id = "erasePerson",
    tag = "Erasures",
    params(ConnectionPath, ProspectPath),
    responses((status = 200, description = "Erased.", body = Erased))
)]
pub async fn erase_person(
    State(sync): State<Sync>,
    Within(connection, id): Within,
) -> Result<Json<Erased>, ApiError> {
    let prospect = uuid(&id, "prospect").map(ProspectId)?;
    let erased = erase::erase(&sync, connection.id, prospect).await?;
    let erasure = store::erasure::by_id(&sync.pool, connection.id, erased.id).await?;
    let erasure = erasure.ok_or_else(|| ApiError::not_found("erasure"))?;
    Ok(Json(Erased {
        erasure: ErasureBody::of(&erasure),
        prospects: erased.prospects,
        deliveries: erased.deliveries,
        decisions: erased.decisions,
        remedy: IN_ASHBY.to_owned(),
    }))
}

/// Which page of the erasures.
#[derive(Debug)]
pub struct Listing(Paging<Uuid>);

impl Readable for Listing {
    const FIELDS: &'static [&'static str] = &["limit", "cursor"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Paging::read("erasures", fields)))
    }
}

/// The path of an erasure.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `Within`")]
pub struct ErasurePath {
    /// The id of the erasure, as lists show it.
    #[param(format = "uuid")]
    erasure: String,
}

/// List erasures
///
/// Latest first.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/erasures", operation_id = "listErasures", tag = "Erasures",
    params(ConnectionPath, PagingParams),
    responses((status = 200, description = "One page of them.", body = Page<ErasureBody>))
)]
pub async fn list(
    State(sync): State<Sync>,
    At(connection): At,
    Query(Listing(paging)): Query<Listing>,
) -> Result<Json<Page<ErasureBody>>, ApiError> {
    let before = paging.beyond_or(Uuid::max()).into();
    let listed = store::erasure::list(&sync.pool, connection.id, before, paging.rows());
    let mut rows = listed.await?;
    let next_cursor = paging.cut(&mut rows, |row| row.id.0);
    let items = rows.iter().map(ErasureBody::of).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// Lift an erasure
///
/// What Dover says of the person counts again from now on, and they may be created in Ashby. What was erased stays gone.
#[utoipa::path(
    delete, path = "/v1/connections/{connection}/erasures/{erasure}", operation_id = "liftErasure", tag = "Erasures",
    params(ConnectionPath, ErasurePath),
    responses((status = 204, description = "Lifted."))
)]
pub async fn lift(
    State(sync): State<Sync>,
    Within(connection, id): Within,
) -> Result<StatusCode, ApiError> {
    let id = uuid(&id, "erasure").map(ErasureId)?;
    let mut tx = sync.pool.begin().await?;
    if !store::erasure::lift(&mut tx, connection.id, id).await? {
        return Err(ApiError::not_found("erasure"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
