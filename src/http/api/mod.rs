//! The admin's REST: every resource under `/v1`. Handlers extract, call once and map; whatever they refuse is answered
//! with a problem document.

pub mod audit;
pub mod connections;
pub mod deliveries;
pub mod erasures;
pub mod exclusions;
pub mod field_map;
pub mod flushes;
pub mod jobs;
pub mod prospects;
pub mod reports;
pub mod settings;
pub mod tokens;

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::any};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth,
    json::MAX_BODY_BYTES,
    problem::{ApiError, Code},
    state::AppState,
};

/// Every route of the admin's REST, with its description.
#[rustfmt::skip]
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(tokens::list, tokens::create))  // /v1/tokens
        .routes(routes!(tokens::read, tokens::revoke)) // …/{token}
        .routes(routes!(tokens::read_bootstrap, tokens::change_bootstrap)) // /v1/bootstrap-token
        // /v1/connections
        .routes(routes!(connections::list, connections::create))
        // /v1/connections/{connection}
        .routes(routes!(connections::read, connections::change, connections::remove))
        .routes(routes!(connections::check))           // …/check
        .routes(routes!(connections::pause))           // …/pause
        .routes(routes!(connections::resume))          // …/resume
        .routes(routes!(connections::rotate))          // …/webhook-secret/rotate
        .routes(routes!(connections::rotate_ashby))    // …/ashby-webhook-secret/rotate
        .routes(routes!(settings::read, settings::change)) // …/settings
        .routes(routes!(settings::locks::read, settings::locks::change)) // …/settings/locks
        .routes(routes!(settings::read_user, settings::change_user)) // …/users/{user}/settings
        .routes(routes!(field_map::read, field_map::change)) // …/field-map
        .routes(routes!(audit::list))                  // …/audit
        // /v1/connections/{connection}/jobs
        .routes(routes!(jobs::list, jobs::register))
        .routes(routes!(jobs::read, jobs::change, jobs::remove)) // …/{job}
        .routes(routes!(settings::read_job, settings::change_job)) // …/{job}/settings
        // /v1/connections/{connection}/deliveries
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::replay_all))       // …/replay
        .routes(routes!(deliveries::read))             // …/{delivery}
        .routes(routes!(deliveries::replay))           // …/{delivery}/replay
        // /v1/connections/{connection}/prospects
        .routes(routes!(prospects::list))
        .routes(routes!(prospects::read))              // …/{prospect}
        .routes(routes!(prospects::explain))           // …/{prospect}/explain
        .routes(routes!(prospects::resync))            // …/{prospect}/resync
        .routes(routes!(erasures::erase_person))       // …/{prospect}/personal-data
        .routes(routes!(erasures::list))               // /v1/connections/{connection}/erasures
        .routes(routes!(erasures::lift))               // …/{erasure}
        // /v1/connections/{connection}/exclusions
        .routes(routes!(exclusions::list_imports, exclusions::import)) // …/imports
        .routes(routes!(exclusions::read_import, exclusions::remove_import)) // …/imports/{import}
        .routes(routes!(exclusions::commit_import))    // …/imports/{import}/commit
        .routes(routes!(exclusions::read_rules, exclusions::set_rules)) // …/rules
        .routes(routes!(exclusions::check))            // …/check
        .routes(routes!(exclusions::export))           // …/export
        .routes(routes!(reports::parked))              // /v1/connections/{connection}/reports/parked
        // /v1/connections/{connection}/flushes
        .routes(routes!(flushes::list, flushes::start))
        .routes(routes!(flushes::preview))             // …/preview
        .routes(routes!(flushes::read))                // …/{flush}
        .routes(routes!(flushes::held))                // …/{flush}/preview
        .routes(routes!(flushes::approve))             // …/{flush}/approve
        .routes(routes!(flushes::refuse))              // …/{flush}/refuse
        .routes(routes!(flushes::preview_undo, flushes::undo_flush)) // …/{flush}/undo
}

/// The admin's REST, to be merged into a router: closed to strangers, and with a problem document for whatever else is
/// asked under `/v1`.
pub fn router(state: &AppState) -> Router<AppState> {
    let missing = async || ApiError::new(Code::NotFound, "There is nothing under this path.");
    let not_so = async || {
        ApiError::new(
            Code::MethodNotAllowed,
            "The header `Allow` names the methods that this path takes.",
        )
    };
    // Routes and no fallback: they stay behind the token when this is merged into a router with a fallback of its own.
    Router::from(routes())
        .route("/v1", any(missing))
        .route("/v1/", any(missing))
        .route("/v1/{*rest}", any(missing))
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(state.clone(), auth::known))
}
