//! The doors: webhooks in, the admin's REST, and what monitoring reads.

pub mod access;
pub mod api;
pub mod ashby_webhook;
pub mod auth;
pub mod docs;
pub mod fields;
pub mod gates;
pub mod json;
pub mod openapi;
pub mod ops;
pub mod paging;
pub mod place;
pub mod problem;
pub mod receiver;
pub mod rehearsal;
pub mod sheet;
pub mod state;
pub mod webhook;

use axum::{
    Router,
    extract::{Request, State},
    http::Method,
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use problem::{ApiError, Code};
use state::AppState;

/// Every route; those of the admin's REST stand in [`api::routes`].
#[rustfmt::skip]
pub fn router(state: AppState) -> Router {
    let api = api::router(&state).layer(middleware::from_fn_with_state(state.clone(), forget_gates));
    Router::new()
        .route("/webhooks/dover", post(webhook::receive_default))
        .route("/webhooks/dover/{connection}", post(webhook::receive))
        .route("/webhooks/ashby", post(ashby_webhook::receive_default))
        .route("/webhooks/ashby/{connection}", post(ashby_webhook::receive))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/openapi.yaml", get(openapi::serve))
        .route("/docs", get(docs::serve))
        .method_not_allowed_fallback(method_not_allowed)
        .merge(api)
        .merge(monitoring(&state))
        .fallback(not_found)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(state)
}

/// What monitoring reads in depth: for everybody, or for those with a token.
fn monitoring(state: &AppState) -> Router<AppState> {
    let monitoring = Router::new()
        .route("/health", get(ops::health))
        .route("/metrics", get(ops::metrics))
        .method_not_allowed_fallback(method_not_allowed);
    if state.guards_monitoring {
        monitoring.layer(middleware::from_fn_with_state(state.clone(), auth::known))
    } else {
        monitoring
    }
}

/// Whatever an admin changes counts for the next webhook.
async fn forget_gates(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let changes = request.method() != Method::GET;
    let response = next.run(request).await;
    if changes {
        state.gates.forget();
    }
    response
}

async fn not_found() -> ApiError {
    ApiError::new(
        Code::NotFound,
        "There is nothing under this path. /docs lists what there is.",
    )
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(
        Code::MethodNotAllowed,
        "The header `Allow` names the methods that this path takes.",
    )
}

/// A handler panicked, which is a bug: the client learns only that.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    use axum::response::IntoResponse;
    ApiError::new(
        Code::Internal,
        "It is logged; try again, and report it if it stays.",
    )
    .into_response()
}
