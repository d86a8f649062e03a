//! The doors: webhooks in, the admin's REST, and what monitoring reads.

pub mod gates;
pub mod ops;
pub mod problem;
pub mod receiver;
pub mod state;
pub mod webhook;

use axum::{
    Router,
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use state::AppState;

/// Every route.
#[rustfmt::skip]
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/webhooks/dover", post(webhook::receive_default))
        .route("/webhooks/dover/{connection}", post(webhook::receive))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/health", get(ops::health))
        .route("/metrics", get(ops::metrics))
        .layer(CatchPanicLayer::new())
        .with_state(state)
}
